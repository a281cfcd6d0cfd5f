#include "fuzz.h"
#include "wire/decode.h"
#include "wire/peel.h"

/*
 * Payloads of layers (wire/peel.h): bytes 0 and 1 are the link type, byte 2
 * says how many of the bytes that follow are numbers of layers; the rest is
 * the packet.
 */

/* Has no business here but to be seen by sanitizers. */
static void
read_all(const uint8_t *p, size_t len)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
}

static void
check_payload(
    const struct decode_frame *f, const struct peel *p, bool is_listed)
{
	FUZZ_CHECK(p->data >= f->data);
	FUZZ_CHECK(p->data + p->len <= f->data + f->len);
	FUZZ_CHECK(p->version == 0 || p->version == 4 || p->version == 6);
	read_all(p->data, p->len);
	if (p->version != 0) {
		read_all(p->src, p->version == 4 ? 4 : 16);
		read_all(p->dst, p->version == 4 ? 4 : 16);
	}
	/* Without a list, the whole packet. */
	FUZZ_CHECK(is_listed || (p->data == f->data && p->len == f->len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct decode_frame f = { .linktype = fuzz_u16(&in) };
	struct peel_layers layers = { 0 };
	unsigned nlayers = fuzz_u8(&in) % 9, known = 0;
	struct peel p;
	uint8_t *packet;
	size_t len;

	while (nlayers-- > 0)
		known += peel_add(&layers, fuzz_u8(&in)) == 0;
	FUZZ_CHECK(peel_is_listed(&layers) == (known > 0));
	packet = fuzz_bytes(&in, in.left, &len);
	f.data = packet;
	f.len = f.wire_len = (uint32_t)len;
	if (peel_packet(&layers, &f, &p))
		check_payload(&f, &p, peel_is_listed(&layers));
	else
		FUZZ_CHECK(peel_is_listed(&layers));
	free(packet);
	return 0;
}
