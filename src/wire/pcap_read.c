#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/err.h"

#include "wire/capfile_item.h"
#include "wire/order.h"
#include "wire/pcap.h"
#include "wire/pcap_read.h"

/*
 * The format that Alexey Kuznetzov's patches for libpcap 0.4 wrote: the index
 * of the interface, the protocol and the type of the packet follow the
 * lengths of a record.
 */
#define MAGIC_MODIFIED      0xa1b2cd34U
#define MODIFIED_RECORD_LEN 24

/* What DG/UX called the version whose lengths are swapped. */
#define DGUX_VERSION_MAJOR 543

/*
 * The last field of the header of a file: the link type, bits that must be 0,
 * and how long the frame check sequence behind each packet is.  That one is
 * no part of any datagram; whoever decodes leaves it alone, as it does with
 * padding.
 */
#define LINKTYPE_MASK     0x0000ffffU
#define LINKTYPE_RESERVED 0x03ff0000U

/* struct kind - What a magic number says. */
struct kind {
	uint32_t magic;
	uint32_t unit_ns;
	uint32_t head_len;
};

static const struct kind kinds[] = {
	{ PCAP_MAGIC_US, CLOCK_NS_PER_US, PCAP_RECORD_LEN },
	{ PCAP_MAGIC_NS, 1, PCAP_RECORD_LEN },
	{ MAGIC_MODIFIED, CLOCK_NS_PER_US, MODIFIED_RECORD_LEN },
};

static const struct kind *
find_kind(const uint8_t *data, bool big)
{
	uint32_t magic = order_get32(big, data);

	for (size_t i = 0; i < ATTR_COUNT(kinds); i++)
		if (kinds[i].magic == magic)
			return &kinds[i];
	return NULL;
}

bool
pcap_read_knows(const uint8_t data[PCAP_READ_MAGIC_LEN])
{
	return find_kind(data, false) != NULL || find_kind(data, true) != NULL;
}

void
pcap_read_init(struct pcap_read *r)
{
	*r = (struct pcap_read){ 0 };
}

static int
more(struct capfile_item *item, size_t need)
{
	item->what = CAPFILE_ITEM_MORE;
	item->need = need;
	return 0;
}

static int
take_version(
    struct pcap_read *r, uint16_t major, uint16_t minor, struct err *err)
{
	if (major != PCAP_VERSION_MAJOR && major != DGUX_VERSION_MAJOR)
		return err_set(err, -EBADMSG,
		    "pcap version %u.%u at offset 4: only 2.x is known", major,
		    minor);
	r->swap = major == DGUX_VERSION_MAJOR || minor < 3;
	r->may_swap = minor == 3;
	return 0;
}

/* Longer packets than usual where the file says so itself. */
static uint32_t
packet_limit(uint32_t snaplen)
{
	if (snaplen <= CAPFILE_ITEM_PACKET_USUAL)
		return CAPFILE_ITEM_PACKET_USUAL;
	return snaplen < CAPFILE_ITEM_MAX ? snaplen : CAPFILE_ITEM_MAX;
}

static int
next_header(struct pcap_read *r, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err)
{
	const struct kind *kind;
	uint32_t linktype, snaplen;
	int rc;

	if (len < PCAP_FILE_LEN)
		return more(item, PCAP_FILE_LEN);
	kind = find_kind(data, false);
	if (kind == NULL) {
		kind = find_kind(data, true);
		r->big = true;
	}
	assert(kind != NULL); /* pcap_read_knows() was asked */
	linktype = order_get32(r->big, data + 20);
	if ((linktype & LINKTYPE_RESERVED) != 0)
		return err_set(err, -EBADMSG,
		    "pcap header at offset 20: link type 0x%08" PRIx32
		    " has bits set that must be 0",
		    linktype);
	rc = take_version(r, order_get16(r->big, data + 4),
	    order_get16(r->big, data + 6), err);
	if (rc != 0)
		return rc;
	snaplen = order_get32(r->big, data + 16);
	r->unit_ns = kind->unit_ns;
	r->head_len = kind->head_len;
	r->limit = packet_limit(snaplen);
	r->off = PCAP_FILE_LEN;
	r->begun = true;
	item->what = CAPFILE_ITEM_INTERFACE;
	item->used = PCAP_FILE_LEN;
	item->iface = (struct capfile_item_iface){
		.linktype = (uint16_t)(linktype & LINKTYPE_MASK),
		.snaplen = snaplen,
	};
	return 0;
}

int
pcap_read_next(struct pcap_read *r, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err)
{
	uint32_t captured, wire_len, other;
	size_t used;

	if (!r->begun)
		return next_header(r, data, len, item, err);
	if (len < r->head_len)
		return more(item, r->head_len);
	captured = order_get32(r->big, data + 8);
	wire_len = order_get32(r->big, data + 12);
	if (r->swap || (r->may_swap && captured > wire_len)) {
		other = captured;
		captured = wire_len;
		wire_len = other;
	}
	if (captured > r->limit)
		return err_set(err, -EBADMSG,
		    "pcap record %" PRIu64 " at offset %" PRIu64
		    ": captured length %" PRIu32 " exceeds %" PRIu32,
		    r->records + 1, r->off, captured, r->limit);
	used = (size_t)r->head_len + captured;
	if (len < used)
		return more(item, used);
	item->what = CAPFILE_ITEM_PACKET;
	item->used = used;
	item->packet = (struct capfile_item_packet){
		.ts_ns = order_get32(r->big, data) * CLOCK_NS_PER_S +
			 (uint64_t)order_get32(r->big, data + 4) * r->unit_ns,
		.data = data + r->head_len,
		.len = captured,
		.wire_len = wire_len > captured ? wire_len : captured,
	};
	r->off += used;
	r->records++;
	return 0;
}

int
pcap_read_end(const struct pcap_read *r, size_t left, struct err *err)
{
	if (!r->begun)
		return err_set(err, -EBADMSG,
		    "pcap header: cut off after %zu of %d bytes", left,
		    PCAP_FILE_LEN);
	if (left == 0)
		return 0;
	return err_set(err, -EBADMSG,
	    "pcap record %" PRIu64 " at offset %" PRIu64
	    ": cut off after %zu bytes",
	    r->records + 1, r->off, left);
}
