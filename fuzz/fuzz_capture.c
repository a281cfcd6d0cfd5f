#include <fcntl.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/obuf.h"
#include "listener.h"
#include "net/worker.h"
#include "source/capture_ring.h"
#include "wire/pcap.h"

/*
 * Packets out of a ring of libpcap's (source/capture_ring.h): byte 0 is their
 * link type, byte 1 the limits, then each packet has a length, a time since the
 * one before, and its bytes.  In place of the kernel's ring there is a capture
 * file in a pipe.
 *
 * Each packet is handed to sinks and counted once, as many as were asked for
 * and not one more; the sums of core/tally.h hold.
 */

/* What a pipe takes without anybody reading. */
#define PIPE_MOST ((size_t)60 * 1024)

/* They are years old: time passes by their stamps. */
#define START_NS (UINT64_C(1000000000) * CLOCK_NS_PER_S)

/**
 * struct scene - A ring, with everything around it
 * @n:		Packets in it
 * @limits:	How often it has said that a limit was reached
 */
struct scene {
	struct worker *w;
	struct listener l;
	struct capture_common common;
	struct capture_ring ring;
	struct source_numbers numbers;
	struct obuf file;
	uint64_t n;
	unsigned limits;
	unsigned stopped;
};

static void
on_limit(struct capture_common *c)
{
	ATTR_CONTAINER(c, struct scene, common)->limits++;
}

static void
on_lost(struct capture_common *c)
{
	(void)c;
	FUZZ_CHECK(memory_is_short());
}

static void
on_stopped(struct capture_common *c)
{
	ATTR_CONTAINER(c, struct scene, common)->stopped++;
}

static void
on_trouble(void *self, const char *text)
{
	(void)self;
	FUZZ_CHECK(text[0] != '\0');
}

/* --- the packets ------------------------------------------------------- */

static void
put_packets(struct scene *sc, struct fuzz_in *in)
{
	uint64_t now_ns = START_NS;

	while (in->left > 0) {
		unsigned more = fuzz_u8(in);
		size_t len;
		uint8_t *data = fuzz_bytes(in, fuzz_u8(in), &len);
		struct frame f = {
			.ts_ns = now_ns,
			.head = data,
			.head_len = len,
			.wire_len = (uint32_t)(len + (more & 1 ? 100 : 0)),
		};

		now_ns += (uint64_t)(more >> 1) * (more >> 1) * CLOCK_NS_PER_MS;
		if (sc->file.len + len + 16 <= PIPE_MOST) {
			pcap_put_packet(&sc->file, &f);
			sc->n++;
		}
		free(data);
	}
}

/* A descriptor that can be waited for, with all of it, and then the end. */
static pcap_t *
open_file(const struct scene *sc)
{
	char text[PCAP_ERRBUF_SIZE];
	FILE *file;
	pcap_t *pcap;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0 ||
	    write(fd[1], sc->file.data, sc->file.len) !=
		(ssize_t)sc->file.len ||
	    close(fd[1]) != 0)
		abort(); /* nothing can be tested then */
	file = fdopen(fd[0], "rbe");
	if (file == NULL)
		abort(); /* likewise */
	pcap = pcap_fopen_offline_with_tstamp_precision(
	    file, PCAP_TSTAMP_PRECISION_NANO, text);
	FUZZ_CHECK(pcap != NULL);
	return pcap;
}

/* --- the ring ---------------------------------------------------------- */

