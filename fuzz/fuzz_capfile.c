#include <errno.h>

#include "base/err.h"
#include "fuzz.h"
#include "source/window.h"
#include "wire/capfile.h"
#include "wire/capfile_item.h"

/*
 * Capture files (wire/capfile.h), pcap and pcapng: byte 0 is the size of the
 * pieces that the file comes in, the rest is the file.
 *
 * Read as a whole and in pieces it has the same items, and the same damage.
 */

/* What was read, in few words. */
struct outcome {
	uint64_t items;
	uint64_t sum;
	int rc;
	struct err err;
};

static void
mix(struct outcome *o, uint64_t value)
{
	o->sum = (o->sum ^ value) * UINT64_C(0x100000001b3);
}

static void
mix_bytes(struct outcome *o, const uint8_t *p, size_t len)
{
	mix(o, len);
	for (size_t i = 0; i < len; i++)
		mix(o, p[i]);
}

static void
take_item(struct outcome *o, const struct capfile_item *item, uint32_t *nifaces)
{
	const struct capfile_item_packet *p = &item->packet;

	o->items++;
	switch (item->what) {
	case CAPFILE_ITEM_INTERFACE:
		FUZZ_CHECK(item->iface.number == (*nifaces)++);
		mix_bytes(o, item->iface.name, item->iface.name_len);
		mix_bytes(
		    o, item->iface.description, item->iface.description_len);
		break;
	case CAPFILE_ITEM_PACKET:
		FUZZ_CHECK(p->iface < *nifaces && p->wire_len >= p->len);
		mix(o, p->ts_ns);
		mix_bytes(o, p->data, p->len);
		break;
	case CAPFILE_ITEM_STATS:
		FUZZ_CHECK(item->stats.iface < *nifaces);
		mix(o, item->stats.received ^ item->stats.os_dropped);
		break;
	case CAPFILE_ITEM_PASS:
		o->items--; /* the same bytes may be passed over in parts */
		break;
	case CAPFILE_ITEM_MORE:
		break;
	}
}

/* Items in view; 0 when another piece is needed. */
static int
take_view(
    struct capfile *c, struct window *w, struct outcome *o, uint32_t *nifaces)
{
	struct capfile_item item;
	const uint8_t *view;
	size_t len = window_view(w, &view);
	int rc;

	while (len > 0) {
		rc = capfile_next(c, view, len, &item, &o->err);
		if (rc != 0)
			return rc;
		if (item.what == CAPFILE_ITEM_MORE) {
			FUZZ_CHECK(item.need > len);
			FUZZ_CHECK(item.need <= CAPFILE_ITEM_MAX + 32);
			rc = window_need(w, item.need);
			if (rc != 0)
				return rc == -EAGAIN ? 0 : rc;
		} else {
			FUZZ_CHECK(item.used > 0);
			take_item(o, &item, nifaces);
			window_used(w, item.used);
		}
		len = window_view(w, &view);
	}
	return window_need(w, 1) == -ENOMEM ? -ENOMEM : 0;
}

static void
read_file(struct outcome *o, enum capfile_format format, struct fuzz_in in,
    size_t piece)
{
	struct capfile c;
	struct window w;
	uint32_t nifaces = 0;
	size_t len;

	*o = (struct outcome){ .rc = 0 };
	capfile_init(&c, format);
	window_init(&w);
	/* The readers are owed the first bytes at once. */
	for (size_t n = piece > CAPFILE_SNIFF_MAX ? piece : CAPFILE_SNIFF_MAX;
	     o->rc == 0 && in.left > 0; n = piece) {
		uint8_t *copy = fuzz_bytes(&in, n, &len);

		window_push(&w, copy, len);
		o->rc = take_view(&c, &w, o, &nifaces);
		free(copy);
	}
	if (o->rc == 0)
		o->rc = capfile_end(
		    &c, window_left(&w), (size_t)window_unseen(&w), &o->err);
	window_done(&w);
	capfile_done(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	size_t piece = 1 + fuzz_u8(&in);
	enum capfile_format format = capfile_sniff(in.p, in.left);
	struct outcome whole, parts;

	FUZZ_CHECK(format != CAPFILE_SHORT || in.left < CAPFILE_SNIFF_MAX);
	if (format != CAPFILE_PCAP && format != CAPFILE_PCAPNG)
		return 0;
	read_file(&whole, format, in, in.left);
	read_file(&parts, format, in, piece);
	FUZZ_CHECK(whole.rc == 0 || whole.rc == -EBADMSG || memory_is_short());
	FUZZ_CHECK(
	    whole.rc == 0 || whole.rc == -ENOMEM || whole.err.text[0] != '\0');
	if (memory_is_short())
		return 0;
	FUZZ_CHECK(whole.rc == parts.rc && whole.items == parts.items);
	FUZZ_CHECK(whole.sum == parts.sum);
	FUZZ_CHECK(strcmp(whole.err.text, parts.err.text) == 0);
	return 0;
}
