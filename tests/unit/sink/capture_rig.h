#ifndef CAPTURE_RIG_H
#define CAPTURE_RIG_H

#include "sink_rig.h"

#include "base/attr.h"
#include "base/bytes.h"
#include "base/obuf.h"

#include "core/packet.h"

#include "sink/capture.h"

/*
 * Packets for a capture sink, and what its files hold, as text.
 */

/* 2026-11-21 08:30:00 UTC */
#define START_NS 1795249800000000000ULL

#define ETHERNET 1
#define RAW      101
#define SLL2     276

static struct rig rig;

static const struct packet_iface eth0 = { 0, ETHERNET, 96, "eth0", "uplink" };
static const struct packet_iface any = { 1, SLL2, 262144, "any", NULL };
static const struct packet_iface raw = { 2, RAW, 0, NULL, NULL };

/* What the user was told. */
static char told[512];
static unsigned ntold;

static inline void
notice(void *self, const char *text)
{
	(void)self;
	ntold++;
	(void)snprintf(told, sizeof(told), "%s", text);
}

static inline int
set_up(void **state)
{
	(void)state;
	rig_init(&rig);
	rig.env.source = "read";
	rig.env.packets = true;
	rig.env.start_ns = START_NS;
	rig.env.notice = notice;
	ntold = 0;
	told[0] = '\0';
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	rig_done(&rig);
	return 0;
}

/* A packet, @ms after the start, of "on the wire" 1000 bytes more. */
static inline void
pass_as(struct session *s, const struct packet_iface *iface, enum packet_dir d,
    uint64_t ms, const char *bytes)
{
	const struct packet p = {
		.iface = iface,
		.ts_ns = START_NS + ms * CLOCK_NS_PER_MS + 7,
		.data = (const uint8_t *)bytes,
		.len = (uint32_t)strlen(bytes),
		.wire_len = (uint32_t)strlen(bytes) + 1000,
		.dir = d,
	};

	fanout_packet(rig.fan, s, &p);
}

static inline void
pass(struct session *s, const struct packet_iface *iface, uint64_t ms,
    const char *bytes)
{
	pass_as(s, iface, PACKET_UNKNOWN, ms, bytes);
}

static inline struct session *
begin(uint64_t id, bool no_packets)
{
	struct session *s = rig_session(&rig, id);

	s->source = "read";
	s->open_ns = START_NS;
	s->no_packets = no_packets;
	session_open(s);
	return s;
}

/* --- reading back ------------------------------------------------------ */

/* Times are shown in ms after the start, "never" for what is no such time. */
static inline void
put_time(struct obuf *text, uint64_t ns)
{
	if (ns < START_NS)
		obuf_puts(text, " never");
	else
		obuf_printf(
		    text, " %u", (unsigned)((ns - START_NS) / CLOCK_NS_PER_MS));
}

static inline uint64_t
time_at(const uint8_t *p)
{
	return (uint64_t)bytes_get_le32(p) << 32 | bytes_get_le32(p + 4);
}

/* The value of an option; NULL if it is not there. */
static inline const uint8_t *
find_option(const uint8_t *p, unsigned code, unsigned *len)
{
	while (bytes_get_le16(p) != code) {
		if (bytes_get_le16(p) == 0)
			return NULL;
		p += 4 + (bytes_get_le16(p + 2) + 3U) / 4 * 4;
	}
	*len = bytes_get_le16(p + 2);
	return p + 4;
}

/* The same; a test without it has failed. */
static inline const uint8_t *
option(const uint8_t *p, unsigned code, unsigned *len)
{
	static const uint8_t none[8];
	const uint8_t *found = find_option(p, code, len);

	if (found != NULL)
		return found;
	fail_msg("there is no option %u", code);
	return none;
}

/* Those made for a stream begin with an IP header. */
static inline void
put_bytes(struct obuf *text, const uint8_t *p, uint32_t len, uint32_t wire_len)
{
	if (p[0] == 0x45)
		obuf_printf(text, " ip %u", (unsigned)len);
	else if (len > 1000)
		obuf_puts(text, " big");
	else
		obuf_printf(
		    text, " %.*s+%u", (int)len, p, (unsigned)(wire_len - len));
}