static void
check(struct scene *sc)
{
	struct tally t = { .received = 0 };
	uint64_t bad = 0, most = sc->common.o.max_packets;

	capture_ring_tally(&sc->ring, &t);
	for (size_t i = 0; i < t.nreasons; i++)
		bad += t.undecodable[i].packets;
	FUZZ_CHECK(t.received ==
		   t.sessions + t.not_tcp + bad + t.fragments + t.strays);
	for (unsigned i = 0; i < DIR_NDIRS; i++)
		FUZZ_CHECK(t.payload[i].received ==
			   sc->l.bytes[i] + t.payload[i].duplicate +
			       t.payload[i].differing + t.payload[i].late +
			       t.payload[i].strays + t.payload[i].held);
	FUZZ_CHECK(t.received <= sc->n && t.received <= most);
	if (sc->common.o.max_sessions > 0)
		FUZZ_CHECK(sc->l.opened <= sc->common.o.max_sessions);
	else
		FUZZ_CHECK(t.received == (sc->n < most ? sc->n : most));
}

static uint64_t
draw_limits(struct scene *sc, unsigned how)
{
	struct capture_opts *o = &sc->common.o;

	/* A ring that has all it wants is read no more, and ends at once. */
	o->max_packets = how & 1 && sc->n > 1 ? sc->n / 2 : sc->n;
	o->max_sessions = how & 2 ? 1 + (how >> 6) : 0;
	o->dissect.flow.max_bytes = how & 4 ? 500 : 0;
	o->dissect.flow.max_concurrent = how & 8 ? 2 : 100;
	o->dissect.flow.reasm = (struct reasm_opts){
		.hold = how & 16 ? 1000 : 100000,
		.hold_total = 200000,
		.hold_ns = REASM_HOLD_NS_DEFAULT,
		.history = 4096,
	};
	o->dissect.decap = how & 32 ? DISSECT_DECAP_DEFAULT : 0;
	sc->common.max_sessions = o->max_sessions;
	sc->common.max_concurrent = o->dissect.flow.max_concurrent;
	sc->common.max_bytes = o->dissect.flow.max_bytes;
	return o->max_packets;
}

static void
run(struct scene *sc)
{
	struct err err = { "" };

	sc->ring.common = &sc->common;
	sc->ring.pcap = open_file(sc);
	sc->ring.is_first = true;
	if (!listener_init(&sc->l))
		return;
	if (capture_ring_attach(&sc->ring, sc->w, sc->l.fan, &err) != 0) {
		FUZZ_CHECK(memory_is_short() && err.text[0] != '\0');
		capture_ring_close(&sc->ring);
		return;
	}
	capture_ring_start(&sc->ring);
	for (int i = 0; i < 4; i++)
		(void)worker_step(sc->w, 0);
	check(sc);
	FUZZ_CHECK(sc->limits > 0);
	capture_ring_stop(&sc->ring, 0);
	for (int i = 0; i < 4; i++)
		(void)worker_step(sc->w, 0);
	FUZZ_CHECK(sc->stopped == 1);
	check(sc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = { 1, 101, 113, 276, 0, 105 };
	struct fuzz_in in = { data, size };
	uint16_t type = types[fuzz_u8(&in) % ATTR_COUNT(types)];
	unsigned how = fuzz_u8(&in);
	struct scene sc = {
		.common = {
			.o = { .dissect = { .flow = { .source = "tap" } } },
			.iface = { .name = "fuzz", .linktype = type },
			.remark = "",
			.limit = on_limit,
			.lost = on_lost,
			.stopped = on_stopped,
		},
	};

	memory_pause(true);
	sc.common.o.rings = 1;
	sc.common.o.place.input = "tap";
	sc.common.o.place.numbers = &sc.numbers;
	sc.common.o.events.trouble = on_trouble;
	pcap_put_file(&sc.file, type, 65535);
	put_packets(&sc, &in);
	sc.w = worker_new(0, NULL);
	if (sc.w == NULL)
		abort(); /* nothing can be tested then */
	memory_pause(false);
	if (draw_limits(&sc, how) > 0) {
		run(&sc);
		worker_free(sc.w);
		capture_ring_done(&sc.ring);
		if (sc.l.fan != NULL)
			listener_done(&sc.l);
	} else {
		worker_free(sc.w);
	}
	obuf_done(&sc.file);
	return 0;
}
