#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/obuf.h"

#include "wire/synth.h"

/*
 * A second reading of the RFCs: packets are taken apart and checked here
 * without any code of wire/.
 *
 * @trace:	A line per packet: "C" or "S", flags, sequence number relative
 *		to that side's SYN, acknowledgement relative to the other's,
 *		payload length
 * @stream:	Payload of each side
 */
struct seen {
	char trace[4096];
	size_t packets;
	uint32_t base[2];
	int know[2];
	uint8_t version;
	uint8_t addr[2][16];
	uint16_t port[2];
	struct obuf stream[2];
	uint64_t ts_ns;
};

static uint16_t
book_sum(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

static void
flag_text(unsigned flags, char text[8])
{
	static const char letter[] = "FSRPA";
	size_t n = 0;

	assert_int_equal(flags & ~0x1fU, 0);
	for (unsigned i = 0; i < 5; i++)
		if (flags & 1U << i)
			text[n++] = letter[i];
	text[n] = '\0';
}

static void
check_tcp(struct seen *seen, int side, const uint8_t *p, size_t len)
{
	unsigned flags = p[13];
	uint32_t seq = bytes_get_be32(p + 4);
	uint32_t ack = bytes_get_be32(p + 8);
	size_t head = (size_t)(p[12] >> 4) * 4;
	char text[8];
	size_t n = strlen(seen->trace);

	assert_int_equal(bytes_get_be16(p), seen->port[side]);
	assert_int_equal(bytes_get_be16(p + 2), seen->port[!side]);
	if (flags & 0x02) {
		assert_int_equal(head, 32);
		seen->base[side] = seq;
		seen->know[side] = 1;
	} else {
		assert_int_equal(head, 20);
	}
	if (!(flags & 0x10))
		assert_int_equal(ack, 0);
	else
		ack -= seen->base[!side];
	flag_text(flags, text);
	(void)snprintf(seen->trace + n, sizeof(seen->trace) - n,
	    "%c %s %u %u %zu\n", "CS"[side], text, seq - seen->base[side], ack,
	    len - head);
	obuf_put(&seen->stream[side], p + head, len - head);
}

static void
take_packet(void *self, const struct frame *f)
{
	struct seen *seen = self;
	size_t len = f->head_len + f->data_len;
	uint8_t *p = malloc(len);
	size_t ip, alen, at;
	uint32_t sum;
	int side;

	assert_non_null(p);
	assert_int_equal(f->wire_len, len);
	assert_int_equal(f->ts_ns, seen->ts_ns);
	assert_true(len < 65536);
	memcpy(p, f->head, f->head_len);
	if (f->data_len > 0)
		memcpy(p + f->head_len, f->data, f->data_len);
	seen->version = p[0] >> 4;
	if (seen->version == 4) {
		ip = 20;
		alen = 4;
		at = 12;
		assert_int_equal(p[0], 0x45);
		assert_int_equal(bytes_get_be16(p + 2), len);
		assert_int_equal(book_sum(0, p, 20), 0xffff);
		assert_int_equal(p[9], 6);
	} else {
		ip = 40;
		alen = 16;
		at = 8;
		assert_int_equal(bytes_get_be16(p + 4), len - 40);
		assert_int_equal(p[6], 6);
	}
	side = f->dir == FRAME_OUTBOUND;
	if (seen->packets++ == 0) {
		memcpy(seen->addr[side], p + at, alen);
		memcpy(seen->addr[!side], p + at + alen, alen);
		seen->port[side] = bytes_get_be16(p + ip);
		seen->port[!side] = bytes_get_be16(p + ip + 2);
	}
	assert_memory_equal(seen->addr[side], p + at, alen);
	assert_memory_equal(seen->addr[!side], p + at + alen, alen);
	sum = book_sum(6 + (uint32_t)(len - ip), p + at, 2 * alen);
	assert_int_equal(book_sum(sum, p + ip, len - ip), 0xffff);
	check_tcp(seen, side, p + ip, len - ip);
	free(p);
}

static void
seen_done(struct seen *seen)
{
	obuf_done(&seen->stream[0]);
	obuf_done(&seen->stream[1]);
}

static struct addr
numeric(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(&a, ip), 0);
	a.port = port;
	return a;
}

/* A conversation between two addresses, nothing said yet. */
static struct synth_out
start(struct synth *s, struct seen *seen, uint64_t id)
{
	struct addr client = numeric("127.0.0.1", 40112);
	struct addr server = numeric("192.0.2.7", 21);

	memset(seen, 0, sizeof(*seen));
	seen->ts_ns = 1795249800123456789ULL;
	synth_init(s, &client, &server, id);
	return (struct synth_out){ take_packet, seen, seen->ts_ns };
}

