#include "base/err.h"
#include "core/defrag.h"
#include "fuzz.h"

/*
 * Datagrams put together (core/defrag.h) from fragments of four of them, in any
 * order, more than once, overlapping, cut.
 *
 * A model notes which values were sent for each byte.  What is given out
 * consists of such; where only one was ever sent, of that one.  Packets are
 * counted exactly.
 */

#define NAMES 4
#define SPAN  2048 /* of a datagram, here */

/* What was sent of a datagram since it was last whole or forgotten. */
struct sent {
	uint8_t values[SPAN]; /* a bit for each value of a byte */
};

static struct sent model[NAMES];
static const uint8_t src[16] = { 10, 0, 0, 1 };
static const uint8_t dst[16] = { 10, 0, 0, 2 };

static void
note(struct sent *s, const struct defrag_piece *p)
{
	for (uint32_t i = 0; i < p->len && p->off + i < SPAN; i++)
		s->values[p->off + i] |= (uint8_t)(1 << (p->data[i] & 7));
}

static void
check_whole(const struct sent *s, const struct defrag_whole *w)
{
	FUZZ_CHECK(w->len <= w->wire_len && w->wire_len > 0);
	FUZZ_CHECK(w->wire_len < DEFRAG_DATAGRAM_MAX);
	FUZZ_CHECK(w->packets > 0);
	for (uint32_t i = 0; i < w->len && i < SPAN; i++)
		FUZZ_CHECK((s->values[i] & 1 << (w->data[i] & 7)) != 0);
}

static void
add(struct defrag *d, struct fuzz_in *in, uint64_t *now_ns)
{
	unsigned what = fuzz_u8(in);
	unsigned name = what & 3;
	struct defrag_piece p = {
		.version = what & 4 ? 6 : 4,
		.protocol = 6,
		.more = (what & 8) != 0,
		.id = name,
		.src = src,
		.dst = dst,
		.off = 8U * fuzz_u8(in) % SPAN,
		.packets = 1,
		.depth = fuzz_u8(in) % 5,
	};
	struct defrag_whole w;
	size_t len;
	uint8_t *data;
	uint32_t want = 1 + fuzz_u8(in);

	/* The two versions are datagrams of their own. */
	name = name % 2 + (p.version == 6 ? 2 : 0);
	p.id = name;
	if (p.more)
		want = (want + 7) / 8 * 8;
	data = fuzz_bytes(in, what & 16 ? want / 2 : want, &len);
	p.data = data;
	p.len = (uint32_t)len;
	p.wire_len = want;
	if (what & 32)
		p.off += 8 * 4096;
	*now_ns += (what & 64) != 0 ? UINT64_C(11000000000) : 1;
	p.ts_ns = *now_ns;
	note(&model[name], &p);
	if (defrag_add(d, &p, &w)) {
		check_whole(&model[name], &w);
		FUZZ_CHECK(w.version == p.version);
		memset(&model[name], 0, sizeof(model[name]));
	}
	free(data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	bool is_small = (fuzz_u8(&in) & 1) != 0;
	struct defrag_opts o = {
		.blocks = is_small ? 66 : 256,
		.datagrams = is_small ? 2 : 64,
		.age_ns = DEFRAG_AGE_NS_DEFAULT,
	};
	struct err err = { "" };
	struct defrag *d = defrag_new(&o, &err);
	uint64_t now_ns = UINT64_C(1) << 60;

	if (d == NULL) {
		FUZZ_CHECK(memory_is_short() && err.text[0] != '\0');
		return 0;
	}
	memset(model, 0, sizeof(model));
	while (in.left > 0)
		add(d, &in, &now_ns);
	defrag_free(d);
	return 0;
}
