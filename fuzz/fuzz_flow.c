#include "core/flow_table.h"
#include "core/segment.h"
#include "core/source.h"
#include "listener.h"

/*
 * The flow table (core/flow_table.h), fed with segments of a few connections
 * that nearly make sense: numbers lie around those that are expected, so that
 * handshakes, windows, ends and new starts are met often.
 *
 * What the sinks hear is in order, and the sums of core/tally.h hold after each
 * segment.
 */

#define HOSTS 4

/* One end of one connection, as its own system sees it. */
struct talker {
	uint32_t next; /* sequence number of what it says next */
	uint32_t heard;
};

static struct talker ends[HOSTS][HOSTS];

struct scene {
	struct listener listener;
	struct flow_table *t;
	uint64_t ids;
	uint64_t now_ns;
};

static uint64_t
next_id(void *self)
{
	struct scene *sc = self;

	return ++sc->ids > 200 ? 0 : sc->ids;
}

static bool
is_own(void *self, const struct segment *seg)
{
	(void)self;
	return seg->src.port == 3;
}

static struct addr
host(unsigned i, bool is_v6)
{
	struct addr a = { .family = is_v6 ? AF_INET6 : AF_INET };

	a.ip[is_v6 ? 15 : 3] = (uint8_t)(i / 2 + 1);
	a.port = (uint16_t)(i % 2 + 1);
	return a;
}

/* A number that is right, nearly right, or anything. */
static uint32_t
about(struct fuzz_in *in, unsigned how, uint32_t right)
{
	switch (how & 3) {
	case 0:
	case 1:
		return right;
	case 2:
		return right + fuzz_u8(in) - 128;
	default:
		return right + (fuzz_u16(in) - 32768U) * 64;
	}
}

static void
send_one(struct scene *sc, struct fuzz_in *in)
{
	static const struct packet_iface iface = { .linktype = 101 };
	unsigned who = fuzz_u8(in), how = fuzz_u8(in);
	unsigned from = who & 3, to = who >> 2 & 3;
	struct talker *e = &ends[from][to];
	size_t len;
	uint8_t *data = fuzz_bytes(in, who >> 4 & 7 ? who >> 4 : 0, &len);
	struct segment seg = {
		.src = host(from, (who & 0x80) != 0),
		.dst = host(to, (who & 0x80) != 0),
		.ts_ns = sc->now_ns,
		.seq = about(in, how, e->next),
		.ack = about(in, how >> 2, e->heard),
		.window = (how & 0x80) != 0 ? fuzz_u16(in) : 8192,
		.flags = fuzz_u8(in) & 0x1f,
		.scale = SEGMENT_NO_SCALE,
		.data = data,
		.len = (uint32_t)len,
		.wire_len = (uint32_t)len + ((how & 0x40) != 0 ? 5 : 0),
	};
	struct packet p = { .iface = &iface, .ts_ns = sc->now_ns };

	if ((seg.flags & SEGMENT_SYN) != 0)
		seg.scale = (how & 0x20) != 0 ? 7 : SEGMENT_NO_SCALE;
	e->next = seg.seq + seg.wire_len +
		  ((seg.flags & (SEGMENT_SYN | SEGMENT_FIN)) != 0);
	ends[to][from].heard = e->next;
	(void)flow_table_segment(sc->t, &seg, &p); /* either is right */
	free(data);
}

static void
limit(struct scene *sc, struct fuzz_in *in)
{
	struct source_limits l = {
		.concurrent = 1 + fuzz_u8(in) % 8,
		.bytes = fuzz_u8(in),
		.idle_ns = fuzz_u8(in) * UINT64_C(1000000000),
	};

	flow_table_limit(sc->t, &l);
}

static void
step(struct scene *sc, struct fuzz_in *in)
{
	unsigned op = fuzz_u8(in);
	struct session *s;

	sc->now_ns += (uint64_t)(op & 7) * 1000000;
	switch (op >> 3) {
	case 0:
		sc->now_ns += fuzz_u8(in) * UINT64_C(500000000);
		flow_table_tick(sc->t, sc->now_ns);
		break;
	case 1:
		limit(sc, in);
		break;
	case 2:
		s = fanout_find(sc->listener.fan, fuzz_u8(in));
		if (s != NULL)
			flow_table_end(sc->t, s, HOW_STOP);
		break;
	case 3:
		sc->now_ns -= sc->now_ns > 5000000000 ? 1000000000 : 0;
		break;
	default:
		send_one(sc, in);
	}
	FUZZ_CHECK(flow_table_live(sc->t) == sc->listener.live);
	listener_check_sums(&sc->listener, flow_table_payload(sc->t));
}

static struct flow_opts
draw_opts(struct scene *sc, struct fuzz_in *in)
{
	unsigned how = fuzz_u8(in);

	return (struct flow_opts){
		.source = "read",
		.input = "fuzz",
		.reasm = {
			.hold = how & 1 ? 300 : REASM_HOLD_DEFAULT,
			.hold_total = how & 2 ? 700 : REASM_HOLD_TOTAL_DEFAULT,
			.hold_ns = REASM_HOLD_NS_DEFAULT,
			.history = how & 4 ? 200 : 4096,
			.overlap = (enum reasm_overlap)(
			    (how >> 3) % REASM_NOVERLAPS),
		},
		.max_concurrent = how & 64 ? 3 : 100,
		.idle_ns = how & 128 ? UINT64_C(5000000000) : 0,
		.next_id = next_id,
		.is_own = is_own,
		.self = sc,
	};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct scene sc = { .now_ns = UINT64_C(1) << 60 };
	struct flow_opts o = draw_opts(&sc, &in);
	struct err err = { "" };

	memset(ends, 0, sizeof(ends));
	if (!listener_init(&sc.listener))
		return 0;
	sc.t = flow_table_new(&o, sc.listener.fan, &err);
	FUZZ_CHECK(sc.t != NULL || (memory_is_short() && err.text[0] != '\0'));
	if (sc.t != NULL) {
		while (in.left > 0)
			step(&sc, &in);
		flow_table_stop(sc.t, HOW_STOP);
		FUZZ_CHECK(flow_table_live(sc.t) == 0);
		listener_check_sums(&sc.listener, flow_table_payload(sc.t));
	}
	flow_table_free(sc.t);
	listener_done(&sc.listener);
	return 0;
}