static const uint8_t *
bytes(const char *text)
{
	return (const uint8_t *)text;
}

static void
orderly_conversation(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 7);

	(void)state;
	synth_open(&s, &out);
	assert_string_equal(seen.trace, "C S 0 0 0\n");
	synth_accept(&s, &out);
	synth_accept(&s, &out);
	synth_data(&s, &out, SYNTH_SERVER, bytes("220 hi\r\n"), 8);
	synth_data(&s, &out, SYNTH_CLIENT, bytes("QUIT\r\n"), 6);
	/* Half-close: the client has finished, the server has not. */
	synth_fin(&s, &out, SYNTH_CLIENT);
	synth_data(&s, &out, SYNTH_SERVER, bytes("bye"), 3);
	synth_fin(&s, &out, SYNTH_SERVER);
	synth_close(&s, &out);
	assert_string_equal(seen.trace, "C S 0 0 0\n"
					"S SA 0 1 0\n"
					"C A 1 1 0\n"
					"S PA 1 1 8\n"
					"C A 1 9 0\n"
					"C PA 1 9 6\n"
					"S A 9 7 0\n"
					"C FA 7 9 0\n"
					"S A 9 8 0\n"
					"S PA 9 8 3\n"
					"C A 8 12 0\n"
					"S FA 12 8 0\n"
					"C A 8 13 0\n");
	assert_int_equal(seen.version, 4);
	assert_memory_equal(seen.addr[0], "\x7f\0\0\1", 4);
	assert_memory_equal(seen.addr[1], "\xc0\0\2\7", 4);
	assert_int_equal(seen.port[0], 40112);
	assert_int_equal(seen.port[1], 21);
	assert_memory_equal(seen.stream[1].data, "220 hi\r\nbye", 11);
	seen_done(&seen);
}

/* The first bytes complete a handshake that nobody announced. */
static void
data_accepts(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 7);

	(void)state;
	synth_open(&s, &out);
	synth_data(&s, &out, SYNTH_CLIENT, bytes("x"), 1);
	assert_string_equal(seen.trace, "C S 0 0 0\n"
					"S SA 0 1 0\n"
					"C A 1 1 0\n"
					"C PA 1 1 1\n"
					"S A 1 2 0\n");
	seen_done(&seen);
}

/* A chunk larger than a packet: full segments, one acknowledgement. */
static void
large_chunks_are_cut(void **state)
{
	size_t len = 2 * SYNTH_SEGMENT + 5;
	uint8_t *data = malloc(len);
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 1);

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	synth_open(&s, &out);
	synth_data(&s, &out, SYNTH_CLIENT, data, len);
	synth_data(&s, &out, SYNTH_SERVER, data, SYNTH_SEGMENT);
	assert_string_equal(seen.trace, "C S 0 0 0\n"
					"S SA 0 1 0\n"
					"C A 1 1 0\n"
					"C A 1 1 61440\n"
					"C A 61441 1 61440\n"
					"C PA 122881 1 5\n"
					"S A 1 122886 0\n"
					"S PA 1 122886 61440\n"
					"C A 122886 61441 0\n");
	assert_int_equal(seen.stream[0].len, len);
	assert_memory_equal(seen.stream[0].data, data, len);
	free(data);
	seen_done(&seen);
}

static void
resets_come_from_who_did_it(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	synth_open(&s, &out);
	synth_data(&s, &out, SYNTH_CLIENT, bytes("ab"), 2);
	seen.trace[0] = '\0';
	synth_abort(&s, &out, SYNTH_SERVER, SYNTH_CLIENT);
	assert_string_equal(seen.trace, "");
	synth_abort(&s, &out, SYNTH_CLIENT, SYNTH_CLIENT);
	synth_close(&s, &out);
	assert_string_equal(seen.trace, "C RA 3 1 0\n");
	seen_done(&seen);

	out = start(&s, &seen, 3);
	synth_open(&s, &out);
	synth_accept(&s, &out);
	seen.trace[0] = '\0';
	/* The first of two who abort is the one who did it. */
	synth_abort(&s, &out, SYNTH_CLIENT, SYNTH_SERVER);
	synth_abort(&s, &out, SYNTH_SERVER, SYNTH_CLIENT);
	assert_string_equal(seen.trace, "S RA 1 1 0\n");
	seen_done(&seen);
}

