#ifndef FLOW_SCENE_H
#define FLOW_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/fanout.h"
#include "core/flow_table.h"
#include "core/packet.h"
#include "core/segment.h"
#include "core/session.h"

/*
 * A flow table, and two sinks that write down into one text what they hear:
 * "open 1;", "1 p;" for a packet of session 1 and "- p;" for one of none,
 * "1 c2s 0 hello;" ("1 c2s 0+65;" from 65 bytes on), "1 gap c2s 5+3 lost;", "1
 * conflict s2c 0+2;", "1 end c2s 8 fin client;", "close 1 fin;".
 *
 * Segments are steps: client(sc, "SA", 100, 501, "data") sends one with these
 * flags (S, A, F, R), sequence and acknowledgement numbers and payload from
 * 10.0.0.1:40000 to 10.0.0.2:80, server() one the other way.  expect()
 * compares what has been written down since the last one.
 */
struct flow_scene {
	struct sink_ops events_ops;
	struct sink_ops packets_ops;
	struct sink events;
	struct sink packets;
	char log[8192];
	bool is_mute; /* write nothing down */
	struct fanout *fan;
	struct flow_table *t;
	struct flow_opts opts;
	struct addr ends[2];
	uint64_t now_ns;
	uint64_t ids;
	uint16_t window;
	uint8_t scale;
	uint32_t cut; /* bytes of each payload that the snapshot cut off */
	enum flow_verdict verdict;
	uint16_t own_port;
	unsigned asked;
	uint64_t packets_seen[DIR_NDIRS]; /* of the last session closed */
	uint64_t retransmitted[DIR_NDIRS];
};

#define SECOND UINT64_C(1000000000)

static inline void
scene_say(struct sink_lane *lane, const char *fmt, ...)
{
	struct flow_scene *sc = lane->sink->self;
	size_t n = strlen(sc->log);
	va_list ap;

	if (sc->is_mute)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(sc->log + n, sizeof(sc->log) - n, fmt, ap);
	va_end(ap);
	assert_true(strlen(sc->log) < sizeof(sc->log) - 1);
}

static inline int
scene_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	(void)lane;
	(void)w;
	(void)err;
	return 0;
}

static inline void
scene_lane_free(struct sink_lane *lane)
{
	(void)lane;
}

static inline int
scene_open(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)st;
	scene_say(lane, "open %ju%s;", (uintmax_t)s->id,
	    s->midstream ? " midstream" : "");
	return 0;
}

/* The packets' sink keeps silent about what the events' sink tells. */
static inline int
scene_open_quietly(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
	return 0;
}

static inline void
scene_close_quietly(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
}

static inline void
scene_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	(void)st;
	if (c->len > 64) {
		scene_say(lane, "%ju %s %ju+%zu;", (uintmax_t)s->id,
		    dir_name(c->dir), (uintmax_t)c->off, c->len);
		return;
	}
	scene_say(lane, "%ju %s %ju %.*s;", (uintmax_t)s->id, dir_name(c->dir),
	    (uintmax_t)c->off, (int)c->len, (const char *)c->data);
}

static inline void
scene_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	(void)st;
	scene_say(lane, "%ju gap %s %ju+%ju %s;", (uintmax_t)s->id,
	    dir_name(g->dir), (uintmax_t)g->off, (uintmax_t)g->len,
	    event_gap_name(g->why));
}

static inline void
scene_conflict(struct sink_lane *lane, void *st, const struct session *s,
    const struct conflict *c)
{
	(void)st;
	scene_say(lane, "%ju conflict %s %ju+%zu;", (uintmax_t)s->id,
	    dir_name(c->dir), (uintmax_t)c->off, c->len);
}

static inline void
scene_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	(void)st;
	scene_say(lane, "%ju end %s %ju %s %s;", (uintmax_t)s->id,
	    dir_name(e->dir), (uintmax_t)e->off, event_how_name(e->how),
	    event_party_name(e->by));
}