static inline void
idb_line(struct obuf *text, const uint8_t *p)
{
	unsigned len;

	obuf_printf(text, "IDB %u %u", bytes_get_le16(p + 8),
	    (unsigned)bytes_get_le32(p + 12));
	for (unsigned code = 2; code <= 3; code++) {
		const uint8_t *t = find_option(p + 16, code, &len);

		if (t != NULL)
			obuf_printf(text, " %.*s", (int)len, t);
	}
	assert_int_equal(option(p + 16, 9, &len)[0], 9);
}

static inline void
epb_line(struct obuf *text, const uint8_t *p)
{
	unsigned len = bytes_get_le32(p + 20), n;
	const uint8_t *flags = option(p + 28 + (len + 3) / 4 * 4, 2, &n);

	obuf_printf(text, "EPB %u", (unsigned)bytes_get_le32(p + 8));
	put_time(text, time_at(p + 12));
	put_bytes(text, p + 28, len, bytes_get_le32(p + 24));
	obuf_printf(text, " dir %u", (unsigned)bytes_get_le32(flags));
}

static inline void
isb_line(struct obuf *text, const uint8_t *p)
{
	const uint8_t *value;
	unsigned len;

	obuf_printf(text, "ISB %u", (unsigned)bytes_get_le32(p + 8));
	put_time(text, time_at(option(p + 20, 2, &len)));
	put_time(text, time_at(option(p + 20, 3, &len)));
	obuf_printf(text, " recv %u",
	    (unsigned)bytes_get_le64(option(p + 20, 4, &len)));
	value = find_option(p + 20, 5, &len);
	if (value != NULL)
		obuf_printf(text, " drop %u", (unsigned)bytes_get_le64(value));
}

static inline void
block_line(struct obuf *text, const uint8_t *p)
{
	switch (bytes_get_le32(p)) {
	case 0x0a0d0d0a:
		obuf_puts(text, "SHB");
		break;
	case 1:
		idb_line(text, p);
		break;
	case 5:
		isb_line(text, p);
		break;
	case 6:
		epb_line(text, p);
		break;
	default:
		fail_msg("block of type %u", bytes_get_le32(p));
	}
	obuf_putc(text, '\n');
}

static inline void
assert_text(struct obuf *text, const char *want)
{
	obuf_putc(text, '\0');
	assert_string_equal((char *)text->data, want);
	obuf_done(text);
}

static inline void
assert_pcapng(const char *name, const char *want)
{
	struct obuf text = { 0 };
	size_t len = 0, block;
	char *file = rig_read(&rig, name, &len);

	if (file == NULL) {
		fail_msg("%s does not exist", name);
		return;
	}
	for (size_t i = 0; i < len; i += block) {
		const uint8_t *p = (const uint8_t *)file + i;

		assert_true(len - i >= 12);
		block = bytes_get_le32(p + 4);
		assert_true(block >= 12 && block % 4 == 0 && block <= len - i);
		block_line(&text, p);
	}
	assert_text(&text, want);
	free(file);
}

/* A pcap file as "linktype snaplen", then "ms bytes+more" for each packet. */
static inline void
assert_pcap(const char *name, const char *want)
{
	struct obuf text = { 0 };
	size_t len = 0, n;
	char *file = rig_read(&rig, name, &len);
	const uint8_t *p = (const uint8_t *)file;

	if (file == NULL) {
		fail_msg("%s does not exist", name);
		return;
	}
	assert_true(len >= 24);
	assert_int_equal(bytes_get_le32(p), 0xa1b23c4d);
	obuf_printf(&text, "%u %u\n", (unsigned)bytes_get_le32(p + 20),
	    (unsigned)bytes_get_le32(p + 16));
	for (p += 24, len -= 24; len > 0; p += 16 + n, len -= 16 + n) {
		assert_true(len >= 16);
		n = bytes_get_le32(p + 8);
		assert_true(n <= len - 16);
		put_time(&text,
		    bytes_get_le32(p) * CLOCK_NS_PER_S + bytes_get_le32(p + 4));
		put_bytes(&text, p + 16, (uint32_t)n, bytes_get_le32(p + 12));
		obuf_putc(&text, '\n');
	}
	assert_text(&text, want);
	free(file);
}

#endif /* CAPTURE_RIG_H */