/* What was read from the other side before the reset is not lost. */
static void
reset_waits_for_the_other_direction(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	synth_open(&s, &out);
	synth_accept(&s, &out);
	seen.trace[0] = '\0';
	synth_abort(&s, &out, SYNTH_CLIENT, SYNTH_CLIENT);
	synth_data(&s, &out, SYNTH_SERVER, bytes("late"), 4);
	synth_fin(&s, &out, SYNTH_SERVER);
	assert_string_equal(seen.trace, "S PA 1 1 4\n"
					"C A 1 5 0\n"
					"S FA 5 1 0\n"
					"C A 1 6 0\n"
					"C RA 1 6 0\n");
	seen_done(&seen);
}

static void
reset_waits_no_longer_than_close(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	synth_open(&s, &out);
	synth_accept(&s, &out);
	seen.trace[0] = '\0';
	synth_abort(&s, &out, SYNTH_CLIENT, SYNTH_SERVER);
	synth_close(&s, &out);
	synth_close(&s, &out);
	assert_string_equal(seen.trace, "S RA 1 1 0\n");
	seen_done(&seen);
}

static void
refused_call(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	synth_open(&s, &out);
	synth_abort(&s, &out, SYNTH_CLIENT, SYNTH_SERVER);
	synth_abort(&s, &out, SYNTH_SERVER, SYNTH_SERVER);
	synth_close(&s, &out);
	/* No SYN of the server was seen: its number is the true one, 0. */
	assert_string_equal(seen.trace, "C S 0 0 0\nS RA 0 1 0\n");
	seen_done(&seen);
}

/* A client that gives up while the server is being called had connected. */
static void
client_gives_up_early(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	synth_open(&s, &out);
	synth_abort(&s, &out, SYNTH_CLIENT, SYNTH_CLIENT);
	synth_abort(&s, &out, SYNTH_SERVER, SYNTH_CLIENT);
	assert_string_equal(seen.trace, "C S 0 0 0\n"
					"S SA 0 1 0\n"
					"C A 1 1 0\n"
					"C RA 1 1 0\n");
	seen_done(&seen);
}

static void
gaps_move_the_numbers(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	synth_open(&s, &out);
	synth_data(&s, &out, SYNTH_CLIENT, bytes("ab"), 2);
	seen.trace[0] = '\0';
	synth_gap(&s, &out, SYNTH_CLIENT, 100);
	assert_string_equal(seen.trace, "");
	synth_data(&s, &out, SYNTH_CLIENT, bytes("cd"), 2);
	synth_gap(&s, &out, SYNTH_SERVER, 5000000000ULL);
	synth_fin(&s, &out, SYNTH_SERVER);
	assert_string_equal(seen.trace, "C PA 103 1 2\n"
					"S A 1 105 0\n"
					"S FA 705032705 105 0\n"
					"C A 105 705032706 0\n");
	seen_done(&seen);
}

/* Else whoever reads the capture could not tell it from a stranger's. */
static void
a_reset_behind_a_gap_is_in_its_place(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	synth_open(&s, &out);
	synth_data(&s, &out, SYNTH_CLIENT, bytes("ab"), 2);
	synth_gap(&s, &out, SYNTH_CLIENT, 100);
	seen.trace[0] = '\0';
	synth_abort(&s, &out, SYNTH_CLIENT, SYNTH_CLIENT);
	synth_abort(&s, &out, SYNTH_SERVER, SYNTH_CLIENT);
	assert_string_equal(seen.trace, "S A 1 103 0\n"
					"C RA 103 1 0\n");
	seen_done(&seen);
}

/* A capture that starts late: the SYN stands right before the next byte. */
static void
late_start(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	synth_gap(&s, &out, SYNTH_CLIENT, 1000);
	synth_gap(&s, &out, SYNTH_SERVER, 2000);
	assert_string_equal(seen.trace, "");
	synth_open(&s, &out);
	synth_data(&s, &out, SYNTH_CLIENT, bytes("x"), 1);
	assert_string_equal(seen.trace, "C S 0 0 0\n"
					"S SA 0 1 0\n"
					"C A 1 1 0\n"
					"C PA 1 1 1\n"
					"S A 1 2 0\n");
	assert_int_equal(seen.base[0], s.end[0].isn + 1000);
	seen_done(&seen);
}

