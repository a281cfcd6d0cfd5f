#include "fuzz.h"
#include "wire/decode.h"

/*
 * From the link layer to TCP (wire/decode.h): byte 0 and 1 are the link type,
 * byte 2 how many tunnels are opened, byte 3 what the snapshot length has cut
 * off; the rest is the packet.
 *
 * Whatever the packet: what is found lies within it, and the walk and the path
 * agree.
 */

static bool
lies_within(const struct decode_frame *f, const uint8_t *p, size_t len)
{
	return p != NULL && p >= f->data && p <= f->data + f->len &&
	       len <= (size_t)(f->data + f->len - p);
}

/* Bytes that say what they are told, so that sanitizers see them read. */
static void
read_all(const uint8_t *p, size_t len)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
}

static void
check_found(const struct decode_frame *f, const struct decode *d)
{
	size_t ip = d->version == 4 ? 4 : 16;

	FUZZ_CHECK(d->version == 4 || d->version == 6);
	FUZZ_CHECK(lies_within(f, d->src, ip) && lies_within(f, d->dst, ip));
	FUZZ_CHECK(lies_within(f, d->data, d->len));
	FUZZ_CHECK(d->wire_len >= d->len && d->depth <= f->depth);
	read_all(d->data, d->len);
}

static void
check_verdict(const struct decode_frame *f, enum decode_verdict verdict,
    const struct decode *d)
{
	switch (verdict) {
	case DECODE_TCP:
		check_found(f, d);
		FUZZ_CHECK(d->header_len >= 20 && d->header_len <= 60);
		FUZZ_CHECK(lies_within(f, d->segment, 20));
		FUZZ_CHECK(d->scale <= 14 || d->scale == 0xff);
		break;
	case DECODE_FRAGMENT:
		check_found(f, d);
		FUZZ_CHECK(d->wire_len > 0 && d->fragment.off % 8 == 0);
		FUZZ_CHECK(d->fragment.off + d->wire_len < 65536);
		FUZZ_CHECK(!d->fragment.more || d->wire_len % 8 == 0);
		break;
	case DECODE_NOT_TCP:
		break;
	case DECODE_BAD:
		FUZZ_CHECK(d->bad < DECODE_NBADS);
		FUZZ_CHECK(decode_bad_name(d->bad)[0] != '\0');
	}
}

static void
check_path(const struct decode_frame *f)
{
	struct decode_step steps[DECODE_HEADERS_MAX];
	size_t n = decode_path(f, steps);

	FUZZ_CHECK(n <= DECODE_HEADERS_MAX);
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK(lies_within(f, steps[i].header, 0));
		FUZZ_CHECK(lies_within(f, steps[i].data, steps[i].len));
		FUZZ_CHECK(steps[i].header <= steps[i].data);
		FUZZ_CHECK(i == 0 || steps[i - 1].data <= steps[i].header);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct decode d = { .bad = DECODE_LINK_TYPE };
	struct decode_frame f = { .linktype = fuzz_u16(&in) };
	size_t len;
	uint8_t *packet;

	f.depth = fuzz_u8(&in) % 17;
	f.wire_len = fuzz_u8(&in);
	packet = fuzz_bytes(&in, in.left, &len);
	f.data = packet;
	f.len = (uint32_t)len;
	f.wire_len += f.len;
	check_verdict(&f, decode_packet(&f, &d), &d);
	check_path(&f);
	free(packet);
	return 0;
}