static inline void
scene_close(struct sink_lane *lane, void *st, const struct session *s)
{
	struct flow_scene *sc = lane->sink->self;

	(void)st;
	memcpy(sc->packets_seen, s->packets, sizeof(s->packets));
	memcpy(sc->retransmitted, s->retransmitted, sizeof(s->retransmitted));
	scene_say(lane, "close %ju %s;", (uintmax_t)s->id,
	    event_how_name((enum how)s->reason));
}

static inline void
scene_packet(struct sink_lane *lane, void *st, const struct session *s,
    const struct packet *p)
{
	(void)st;
	(void)p;
	if (s != NULL)
		scene_say(lane, "%ju p;", (uintmax_t)s->id);
	else
		scene_say(lane, "- p;");
}

static inline uint64_t
scene_next_id(void *self)
{
	struct flow_scene *sc = self;

	return sc->ids == UINT64_MAX ? 0 : ++sc->ids;
}

static inline bool
scene_is_own(void *self, const struct segment *seg)
{
	struct flow_scene *sc = self;

	sc->asked++;
	return sc->own_port != 0 &&
	       (seg->src.port == sc->own_port || seg->dst.port == sc->own_port);
}

static inline struct addr
scene_addr(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(&a, ip), 0);
	a.port = port;
	return a;
}

/* Sinks and defaults; the test may change opts before scene_start(). */
static inline void
scene_init(struct flow_scene *sc)
{
	memset(sc, 0, sizeof(*sc));
	sc->events_ops = (struct sink_ops){
		.kind = "events",
		.need = NEED_MEMORY,
		.lane_new = scene_lane_new,
		.lane_free = scene_lane_free,
		.open = scene_open,
		.data = scene_data,
		.gap = scene_gap,
		.conflict = scene_conflict,
		.end = scene_end,
		.close = scene_close,
	};
	sc->packets_ops = (struct sink_ops){
		.kind = "packets",
		.need = NEED_NOTHING,
		.lane_new = scene_lane_new,
		.lane_free = scene_lane_free,
		.open = scene_open_quietly,
		.packet = scene_packet,
		.close = scene_close_quietly,
		.strays = true,
	};
	sc->events.ops = &sc->events_ops;
	sc->events.self = sc;
	sc->packets.ops = &sc->packets_ops;
	sc->packets.self = sc;
	sc->ends[0] = scene_addr("10.0.0.1", 40000);
	sc->ends[1] = scene_addr("10.0.0.2", 80);
	sc->now_ns = 1000 * SECOND;
	sc->window = 10000;
	sc->scale = SEGMENT_NO_SCALE;
	sc->opts = (struct flow_opts){
		.source = "read",
		.reasm = {
			.hold = REASM_HOLD_DEFAULT,
			.hold_total = REASM_HOLD_TOTAL_DEFAULT,
			.hold_ns = REASM_HOLD_NS_DEFAULT,
			.history = REASM_HISTORY_DEFAULT,
			.overlap = REASM_FIRST,
		},
		.max_concurrent = 10000,
		.next_id = scene_next_id,
		.is_own = scene_is_own,
		.self = sc,
	};
}

static inline void
scene_start(struct flow_scene *sc)
{
	struct sink *sinks[] = { &sc->events, &sc->packets };
	struct err err = { "" };

	sc->fan = fanout_new(sinks, 2, NULL, &err);
	assert_non_null(sc->fan);
	sc->t = flow_table_new(&sc->opts, sc->fan, &err);
	assert_non_null(sc->t);
}

static inline uint8_t
scene_flags(const char *text)
{
	uint8_t flags = 0;

	for (; *text != '\0'; text++) {
		switch (*text) {
		case 'S':
			flags |= SEGMENT_SYN;
			break;
		case 'A':
			flags |= SEGMENT_ACK;
			break;
		case 'F':
			flags |= SEGMENT_FIN;
			break;
		case 'R':
			flags |= SEGMENT_RST;
			break;
		default:
			fail_msg("flag %c", *text);
		}
	}
	return flags;
}