/* What comes after a join must follow it, byte by byte of the numbers. */
static void
joins_in_the_middle(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	out.emit = NULL;
	synth_open(&s, &out);
	synth_data(&s, &out, SYNTH_CLIENT, NULL, 3 * SYNTH_SEGMENT);
	synth_data(&s, &out, SYNTH_SERVER, NULL, 2000);
	synth_gap(&s, &out, SYNTH_SERVER, 500);
	assert_int_equal(synth_sent(&s, SYNTH_CLIENT), 3 * SYNTH_SEGMENT);
	assert_int_equal(synth_sent(&s, SYNTH_SERVER), 2500);
	out.emit = take_packet;
	synth_join(&s, &out);
	synth_data(&s, &out, SYNTH_CLIENT, bytes("x"), 1);
	synth_fin(&s, &out, SYNTH_SERVER);
	assert_string_equal(seen.trace, "C S 0 0 0\n"
					"S SA 0 1 0\n"
					"C A 1 1 0\n"
					"C PA 1 1 1\n"
					"S A 1 2 0\n"
					"S FA 1 2 0\n"
					"C A 2 2 0\n");
	assert_int_equal(
	    seen.base[0], s.end[0].isn + (uint32_t)(3 * SYNTH_SEGMENT));
	assert_int_equal(seen.base[1], s.end[1].isn + 2500);
	seen_done(&seen);
}

/* One who joins behind a FIN is shown it; behind half a reset, nothing. */
static void
joins_behind_an_end(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	out.emit = NULL;
	synth_open(&s, &out);
	synth_data(&s, &out, SYNTH_CLIENT, NULL, 10);
	synth_fin(&s, &out, SYNTH_CLIENT);
	assert_int_equal(synth_sent(&s, SYNTH_CLIENT), 10);
	out.emit = take_packet;
	synth_join(&s, &out);
	synth_data(&s, &out, SYNTH_SERVER, bytes("bye"), 3);
	assert_string_equal(seen.trace, "C S 0 0 0\n"
					"S SA 0 1 0\n"
					"C A 1 1 0\n"
					"C FA 1 1 0\n"
					"S A 1 2 0\n"
					"S PA 1 2 3\n"
					"C A 2 4 0\n");
	seen_done(&seen);

	out = start(&s, &seen, 3);
	synth_open(&s, &out);
	synth_accept(&s, &out);
	synth_abort(&s, &out, SYNTH_CLIENT, SYNTH_CLIENT);
	seen.trace[0] = '\0';
	synth_join(&s, &out);
	synth_close(&s, &out);
	assert_string_equal(seen.trace, "C S 0 0 0\n"
					"S SA 0 1 0\n"
					"C A 1 1 0\n"
					"C RA 1 1 0\n");
	/* Over: there is nothing to join. */
	seen.trace[0] = '\0';
	synth_join(&s, &out);
	assert_string_equal(seen.trace, "");
	seen_done(&seen);
}

/* Nobody has answered yet: whether it will be refused is still open. */
static void
joins_a_call(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	out.emit = NULL;
	synth_open(&s, &out);
	out.emit = take_packet;
	synth_join(&s, &out);
	synth_abort(&s, &out, SYNTH_CLIENT, SYNTH_SERVER);
	synth_close(&s, &out);
	assert_string_equal(seen.trace, "C S 0 0 0\nS RA 0 1 0\n");
	seen_done(&seen);
}

/* 20 bytes around 2^32: numbers wrap, and go on beyond it. */
static void
more_than_32_bits(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out = start(&s, &seen, 2);

	(void)state;
	synth_open(&s, &out);
	synth_accept(&s, &out);
	seen.trace[0] = '\0';
	synth_gap(&s, &out, SYNTH_CLIENT, ((uint64_t)1 << 32) - 10);
	synth_data(&s, &out, SYNTH_CLIENT, bytes("0123456789abcdefghij"), 20);
	synth_data(&s, &out, SYNTH_CLIENT, bytes("k"), 1);
	assert_string_equal(seen.trace, "C PA 4294967287 1 20\n"
					"S A 1 11 0\n"
					"C PA 11 1 1\n"
					"S A 1 12 0\n");
	assert_true(s.end[0].next == ((uint64_t)1 << 32) + 12);
	seen_done(&seen);
}

/* The same ports again: another number, or it looks like the SYN resent. */
static void
sessions_are_told_apart(void **state)
{
	struct synth s;
	struct seen seen;
	struct synth_out out;
	uint32_t first[2];

	(void)state;
	out = start(&s, &seen, 1);
	synth_open(&s, &out);
	synth_accept(&s, &out);
	memcpy(first, seen.base, sizeof(first));
	seen_done(&seen);
	out = start(&s, &seen, 2);
	synth_open(&s, &out);
	synth_accept(&s, &out);
	assert_int_not_equal(seen.base[0], first[0]);
	assert_int_not_equal(seen.base[1], first[1]);
	seen_done(&seen);
}

