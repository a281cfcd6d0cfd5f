#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"

#include "wire/capfile_item.h"
#include "wire/order.h"
#include "wire/pcapng.h"
#include "wire/pcapng_read.h"

/* Type and length before the body of a block, the length again behind it. */
#define BLOCK_HEAD 8
#define BLOCK_TAIL 4
#define BLOCK_MIN  (BLOCK_HEAD + BLOCK_TAIL)

#define OPTION_HEAD 4

/*
 * A block whose length is no multiple of 4, with its padding.  Computed in
 * 64 bits: the length is the file's.
 */
#define PADDED(n) (((uint64_t)(n) + 3) & ~(uint64_t)3)

/* Resolution of an interface that states none: microseconds. */
#define TSRESOL_DEFAULT 6
/* if_tsresol: a power of two instead of ten. */
#define TSRESOL_BINARY 0x80
#define TSRESOL_NS     9
/* Largest power of ten in 64 bits. */
#define POWER_MAX 19

/* epb_flags, pack_flags: the two lowest bits. */
#define FLAGS_DIR_MASK 3

/* Whole seconds up to here have nanoseconds of 64 bits. */
#define SECONDS_MAX (UINT64_MAX / CLOCK_NS_PER_S - 1)

/**
 * struct pcapng_read_iface - What is kept of an interface
 * @tsresol:	if_tsresol
 * @factor:	Nanoseconds per unit, if that is a whole number and @offset_s
 *		is 0: the usual case, in one multiplication; else 0
 * @offset_s:	if_tsoffset, seconds
 */
struct pcapng_read_iface {
	uint32_t snaplen;
	uint8_t tsresol;
	uint32_t factor;
	int64_t offset_s;
};

/**
 * struct block - A block that lies in the window
 * @data:	From its type on
 * @len:	Up to its end, padding included
 * @body_end:	Offset where body and options end
 */
struct block {
	const uint8_t *data;
	uint32_t type;
	uint32_t len;
	uint32_t body_end;
};

/* --- time -------------------------------------------------------------- */

static uint64_t
power_of_ten(unsigned n)
{
	uint64_t p = 1;

	assert(n <= POWER_MAX);
	while (n-- > 0)
		p *= 10;
	return p;
}

/* Nanoseconds of @fraction units of 2^-@bits s, @fraction < 2^@bits. */
static uint64_t
binary_ns(uint64_t fraction, unsigned bits)
{
	uint64_t high = (fraction >> 32) * CLOCK_NS_PER_S;
	uint64_t low = (fraction & UINT32_MAX) * CLOCK_NS_PER_S;

	/* The product has up to 94 bits: its upper ones, and below them 32. */
	high += low >> 32;
	if (bits >= 96)
		return 0;
	if (bits >= 32)
		return high >> (bits - 32);
	return low >> bits; /* no high part: the fraction is below 2^32 */
}

/* Whole seconds of @ts, and the nanoseconds of the rest. */
static uint64_t
split(uint8_t tsresol, uint64_t ts, uint64_t *ns)
{
	unsigned n = tsresol & (unsigned)~TSRESOL_BINARY;
	uint64_t unit;

	if ((tsresol & TSRESOL_BINARY) != 0) {
		if (n >= 64) {
			*ns = binary_ns(ts, n);
			return 0;
		}
		*ns = binary_ns(ts & ((UINT64_C(1) << n) - 1), n);
		return ts >> n;
	}
	if (n > POWER_MAX) {
		/* Less than 1.9 s in all. */
		n -= TSRESOL_NS;
		*ns = n <= POWER_MAX ? ts / power_of_ten(n) : 0;
		return 0;
	}
	unit = power_of_ten(n);
	*ns = n <= TSRESOL_NS ? ts % unit * power_of_ten(TSRESOL_NS - n)
			      : ts % unit / power_of_ten(n - TSRESOL_NS);
	return ts / unit;
}