static inline void
scene_send(struct flow_scene *sc, struct segment *seg, const char *data)
{
	static const struct packet_iface iface = { .linktype = 101 };
	struct packet p = { .iface = &iface, .ts_ns = sc->now_ns };

	seg->ts_ns = sc->now_ns;
	seg->window = sc->window;
	seg->scale = sc->scale;
	seg->data = (const uint8_t *)data;
	seg->wire_len = (uint32_t)strlen(data);
	seg->len = seg->wire_len > sc->cut ? seg->wire_len - sc->cut : 0;
	sc->verdict = flow_table_segment(sc->t, seg, &p);
}

static inline void
client(struct flow_scene *sc, const char *flags, uint32_t seq, uint32_t ack,
    const char *data)
{
	struct segment seg = {
		.src = sc->ends[0],
		.dst = sc->ends[1],
		.flags = scene_flags(flags),
		.seq = seq,
		.ack = ack,
	};

	scene_send(sc, &seg, data);
}

static inline void
server(struct flow_scene *sc, const char *flags, uint32_t seq, uint32_t ack,
    const char *data)
{
	struct segment seg = {
		.src = sc->ends[1],
		.dst = sc->ends[0],
		.flags = scene_flags(flags),
		.seq = seq,
		.ack = ack,
	};

	scene_send(sc, &seg, data);
}

/* Time passes, and with it what was waited for. */
static inline void
pass(struct flow_scene *sc, uint64_t ns)
{
	sc->now_ns += ns;
	flow_table_tick(sc->t, sc->now_ns);
}

static inline void
expect_at(struct flow_scene *sc, const char *want, int line)
{
	if (strcmp(sc->log, want) != 0)
		print_error("line %d:\n", line);
	assert_string_equal(sc->log, want);
	sc->log[0] = '\0';
}

#define expect(sc, want) expect_at(sc, want, __LINE__)

/* Forget what was said so far. */
static inline void
hush(struct flow_scene *sc)
{
	sc->log[0] = '\0';
}

/* Client's stream begins at 101, server's at 501. */
static inline void
handshake(struct flow_scene *sc)
{
	client(sc, "S", 100, 0, "");
	server(sc, "SA", 500, 101, "");
	client(sc, "A", 101, 501, "");
	hush(sc);
}

/*
 * Payload received = delivered + duplicate + differing + late + strays + held,
 * by direction, whatever the test did.
 */
static inline void
check_sums(struct flow_scene *sc)
{
	const struct payload_count *p = flow_table_payload(sc->t);
	const struct fanout_totals *totals = fanout_totals(sc->fan);

	for (unsigned d = 0; d < DIR_NDIRS; d++)
		assert_int_equal(count_get(&p[d].received),
		    count_get(&totals->bytes[d]) + count_get(&p[d].duplicate) +
			count_get(&p[d].differing) + count_get(&p[d].late) +
			count_get(&p[d].strays) + count_get(&p[d].held));
}

/* At the end nothing is held, and nobody is left. */
static inline void
scene_done(struct flow_scene *sc)
{
	const struct payload_count *p = flow_table_payload(sc->t);

	check_sums(sc);
	flow_table_stop(sc->t, HOW_STOP);
	check_sums(sc);
	for (unsigned d = 0; d < DIR_NDIRS; d++)
		assert_int_equal(count_get(&p[d].held), 0);
	assert_int_equal(flow_table_live(sc->t), 0);
	flow_table_free(sc->t);
	fanout_free(sc->fan);
}

static inline uint64_t
strays(const struct flow_scene *sc, enum dir dir)
{
	return count_get(&flow_table_payload(sc->t)[dir].strays);
}

static inline uint64_t
duplicates(const struct flow_scene *sc, enum dir dir)
{
	return count_get(&flow_table_payload(sc->t)[dir].duplicate);
}

/* A test's set-up and tear-down with the defaults. */
static inline int
scene_set_up(void **state)
{
	static struct flow_scene sc;

	scene_init(&sc);
	scene_start(&sc);
	*state = &sc;
	return 0;
}

static inline int
scene_tear_down(void **state)
{
	scene_done(*state);
	return 0;
}

#define SCENE(test)                                                            \
	cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

#endif /* FLOW_SCENE_H */
