#ifndef WATCH_RIG_H
#define WATCH_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "base/err.h"
#include "control/roster.h"
#include "control/watch.h"
#include "core/fanout.h"
#include "core/session.h"
#include "core/sink.h"
#include "net/mail.h"
#include "net/worker.h"

/*
 * A watch and its roster, a worker, and sessions that the test feeds.  The test
 * turns both loops itself, so that what is under way between them is known.
 */

#define RIG_SESSIONS 16

/** struct rig_session - Fed by the test; @open: it is */
struct rig_session {
	struct session s;
	struct session_more more;
	void *slots;
	bool open;
};

/**
 * struct rig - See above
 * @ended:	Number of the session that the source was told to end last
 */
struct rig {
	uv_loop_t loop;
	struct mail_box box;
	struct roster *roster;
	struct watch *watch;
	struct worker *w;
	struct fanout *fan;
	struct rig_session session[RIG_SESSIONS];
	uint64_t next_id;
	uint64_t now_ns;
	uint64_t ended;
};

/* --- both threads, in turn --------------------------------------------- */

static inline void
rig_turn_worker(struct rig *r)
{
	worker_touch(r->w);
	(void)worker_step(r->w, 0);
	(void)worker_step(r->w, 0);
}

static inline void
rig_turn_main(struct rig *r)
{
	(void)uv_run(&r->loop, UV_RUN_NOWAIT);
}

/* Until nothing is under way: a letter takes a turn. */
static inline void
rig_settle(struct rig *r)
{
	for (int i = 0; i < 8; i++) {
		rig_turn_worker(r);
		rig_turn_main(r);
	}
}

static inline uint64_t
rig_on_turn(void *self, uint64_t mono_ns)
{
	return fanout_turn(self, mono_ns);
}

static inline void
rig_on_finish(void *self)
{
	fanout_finish(self, 0, false);
}

static inline void
rig_on_end(void *self, struct session *s)
{
	struct rig *r = self;

	r->ended = s->id;
}

static inline void
rig_start(struct rig *r, size_t history, size_t history_total)
{
	struct watch_opts o = {
		.history = history,
		.history_total = history_total,
		.box = &r->box,
	};
	struct err err = { "" };
	struct sink *sink;

	memset(r, 0, sizeof(*r));
	assert_int_equal(uv_loop_init(&r->loop), 0);
	assert_int_equal(mail_init(&r->box, &r->loop), 0);
	r->roster = roster_new();
	assert_non_null(r->roster);
	o.notes = roster_notes(r->roster);
	r->watch = watch_new(&o, &err);
	assert_non_null(r->watch);
	r->w = worker_new(0, &err);
	assert_non_null(r->w);
	sink = watch_sink(r->watch);
	r->fan = fanout_new(&sink, 1, r->w, &err);
	assert_non_null(r->fan);
	fanout_set_end(r->fan, rig_on_end, r);
	worker_set_turn(r->w, rig_on_turn, r->fan);
	worker_set_finish(r->w, rig_on_finish, r->fan);
	r->now_ns = 1000;
}

/* --- what the source says ---------------------------------------------- */

static inline uint8_t
rig_byte(uint64_t id, enum dir dir, uint64_t off)
{
	return (
	    uint8_t)(id * 37 + off * 31 + (off >> 8) * 7 + (uint64_t)dir * 128);
}

static inline struct session *
rig_open(struct rig *r, size_t i)
{
	struct rig_session *rs = &r->session[i];

	assert_false(rs->open);
	free(rs->slots);
	rs->slots = calloc(1, fanout_session_size(r->fan));
	assert_non_null(rs->slots);
	memset(&rs->s, 0, sizeof(rs->s));
	session_init(&rs->s, r->fan, rs->slots);
	session_use_more(&rs->s, &rs->more);
	rs->s.id = ++r->next_id;
	rs->s.source = "tap";
	rs->s.input = "tap";
	assert_int_equal(addr_parse_ip(&rs->s.client, "192.0.2.1"), 0);
	assert_int_equal(addr_parse_ip(&rs->s.server, "198.51.100.7"), 0);
	rs->s.client.port = (uint16_t)(40000 + rs->s.id % 10000);
	rs->s.server.port = 80;
	rs->s.open_ns = ++r->now_ns;
	rs->open = true;
	session_open(&rs->s);
	return &rs->s;
}

static inline void
rig_feed(struct rig *r, size_t i, enum dir dir, size_t len)
{
	struct session *s = &r->session[i].s;
	uint8_t *bytes = malloc(len);
	struct chunk c = {
		.dir = dir,
		.off = s->off[dir],
		.ts_ns = ++r->now_ns,
		.len = len,
	};

	assert_non_null(bytes);
	for (size_t at = 0; at < len; at++)
		bytes[at] = rig_byte(s->id, dir, c.off + at);
	if (fanout_need(s) != NEED_NOTHING)
		c.data = bytes;
	session_data(s, &c);
	free(bytes);
}

static inline void
rig_lose(struct rig *r, size_t i, enum dir dir, uint64_t len)
{
	struct session *s = &r->session[i].s;
	const struct gap g = { dir, s->off[dir], ++r->now_ns, len, GAP_LOST };

	session_gap(s, &g);
}

static inline void
rig_end(struct rig *r, size_t i, enum dir dir)
{
	session_end(&r->session[i].s, dir, ++r->now_ns, HOW_FIN,
	    dir == DIR_CLIENT ? PARTY_CLIENT : PARTY_SERVER);
}