static uint64_t
time_ns(const struct pcapng_read_iface *i, uint64_t ts)
{
	uint64_t s, ns;

	if (i->factor > 0 && ts <= UINT64_MAX / i->factor)
		return ts * i->factor;
	s = split(i->tsresol, ts, &ns);
	if (i->offset_s < 0) {
		uint64_t back = 0 - (uint64_t)i->offset_s;

		if (back > s)
			return 0;
		s -= back;
	} else if ((uint64_t)i->offset_s > SECONDS_MAX) {
		return UINT64_MAX;
	} else if (s <= SECONDS_MAX) {
		s += (uint64_t)i->offset_s;
	}
	return s <= SECONDS_MAX ? s * CLOCK_NS_PER_S + ns : UINT64_MAX;
}

/* --- options ----------------------------------------------------------- */

/** struct option - One of them; @value lies in the window. */
struct option {
	uint16_t code;
	uint16_t len;
	const uint8_t *value;
};

/*
 * The option at @*at, which moves on; false at the end of the list, where that
 * is missing too, or where an option does not fit.
 */
static bool
next_option(const struct pcapng_read *r, const struct block *b, uint64_t *at,
    struct option *o)
{
	const uint8_t *p;

	if (*at + OPTION_HEAD > b->body_end)
		return false;
	p = b->data + *at;
	o->code = order_get16(r->big, p);
	o->len = order_get16(r->big, p + 2);
	o->value = p + OPTION_HEAD;
	if (o->code == PCAPNG_OPT_END ||
	    *at + OPTION_HEAD + o->len > b->body_end)
		return false;
	*at += OPTION_HEAD + PADDED(o->len);
	return true;
}

/* --- blocks ------------------------------------------------------------ */

static int
damage(const struct pcapng_read *r, struct err *err)
{
	err_prefix(err, "pcapng block %" PRIu64 " at offset %" PRIu64 ": ",
	    r->blocks + 1, r->off);
	return -EBADMSG;
}

static int
more(struct capfile_item *item, uint64_t need)
{
	item->what = CAPFILE_ITEM_MORE;
	item->need = (size_t)need;
	return 0;
}

static int
take_section(struct pcapng_read *r, const struct block *b, struct err *err)
{
	uint16_t major = order_get16(r->big, b->data + 12);
	uint16_t minor = order_get16(r->big, b->data + 14);

	if (major != PCAPNG_VERSION_MAJOR) {
		(void)err_set(err, -EBADMSG,
		    "a section of version %u.%u: only 1.x is known", major,
		    minor);
		return damage(r, err);
	}
	r->first += r->nifaces;
	r->nifaces = 0;
	return 0;
}

