/*
 * make_capture.c - a capture of many TCP conversations at once, for timing.
 *
 *	make_capture FILE FLOWS MIB [BYTES]
 *
 * Writes a pcap file (Ethernet, IPv4) of MIB mebibytes with FLOWS downloads:
 * handshake, a request, an answer in segments of BYTES (1400), an ACK for
 * every other one, both FINs.  The flows take turns at random, a few segments
 * each time.  Nothing is lost or out of order, so that every reader can give
 * back the same bytes; payload is random, so that no byte in a wrong place
 * goes unseen.  The same arguments make the same file.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIN 0x01
#define SYN 0x02
#define PSH 0x08
#define ACK 0x10

#define HEAD      ((size_t)54) /* Ethernet, IPv4, TCP without options */
#define RECORD    ((size_t)16)
#define REQUEST   ((size_t)300)
#define POOL      ((size_t)1 << 20)
#define SEGMENT   ((size_t)65000) /* most bytes of one */
#define MAX_FLOWS 1000000
/* 1.3 GB at about a gigabit per second. */
#define STEP_NS  11000
#define START_NS UINT64_C(1700000000000000000)

enum side {
	CLIENT,
	SERVER
};

struct flow {
	uint32_t seq[2];
	uint32_t segments; /* to go */
	uint16_t port;
	uint32_t number;
};

static FILE *file;
static uint8_t pool[POOL + SEGMENT];
static uint64_t clock_ns = START_NS;
static uint64_t dice = 0x9e3779b97f4a7c15;

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift
 * generators, scrambled". */
static uint64_t
roll(void)
{
	dice ^= dice >> 12;
	dice ^= dice << 25;
	dice ^= dice >> 27;
	return dice * UINT64_C(2685821657736338717);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* RFC 1071; the words are added as the machine reads them. */
static uint64_t
add_words(const uint8_t *p, size_t len, uint64_t sum)
{
	for (; len >= 4; p += 4, len -= 4) {
		uint32_t word;

		memcpy(&word, p, sizeof(word));
		sum += word;
	}
	if (len > 0) {
		uint32_t word = 0;

		memcpy(&word, p, len);
		sum += word;
	}
	return sum;
}

static void
put_sum(uint8_t *p, uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	uint16_t folded = (uint16_t)~sum;

	memcpy(p, &folded, sizeof(folded));
}

/* Headers into @p, which is zeroed; @data is @len bytes. */
static void
put_headers(
    uint8_t *p, const struct flow *f, enum side side, uint8_t flags, size_t len)
{
	uint32_t addr[2] = { 0x0a000001 + f->number, 0xc0a80001 };
	uint16_t port[2] = { f->port, 443 };
	uint8_t *ip = p + 14;
	uint8_t *tcp = p + 34;

	p[5] = (uint8_t)(2 - side);
	p[11] = (uint8_t)(1 + side);
	put16(p + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)(40 + len));
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, addr[side]);
	put32(ip + 16, addr[!side]);
	put_sum(ip + 10, add_words(ip, 20, 0));
	put16(tcp, port[side]);
	put16(tcp + 2, port[!side]);
	put32(tcp + 4, f->seq[side]);
	if (flags & ACK)
		put32(tcp + 8, f->seq[!side]);
	tcp[12] = 0x50;
	tcp[13] = flags;
	put16(tcp + 14, 0xffff);
}

static void
packet(struct flow *f, enum side side, uint8_t flags, size_t len)
{
	uint8_t out[RECORD + HEAD] = { 0 };
	uint8_t pseudo[4] = { 0, 6 };
	const uint8_t *data = pool + roll() % POOL;
	uint8_t *tcp = out + RECORD + 34;
	uint32_t record[4] = { (uint32_t)(clock_ns / 1000000000),
		(uint32_t)(clock_ns % 1000000000 / 1000),
		(uint32_t)(HEAD + len), (uint32_t)(HEAD + len) };

	clock_ns += STEP_NS;
	memcpy(out, record, sizeof(record));
	put_headers(out + RECORD, f, side, flags, len);
	put16(pseudo + 2, (uint32_t)(20 + len));
	put_sum(
	    tcp + 16, add_words(data, len,
			  add_words(tcp, 20,
			      add_words(tcp - 8, 8, add_words(pseudo, 4, 0)))));
	if (fwrite(out, sizeof(out), 1, file) != 1 ||
	    (len > 0 && fwrite(data, len, 1, file) != 1))
		die("write");
	f->seq[side] += (uint32_t)len + ((flags & (SYN | FIN)) != 0);
}

static void
begin(struct flow *f, uint32_t number, uint32_t segments)
{
	f->number = number;
	f->port = (uint16_t)(20000 + number % 40000);
	f->segments = segments;
	f->seq[CLIENT] = (uint32_t)roll();
	f->seq[SERVER] = (uint32_t)roll();
	packet(f, CLIENT, SYN, 0);
	packet(f, SERVER, SYN | ACK, 0);
	packet(f, CLIENT, ACK, 0);
	packet(f, CLIENT, ACK | PSH, REQUEST);
}

static void
finish(struct flow *f)
{
	packet(f, SERVER, FIN | ACK, 0);
	packet(f, CLIENT, FIN | ACK, 0);
	packet(f, SERVER, ACK, 0);
}

/* Turns of up to eight segments, until all flows are over. */
static void
play(struct flow *flows, size_t live, size_t size)
{
	while (live > 0) {
		struct flow *f = &flows[roll() % live];
		uint64_t turn = 1 + roll() % 8;

		for (; turn > 0 && f->segments > 0; turn--) {
			packet(f, SERVER, ACK | PSH, size);
			if (--f->segments % 2 == 0)
				packet(f, CLIENT, ACK, 0);
		}
		if (f->segments == 0) {
			finish(f);
			*f = flows[--live];
		}
	}
}

int
main(int argc, char **argv)
{
	static const uint32_t head[6] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144,
		1 };
	size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	uint64_t bytes = argc > 3 ? strtoull(argv[3], NULL, 10) << 20 : 0;
	size_t size = argc > 4 ? strtoul(argv[4], NULL, 10) : 1400;

	if (argc < 4 || argc > 5 || count == 0 || count > MAX_FLOWS ||
	    size == 0 || size > SEGMENT) {
		(void)fputs(
		    "usage: make_capture FILE FLOWS MIB [BYTES]\n", stderr);
		return 2;
	}
	/* Half an ACK goes with each segment. */
	uint64_t each = RECORD + HEAD + size + (RECORD + HEAD) / 2;
	uint32_t segments = (uint32_t)(bytes / count / each + 1);
	struct flow *flows = calloc(count, sizeof(*flows));

	file = fopen(argv[1], "wb");
	if (flows == NULL || file == NULL)
		die(argv[1]);
	for (size_t i = 0; i < sizeof(pool); i += 8) {
		uint64_t word = roll();

		memcpy(pool + i, &word, sizeof(word));
	}
	if (fwrite(head, sizeof(head), 1, file) != 1)
		die("write");
	for (size_t i = 0; i < count; i++)
		begin(&flows[i], (uint32_t)i, segments);
	play(flows, count, size);
	if (fclose(file) != 0)
		die("close");
	free(flows);
	return 0;
}