static inline void
rig_close(struct rig *r, size_t i)
{
	session_close(&r->session[i].s, ++r->now_ns, HOW_FIN, PARTY_US);
	r->session[i].open = false;
}

/* --- the end ----------------------------------------------------------- */

/* Followers were stopped; what is under way is told. */
static inline void
rig_stop(struct rig *r)
{
	for (size_t i = 0; i < RIG_SESSIONS; i++) {
		if (r->session[i].open)
			rig_close(r, i);
		free(r->session[i].slots);
	}
	rig_settle(r);
	worker_free(r->w);
	fanout_free(r->fan);
	mail_close(&r->box);
	(void)uv_run(&r->loop, UV_RUN_DEFAULT);
	mail_done(&r->box);
	assert_int_equal(uv_loop_close(&r->loop), 0);
	watch_free(r->watch);
	roster_free(r->roster);
}

/* --- a follower -------------------------------------------------------- */

/**
 * struct ear - A follower, and what it was told, as text: "c2s 0+3;"
 * @id:		Whose bytes they must be
 * @off:	[dir] Told up to here
 * @bytes:	[dir] Bytes told
 * @left_out:	[dir] Gaps of reason "queue"
 * @credit:	Grants what it was told, if set
 * @stop_at:	Stops when so many events were told, if set
 */
struct ear {
	struct follower *f;
	uint64_t id;
	char log[4096];
	uint64_t off[DIR_NDIRS];
	uint64_t bytes[DIR_NDIRS];
	uint64_t left_out[DIR_NDIRS];
	uint64_t last_ns;
	unsigned events;
	unsigned ends;
	bool is_live;
	bool is_closed;
	bool grants;
	unsigned stop_at;
};

static inline void
ear_say(struct ear *ear, const char *fmt, ...)
{
	size_t n = strlen(ear->log);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ear->log + n, sizeof(ear->log) - n, fmt, ap);
	va_end(ap);
}

static inline void
ear_data(struct ear *ear, const struct watch_event *e)
{
	assert_int_equal(e->off, ear->off[e->dir]);
	assert_true(e->len > 0);
	for (uint64_t i = 0; i < e->len; i++)
		assert_int_equal(
		    e->data[i], rig_byte(ear->id, e->dir, e->off + i));
	ear->off[e->dir] += e->len;
	ear->bytes[e->dir] += e->len;
	ear_say(ear, "%s %ju+%ju;", dir_name(e->dir), (uintmax_t)e->off,
	    (uintmax_t)e->len);
}

static inline void
ear_gap(struct ear *ear, const struct watch_event *e)
{
	assert_int_equal(e->off, ear->off[e->dir]);
	assert_true(e->len > 0);
	ear->off[e->dir] += e->len;
	if (e->why == GAP_QUEUE)
		ear->left_out[e->dir] += e->len;
	ear_say(ear, "gap %s %ju+%ju %s;", dir_name(e->dir), (uintmax_t)e->off,
	    (uintmax_t)e->len, event_gap_name(e->why));
}

/* Places, bytes and times are checked; the text is for the test. */
static inline void
ear_event(void *self, const struct watch_event *e)
{
	struct ear *ear = self;

	assert_non_null(ear->f);
	assert_false(ear->is_closed);
	switch (e->type) {
	case WATCH_DATA:
		ear_data(ear, e);
		break;
	case WATCH_GAP:
		ear_gap(ear, e);
		break;
	case WATCH_CONFLICT:
		assert_memory_equal(e->data, "kept", 4);
		assert_memory_equal(e->other, "sent", 4);
		ear_say(ear, "conflict %s %ju+%ju;", dir_name(e->dir),
		    (uintmax_t)e->off, (uintmax_t)e->len);
		break;
	case WATCH_END:
		assert_int_equal(e->off, ear->off[e->dir]);
		ear->ends++;
		ear_say(ear, "end %s %ju %s by %s;", dir_name(e->dir),
		    (uintmax_t)e->off, event_how_name(e->how),
		    event_party_name(e->by));
		break;
	case WATCH_CLOSE:
		ear->is_closed = true;
		ear_say(ear, "close %s by %s;", event_how_name(e->how),
		    event_party_name(e->by));
		break;
	case WATCH_LIVE:
		assert_false(ear->is_live);
		ear->is_live = true;
		ear_say(ear, "live;");
		break;
	}
	ear->events++;
	if (ear->grants && e->type == WATCH_DATA)
		follower_grant(ear->f, e->len);
	if (ear->stop_at > 0 && ear->events == ear->stop_at) {
		follower_stop(ear->f);
		ear->f = NULL;
	}
}

static inline void
ear_follow(
    struct ear *ear, struct rig *r, uint64_t id, bool history, size_t credit)
{
	struct watch_session *ws = roster_find(r->roster, id);
	const struct follower_opts o = {
		.history = history,
		.credit = credit,
		.event = ear_event,
		.self = ear,
	};

	assert_non_null(ws);
	ear->id = id;
	ear->f = watch_follow(r->watch, ws, &o);
	assert_non_null(ear->f);
}

static inline void
ear_stop(struct ear *ear)
{
	follower_stop(ear->f);
	ear->f = NULL;
}

/* What was told since is @want. */
static inline void
assert_told(struct ear *ear, const char *want)
{
	assert_string_equal(ear->log, want);
	ear->log[0] = '\0';
}

#endif /* WATCH_RIG_H */
