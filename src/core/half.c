#include <assert.h>
#include <string.h>

#include "core/half.h"
#include "core/session.h"

void
half_init(struct half *h, struct session *s, enum dir dir)
{
	memset(h, 0, sizeof(*h));
	h->fin = HALF_NO_FIN;
	h->scale = SEGMENT_NO_SCALE;
	reasm_init(&h->reasm, s, dir);
}

void
half_done(struct half *h, struct reasm_pool *p)
{
	reasm_done(p, &h->reasm);
}

static uint64_t
delivered(const struct half *h)
{
	return h->reasm.s->off[h->reasm.dir];
}

uint64_t
half_acked(const struct half *h)
{
	return h->reasm.s->acked[h->reasm.dir];
}

static void
set_acked(struct half *h, uint64_t off)
{
	h->reasm.s->acked[h->reasm.dir] = off;
}

bool
half_is_soft(const struct half *h)
{
	return h->soft && delivered(h) == 0;
}

void
half_start(struct half *h, struct reasm_pool *p, uint32_t seq)
{
	struct session *s = h->reasm.s;
	enum dir dir = (enum dir)h->reasm.dir;

	if (h->reasm.started) {
		assert(half_is_soft(h));
		reasm_done(p, &h->reasm);
		reasm_init(&h->reasm, s, dir);
		set_acked(h, 0);
		h->top = 0;
		h->edge = 0;
		h->doubt = 0;
		h->heard = false;
	}
	h->start = seq;
	reasm_start(&h->reasm, seq);
}

void
half_settle(struct half *h, struct reasm_pool *p, uint32_t seq)
{
	int64_t off = half_offset(h, seq);

	if (!half_is_soft(h))
		return;
	if (off < 0 || off > (int64_t)half_acked(h) + HALF_OVERTAKEN)
		half_start(h, p, seq);
	h->soft = false;
}

int64_t
half_offset(const struct half *h, uint32_t seq)
{
	return reasm_offset(&h->reasm, seq);
}

static int64_t
greater(uint64_t a, uint64_t b)
{
	return (int64_t)(a > b ? a : b);
}

/* Where we stop believing that it can have come this far. */
static int64_t
limit(const struct half *h)
{
	int64_t width = (int64_t)(h->edge - half_acked(h));

	return greater(h->edge, h->top) + width + HALF_SLACK;
}

enum half_place
half_place(const struct half *h, uint32_t seq, uint32_t len)
{
	int64_t off = half_offset(h, seq);
	int64_t next = (int64_t)delivered(h);

	if (half_is_soft(h))
		return HALF_WITHIN;
	if (off - next > HALF_REACH || next - (off + len) > HALF_REACH)
		return HALF_FAR;
	return h->heard && off > limit(h) ? HALF_AHEAD : HALF_WITHIN;
}

bool
half_is_probe(const struct half *h, const struct segment *seg)
{
	const unsigned other = SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST;
	uint64_t waits_for = h->heard ? half_acked(h) : delivered(h);
	int64_t off;

	if (seg->wire_len > 1 || (seg->flags & other) != 0)
		return false;
	/* Not delivered yet: its acknowledgement came our way first. */
	off = half_offset(h, seg->seq);
	return off + 1 == (int64_t)waits_for && off < (int64_t)delivered(h);
}

/* Is it too far ahead, and said for the first time? */
static bool
is_doubtful(struct half *h, int64_t off)
{
	uint64_t doubt = h->doubt;

	if (off <= limit(h))
		return false;
	h->doubt = (uint64_t)off;
	return doubt == 0 || (uint64_t)off < doubt;
}

void
half_ack(struct half *h, uint32_t ack, uint32_t window)
{
	int64_t off = half_offset(h, ack);
	uint64_t edge;

	if (off < 0 || off - (int64_t)delivered(h) > HALF_REACH ||
	    is_doubtful(h, off))
		return;
	if ((uint64_t)off > half_acked(h))
		set_acked(h, (uint64_t)off);
	edge = (uint64_t)off + window;
	/* Some take back what they have allowed: it was allowed once. */
	if (edge > h->edge)
		h->edge = edge;
	h->heard = true;
}

bool
half_fin_acked(const struct half *h)
{
	return h->fin != HALF_NO_FIN && half_acked(h) > h->fin;
}

bool
half_takes_rst(const struct half *h, uint32_t seq)
{
	int64_t off = half_offset(h, seq);

	return off >= (int64_t)half_acked(h) &&
	       off <= greater(half_acked(h), h->top);
}

uint64_t
half_proven(const struct half *h)
{
	if (h->fin != HALF_NO_FIN)
		return h->fin;
	if (half_acked(h) <= h->top + 1)
		return h->top;
	return half_acked(h);
}
