#ifndef FAKE_SINK_H
#define FAKE_SINK_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/packet.h"
#include "core/session.h"
#include "core/sink.h"

/*
 * A sink that writes down, as text, what it was told: "c2s 0+3;" for data,
 * "gap c2s 3+4 queue;" and so on.  Its queue is full when the test says so;
 * after fake_own_queues() that of a session and direction is.  It has handles
 * on the loop as long as it is @busy.
 */
struct fake {
	struct sink sink;
	struct sink_ops ops;
	char log[4096];
	bool full;
	uint64_t full_id[DIR_NDIRS];
	int open_rc;
	int lane_rc;
	unsigned lanes;
	unsigned discarded;
	unsigned watched;
	unsigned turns;
	uint64_t due_ns;
	uint64_t finish_ns;
	bool busy;
	enum need wanted;
};

/* What the sink keeps per session; proves that slots do not overlap. */
struct fake_state {
	struct fake *owner;
	uint64_t id;
};

static inline void
fake_say(struct fake *f, const char *fmt, ...)
{
	size_t n = strlen(f->log);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(f->log + n, sizeof(f->log) - n, fmt, ap);
	va_end(ap);
}

static inline struct fake *
fake_of(const struct sink_lane *lane, const void *st, const struct session *s)
{
	const struct fake_state *state = st;
	struct fake *f = lane->self;

	assert_ptr_equal(state->owner, f);
	assert_int_equal(state->id, s->id);
	return f;
}

static inline int
fake_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	struct fake *f = lane->sink->self;

	(void)w;
	(void)err;
	if (f->lane_rc != 0)
		return f->lane_rc;
	lane->self = f;
	f->lanes++;
	return 0;
}

static inline void
fake_lane_free(struct sink_lane *lane)
{
	struct fake *f = lane->self;

	f->lanes--;
}

static inline int
fake_open(struct sink_lane *lane, void *st, const struct session *s)
{
	struct fake_state *state = st;
	struct fake *f = lane->self;

	assert_null(state->owner);
	if (f->open_rc != 0)
		return f->open_rc;
	state->owner = f;
	state->id = s->id;
	f->watched++;
	fake_say(f, "open;");
	return 0;
}

static inline void
fake_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct fake *f = fake_of(lane, st, s);

	if (f->ops.need != NEED_NOTHING)
		assert_non_null(c->data);
	fake_say(f, "%s %ju+%zu;", dir_name(c->dir), (uintmax_t)c->off, c->len);
}

static inline void
fake_take(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c, void *pipe)
{
	struct fake *f = fake_of(lane, st, s);

	assert_non_null(pipe);
	fake_say(
	    f, "take %s %ju+%zu;", dir_name(c->dir), (uintmax_t)c->off, c->len);
}

static inline void
fake_discard(struct sink_lane *lane, void *pipe)
{
	struct fake *f = lane->self;

	assert_non_null(pipe);
	f->discarded++;
}

static inline void
fake_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	fake_say(fake_of(lane, st, s), "gap %s %ju+%ju %s @%ju;",
	    dir_name(g->dir), (uintmax_t)g->off, (uintmax_t)g->len,
	    event_gap_name(g->why), (uintmax_t)g->ts_ns);
}

static inline void
fake_conflict(struct sink_lane *lane, void *st, const struct session *s,
    const struct conflict *c)
{
	fake_say(fake_of(lane, st, s), "conflict %s %ju+%zu;", dir_name(c->dir),
	    (uintmax_t)c->off, c->len);
}

static inline void
fake_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	fake_say(fake_of(lane, st, s), "end %s %ju %s by %s;", dir_name(e->dir),
	    (uintmax_t)e->off, event_how_name(e->how), event_party_name(e->by));
}

static inline void
fake_packet(struct sink_lane *lane, void *st, const struct session *s,
    const struct packet *p)
{
	struct fake *f = lane->self;

	if (s != NULL)
		f = fake_of(lane, st, s);
	else
		assert_null(st);
	fake_say(f, "%s %u @%ju;", s != NULL ? "packet" : "stray",
	    (unsigned)p->len, (uintmax_t)p->ts_ns);
}

static inline void
fake_close(struct sink_lane *lane, void *st, const struct session *s)
{
	struct fake *f = fake_of(lane, st, s);

	f->watched--;
	fake_say(f, "close %s;", event_how_name(s->reason));
}

static inline void
fake_abort(struct sink_lane *lane, void *st, const struct session *s)
{
	struct fake *f = fake_of(lane, st, s);

	f->watched--;
	fake_say(f, "abort;");
}

static inline uint64_t
fake_turn(struct sink_lane *lane, uint64_t mono_ns)
{
	struct fake *f = lane->self;

	(void)mono_ns;
	f->turns++;
	return f->due_ns;
}

static inline void
fake_finish(struct sink_lane *lane, uint64_t deadline_ns)
{
	struct fake *f = lane->self;

	fake_say(f, "finish;");
	f->finish_ns = deadline_ns;
}

static inline bool
fake_finished(const struct sink_lane *lane)
{
	const struct fake *f = lane->self;

	return !f->busy;
}

static inline enum need
fake_need_session(const struct sink_lane *lane, const void *st)
{
	const struct fake_state *state = st;
	const struct fake *f = lane->self;

	assert_ptr_equal(state->owner, f);
	return f->wanted;
}

static inline bool
fake_full(const struct sink_lane *lane)
{
	const struct fake *f = lane->self;

	return f->full;
}

static inline void
fake_init(struct fake *f, enum need need, enum on_full on_full)
{
	memset(f, 0, sizeof(*f));
	f->ops = (struct sink_ops){
		.kind = "fake",
		.need = need,
		.session_size = sizeof(struct fake_state),
		.lane_new = fake_lane_new,
		.lane_free = fake_lane_free,
		.open = fake_open,
		.data = fake_data,
		.take = fake_take,
		.discard = fake_discard,
		.gap = fake_gap,
		.conflict = fake_conflict,
		.end = fake_end,
		.close = fake_close,
		.abort = fake_abort,
		.turn = fake_turn,
		.full = fake_full,
	};
	f->due_ns = CLOCK_NEVER;
	f->sink.ops = &f->ops;
	f->sink.on_full = on_full;
	f->sink.self = f;
}

/* The sink says by session what it needs. */
static inline void
fake_ask(struct fake *f)
{
	f->ops.need = NEED_NOTHING;
	f->ops.need_session = fake_need_session;
}

static inline void
fake_start(struct sink_lane *lane)
{
	fake_say(lane->self, "start;");
}

/* The sink has something to begin. */
static inline void
fake_has_start(struct fake *f)
{
	f->ops.start = fake_start;
}

/* The sink has something to end. */
static inline void
fake_has_finish(struct fake *f)
{
	f->ops.finish = fake_finish;
	f->ops.finished = fake_finished;
}

static inline bool
fake_full_session(const struct sink_lane *lane, const void *st, enum dir dir)
{
	const struct fake_state *state = st;
	const struct fake *f = lane->self;

	assert_ptr_equal(state->owner, f);
	return f->full_id[dir] == state->id;
}

/* The sink has a queue for each session and direction. */
static inline void
fake_own_queues(struct fake *f)
{
	f->ops.full_session = fake_full_session;
	fake_has_finish(f);
}

/* The sink keeps packets. */
static inline void
fake_keep_packets(struct fake *f)
{
	f->ops.need = NEED_NOTHING;
	f->ops.packet = fake_packet;
	f->ops.strays = true;
}

#endif /* FAKE_SINK_H */