/* All packets of these ends; the addresses are then in @seen. */
static void
talk(struct seen *seen, struct addr client, struct addr server, uint64_t id)
{
	struct synth_out out = { take_packet, seen, 5 };
	struct synth s;

	memset(seen, 0, sizeof(*seen));
	seen->ts_ns = 5;
	synth_init(&s, &client, &server, id);
	synth_open(&s, &out);
	synth_data(&s, &out, SYNTH_CLIENT, bytes("odd"), 3);
	synth_data(&s, &out, SYNTH_SERVER, bytes("even"), 4);
	synth_abort(&s, &out, SYNTH_CLIENT, SYNTH_SERVER);
	synth_close(&s, &out);
	assert_int_equal(seen->packets, 8);
	seen_done(seen);
}

static void
families(void **state)
{
	static const uint8_t v4_mapped[16] = { [10] = 0xff, 0xff, 10, 1, 2, 3 };
	struct seen seen;

	(void)state;
	talk(&seen, numeric("2001:db8::5", 4000), numeric("fe80::1", 80), 1);
	assert_int_equal(seen.version, 6);
	assert_memory_equal(seen.addr[1], "\xfe\x80", 2);

	talk(&seen, numeric("10.1.2.3", 4000), numeric("::1", 80), 1);
	assert_int_equal(seen.version, 6);
	assert_memory_equal(seen.addr[0], v4_mapped, 16);
	assert_int_equal(seen.port[0], 4000);

	talk(&seen, numeric("::1", 4000), numeric("10.1.2.3", 80), 1);
	assert_int_equal(seen.version, 6);
	assert_memory_equal(seen.addr[1], v4_mapped, 16);
}

static void
ends_without_address(void **state)
{
	struct addr here = { .family = AF_UNIX, .path = "" };
	struct addr there = { .family = AF_UNIX, .path = "/run/a.sock" };
	struct addr elsewhere = { .family = AF_UNIX, .path = "/run/b.sock" };
	struct addr nobody = { .family = AF_UNSPEC };
	struct seen a, b;

	(void)state;
	talk(&a, here, there, 1);
	assert_int_equal(a.version, 4);
	assert_memory_equal(a.addr[0], "\xc0\0\2\1", 4);
	assert_memory_equal(a.addr[1], "\xc0\0\2\2", 4);
	/* Sessions differ by the client's port, servers by theirs. */
	talk(&b, here, elsewhere, 2);
	assert_int_not_equal(a.port[0], b.port[0]);
	assert_int_not_equal(a.port[1], b.port[1]);
	/* When the ports have all been used, the address moves on. */
	talk(&b, here, there, 1 + 16384);
	assert_int_equal(a.port[0], b.port[0]);
	assert_memory_not_equal(a.addr[0], b.addr[0], 4);
	assert_memory_equal(a.addr[1], b.addr[1], 4);

	/* The other end decides the family. */
	talk(&a, numeric("::1", 4000), there, 1);
	assert_int_equal(a.version, 6);
	assert_memory_equal(
	    a.addr[1], "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
	talk(&a, nobody, numeric("0.0.0.0", 0), 1);
	assert_memory_equal(a.addr[0], "\xc0\0\2\1", 4);
	assert_memory_equal(a.addr[1], "\xc0\0\2\2", 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orderly_conversation),
		cmocka_unit_test(data_accepts),
		cmocka_unit_test(large_chunks_are_cut),
		cmocka_unit_test(resets_come_from_who_did_it),
		cmocka_unit_test(reset_waits_for_the_other_direction),
		cmocka_unit_test(reset_waits_no_longer_than_close),
		cmocka_unit_test(refused_call),
		cmocka_unit_test(client_gives_up_early),
		cmocka_unit_test(gaps_move_the_numbers),
		cmocka_unit_test(a_reset_behind_a_gap_is_in_its_place),
		cmocka_unit_test(late_start),
		cmocka_unit_test(joins_in_the_middle),
		cmocka_unit_test(joins_behind_an_end),
		cmocka_unit_test(joins_a_call),
		cmocka_unit_test(more_than_32_bits),
		cmocka_unit_test(sessions_are_told_apart),
		cmocka_unit_test(families),
		cmocka_unit_test(ends_without_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