static int
make_room(struct pcapng_read *r, struct err *err)
{
	uint32_t room = r->room > 0 ? 2 * r->room : 4;
	struct pcapng_read_iface *v;

	if (r->nifaces < r->room)
		return 0;
	v = realloc(r->ifaces, room * sizeof(*v));
	if (v == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r->ifaces = v;
	r->room = room;
	return 0;
}

static void
take_iface_option(const struct pcapng_read *r, const struct option *o,
    struct pcapng_read_iface *i, struct capfile_item_iface *found)
{
	switch (o->code) {
	case PCAPNG_IF_NAME:
		found->name = o->value;
		found->name_len = o->len;
		break;
	case PCAPNG_IF_DESCRIPTION:
		found->description = o->value;
		found->description_len = o->len;
		break;
	case PCAPNG_IF_TSRESOL:
		if (o->len >= 1)
			i->tsresol = o->value[0];
		break;
	case PCAPNG_IF_TSOFFSET:
		if (o->len >= 8)
			i->offset_s = (int64_t)order_get64(r->big, o->value);
		break;
	default:
		break;
	}
}

static int
take_iface(struct pcapng_read *r, const struct block *b,
    struct capfile_item *item, struct err *err)
{
	struct pcapng_read_iface i = { .tsresol = TSRESOL_DEFAULT };
	struct capfile_item_iface found = {
		.number = r->first + r->nifaces,
		.linktype = order_get16(r->big, b->data + 8),
		.snaplen = order_get32(r->big, b->data + 12),
	};
	uint64_t at = 16;
	struct option o;
	int rc;

	if (found.number >= PCAPNG_READ_IFACES_MAX) {
		(void)err_set(err, -EBADMSG, "more than %d interfaces",
		    PCAPNG_READ_IFACES_MAX);
		return damage(r, err);
	}
	rc = make_room(r, err);
	if (rc != 0)
		return rc;
	while (next_option(r, b, &at, &o))
		take_iface_option(r, &o, &i, &found);
	i.snaplen = found.snaplen;
	if (i.tsresol <= TSRESOL_NS && i.offset_s == 0)
		i.factor =
		    (uint32_t)power_of_ten((unsigned)(TSRESOL_NS - i.tsresol));
	r->ifaces[r->nifaces++] = i;
	item->what = CAPFILE_ITEM_INTERFACE;
	item->iface = found;
	return 0;
}

static int
no_iface(const struct pcapng_read *r, uint32_t number, struct err *err)
{
	(void)err_set(err, -EBADMSG,
	    "a packet of interface %" PRIu32 ", but only %" PRIu32
	    " are described",
	    number, r->nifaces);
	return damage(r, err);
}

static enum frame_dir
packet_dir(const struct pcapng_read *r, const struct block *b, uint64_t at)
{
	struct option o;

	while (next_option(r, b, &at, &o)) {
		if (o.code != PCAPNG_EPB_FLAGS || o.len < 4)
			continue;
		switch (order_get32(r->big, o.value) & FLAGS_DIR_MASK) {
		case FRAME_INBOUND:
			return FRAME_INBOUND;
		case FRAME_OUTBOUND:
			return FRAME_OUTBOUND;
		default:
			return FRAME_UNKNOWN;
		}
	}
	return FRAME_UNKNOWN;
}

/* The enhanced block, or the obsolete one: only the first field differs. */
static int
take_packet(struct pcapng_read *r, const struct block *b,
    struct capfile_item *item, struct err *err)
{
	enum {
		DATA = 28
	};
	const uint8_t *p = b->data;
	uint32_t number = b->type == PCAPNG_EPB ? order_get32(r->big, p + 8)
						: order_get16(r->big, p + 8);
	uint64_t ts = (uint64_t)order_get32(r->big, p + 12) << 32 |
		      order_get32(r->big, p + 16);
	uint32_t captured = order_get32(r->big, p + 20);
	uint32_t wire_len = order_get32(r->big, p + 24);

	if (number >= r->nifaces)
		return no_iface(r, number, err);
	if (captured > b->body_end - DATA) {
		(void)err_set(err, -EBADMSG,
		    "captured length %" PRIu32
		    " does not fit into a block of %" PRIu32,
		    captured, b->len);
		return damage(r, err);
	}
	r->last_ns = time_ns(&r->ifaces[number], ts);
	item->what = CAPFILE_ITEM_PACKET;
	item->packet = (struct capfile_item_packet){
		.iface = r->first + number,
		.dir = packet_dir(r, b, DATA + PADDED(captured)),
		.ts_ns = r->last_ns,
		.data = p + DATA,
		.len = captured,
		.wire_len = wire_len > captured ? wire_len : captured,
	};
	return 0;
}

/*
 * A simple packet is one of the first interface, has no time, and is as long
 * as the snapshot length leaves it; the padding hides how long that is
 * exactly, so the block's own length is only the last word.
 */
static int
take_simple(struct pcapng_read *r, const struct block *b,
    struct capfile_item *item, struct err *err)
{
	enum {
		DATA = 12
	};
	uint32_t wire_len = order_get32(r->big, b->data + 8);
	uint32_t captured = wire_len;

	if (r->nifaces == 0)
		return no_iface(r, 0, err);
	if (r->ifaces[0].snaplen > 0 && captured > r->ifaces[0].snaplen)
		captured = r->ifaces[0].snaplen;
	if (captured > b->body_end - DATA)
		captured = b->body_end - DATA;
	item->what = CAPFILE_ITEM_PACKET;
	item->packet = (struct capfile_item_packet){
		.iface = r->first,
		.ts_ns = r->last_ns,
		.data = b->data + DATA,
		.len = captured,
		.wire_len = wire_len,
	};
	return 0;
}

static void
take_stats(
    struct pcapng_read *r, const struct block *b, struct capfile_item *item)
{
	uint32_t number = order_get32(r->big, b->data + 8);
	struct capfile_item_stats stats = { .iface = r->first + number };
	uint64_t at = 20;
	struct option o;

	if (number >= r->nifaces)
		return;
	while (next_option(r, b, &at, &o)) {
		if (o.len < 8)
			continue;
		if (o.code == PCAPNG_ISB_IFRECV)
			stats.received = order_get64(r->big, o.value);
		else if (o.code == PCAPNG_ISB_IFDROP)
			stats.if_dropped = order_get64(r->big, o.value);
		else if (o.code == PCAPNG_ISB_OSDROP)
			stats.os_dropped = order_get64(r->big, o.value);
	}
	item->what = CAPFILE_ITEM_STATS;
	item->stats = stats;
}

static int
take_block(struct pcapng_read *r, const struct block *b,
    struct capfile_item *item, struct err *err)
{
	int rc = 0;

	item->what = CAPFILE_ITEM_PASS;
	if (b->type == PCAPNG_EPB || b->type == PCAPNG_PB)
		rc = take_packet(r, b, item, err);
	else if (b->type == PCAPNG_SPB)
		rc = take_simple(r, b, item, err);
	else if (b->type == PCAPNG_IDB)
		rc = take_iface(r, b, item, err);
	else if (b->type == PCAPNG_ISB)
		take_stats(r, b, item);
	else
		rc = take_section(r, b, err);
	if (rc != 0)
		return rc;
	item->used = b->len;
	r->off += b->len;
	r->blocks++;
	return 0;
}

/* --- finding blocks ---------------------------------------------------- */

/* Shortest block of @type; 0: none that we look into. */
static uint32_t
shortest(uint32_t type)
{
	switch (type) {
	case PCAPNG_SHB:
		return BLOCK_MIN + 16;
	case PCAPNG_IDB:
		return BLOCK_MIN + 8;
	case PCAPNG_EPB:
	case PCAPNG_PB:
		return BLOCK_MIN + 20;
	case PCAPNG_SPB:
		return BLOCK_MIN + 4;
	case PCAPNG_ISB:
		return BLOCK_MIN + 12;
	default:
		return 0;
	}
}

/* Does the length stand at @at once more?  -EAGAIN: behind the window. */
static int
repeats_at(const struct pcapng_read *r, const uint8_t *data, size_t len,
    uint64_t at, uint32_t total)
{
	if (len < at + BLOCK_TAIL)
		return -EAGAIN;
	return order_get32(r->big, data + at) == total ? 0 : -EBADMSG;
}

/*
 * The length of a block stands at its end once more, at @*at.  Where it is no
 * multiple of 4, the block may have been padded all the same: then @*at moves.
 */
static int
check_end(const struct pcapng_read *r, const uint8_t *data, size_t len,
    uint64_t *at, uint32_t total)
{
	uint64_t padded = *at + (PADDED(total) - total);
	int rc = repeats_at(r, data, len, *at, total);

	if (rc != -EBADMSG || padded == *at)
		return rc;
	*at = padded;
	return repeats_at(r, data, len, padded, total);
}

static int
bad_end(const struct pcapng_read *r, uint32_t total, struct err *err)
{
	(void)err_set(err, -EBADMSG,
	    "its length is %" PRIu32 " at the front and another at its end",
	    total);
	return damage(r, err);
}

/* The end of a block that was passed over. */
static int
next_tail(struct pcapng_read *r, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err)
{
	uint64_t at = 0;
	int rc = check_end(r, data, len, &at, r->tail);

	if (rc == -EAGAIN)
		return more(item, at + BLOCK_TAIL);
	if (rc != 0)
		return bad_end(r, r->tail, err);
	item->what = CAPFILE_ITEM_PASS;
	item->used = (size_t)at + BLOCK_TAIL;
	r->off += r->tail + at;
	r->blocks++;
	r->tail = 0;
	return 0;
}

/* Which way round the section that begins here is. */
static int
take_order(struct pcapng_read *r, const uint8_t *data, struct err *err)
{
	const uint8_t *magic = data + BLOCK_HEAD;

	if (order_get32(true, magic) == PCAPNG_MAGIC) {
		r->big = true;
	} else if (order_get32(false, magic) == PCAPNG_MAGIC) {
		r->big = false;
	} else {
		(void)err_set(err, -EBADMSG,
		    "a section whose byte order is neither of the two "
		    "(0x%08" PRIx32 ")",
		    order_get32(true, magic));
		return damage(r, err);
	}
	r->begun = true;
	return 0;
}

static int
check_len(
    const struct pcapng_read *r, uint32_t type, uint32_t total, struct err *err)
{
	uint32_t least = shortest(type);

	if (total < BLOCK_MIN || total < least) {
		(void)err_set(err, -EBADMSG,
		    "a block of type 0x%08" PRIx32 " and %" PRIu32
		    " bytes: it has at least %" PRIu32,
		    type, total, least > 0 ? least : (uint32_t)BLOCK_MIN);
		return damage(r, err);
	}
	if (least > 0 && total > CAPFILE_ITEM_MAX) {
		(void)err_set(err, -EBADMSG,
		    "a block of type 0x%08" PRIx32 " and %" PRIu32
		    " bytes exceeds %" PRIu32,
		    type, total, CAPFILE_ITEM_MAX);
		return damage(r, err);
	}
	return 0;
}

/*
 * A section's header may be the first to say which way round everything is,
 * also its own length.
 */
static int
read_head(struct pcapng_read *r, const uint8_t *data, uint32_t *type,
    uint32_t *total, struct err *err)
{
	int rc = 0;

	*type = order_get32(r->big, data);
	assert(r->begun || *type == PCAPNG_SHB); /* pcapng_read_knows() */
	if (*type == PCAPNG_SHB)
		rc = take_order(r, data, err);
	if (rc != 0)
		return rc;
	*total = order_get32(r->big, data + 4);
	return check_len(r, *type, *total, err);
}

int
pcapng_read_next(struct pcapng_read *r, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err)
{
	uint32_t type, total;
	uint64_t at;
	int rc;

	if (r->tail > 0)
		return next_tail(r, data, len, item, err);
	if (len < BLOCK_MIN)
		return more(item, BLOCK_MIN);
	rc = read_head(r, data, &type, &total, err);
	if (rc != 0)
		return rc;
	at = total - BLOCK_TAIL;
	if (shortest(type) == 0) {
		r->tail = total;
		item->what = CAPFILE_ITEM_PASS;
		item->used = (size_t)at;
		return 0;
	}
	rc = check_end(r, data, len, &at, total);
	if (rc == -EAGAIN)
		return more(item, at + BLOCK_TAIL);
	if (rc != 0)
		return bad_end(r, total, err);
	return take_block(r,
	    &(struct block){
		.data = data,
		.type = type,
		.len = (uint32_t)at + BLOCK_TAIL,
		.body_end = (uint32_t)at,
	    },
	    item, err);
}

int
pcapng_read_end(
    const struct pcapng_read *r, size_t left, size_t unseen, struct err *err)
{
	if (left == 0 && unseen == 0 && r->tail == 0)
		return 0;
	if (r->tail > 0)
		left += r->tail - BLOCK_TAIL - unseen;
	(void)err_set(err, -EBADMSG, "cut off after %zu bytes", left);
	return damage(r, err);
}

bool
pcapng_read_knows(const uint8_t data[PCAPNG_READ_MAGIC_LEN])
{
	return order_get32(true, data) == PCAPNG_SHB;
}

void
pcapng_read_init(struct pcapng_read *r)
{
	*r = (struct pcapng_read){ 0 };
}

void
pcapng_read_done(struct pcapng_read *r)
{
	free(r->ifaces);
	r->ifaces = NULL;
}
