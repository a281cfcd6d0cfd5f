#include <assert.h>
#include <stdlib.h>

#include "base/jsonout.h"
#include "base/obuf.h"
#include "control/api_follow.h"
#include "control/api_sessions.h"
#include "control/backend.h"
#include "control/session_json.h"
#include "control/watch.h"
#include "http/http_reply.h"
#include "http/http_request.h"
#include "http/http_stream.h"
#include "wire/jsonl.h"

/*
 * How much is shown of a fast session.  A follower gets CREDIT bytes, and as
 * many as it was told again when its client has taken everything, at a tick of
 * its stream: so at most CREDIT per HTTP_STREAM_TICK_MS, 2.5 MB a second, which
 * neither the main thread nor a browser minds.  The rest is left out by the
 * watch, as gaps of reason "queue".  CREDIT bytes in base64 fit into the queue;
 * if they come in so many small events that these do not, what does not fit
 * becomes such a gap here.
 */
#define CREDIT ((size_t)128 * 1024)

/** struct lost - Bytes of a direction that the client is yet to be told of. */
struct lost {
	uint64_t off;
	uint64_t len;
	uint64_t ts_ns;
};

/**
 * struct follow - A client that looks at a session
 * @ws:		A reference is held
 * @owed:	Bytes told since the last grant
 * @lost:	By direction
 * @dropped:	Bytes left out that no "dropped" has told
 * @live:	What comes happens now: what is missing was left out for us
 * @over:	The session is
 * @text:	One event
 */
struct follow {
	struct http_stream *st;
	struct follower *follower;
	struct watch_session *ws;
	size_t owed;
	struct lost lost[DIR_NDIRS];
	uint64_t dropped;
	bool live;
	bool over;
	struct obuf text;
};

static bool
put(struct follow *f, const char *event)
{
	return !f->text.failed &&
	       http_stream_put(f->st, event, f->text.data, f->text.len);
}

/* Begins an event of this session. */
static struct jsonl_place
place(struct follow *f, enum dir dir, uint64_t off, uint64_t ts_ns)
{
	obuf_clear(&f->text);
	return (struct jsonl_place){ { ts_ns, f->ws->id }, dir_name(dir), off };
}

/*
 * Bytes were left out because this client, or what it may get, was full.
 * Without room for these words they are said with the next ones.
 */
static void
tell_dropped(struct follow *f, uint64_t bytes)
{
	f->dropped += bytes;
	obuf_clear(&f->text);
	jsonout_open(&f->text, NULL, '{');
	jsonout_number(&f->text, "session", f->ws->id);
	jsonout_number(&f->text, "bytes", f->dropped);
	jsonout_close(&f->text, '}');
	if (put(f, "dropped"))
		f->dropped = 0;
}

static bool
put_gap(struct follow *f, enum dir dir, const struct lost *l, enum gap_why why)
{
	const struct jsonl_place at = place(f, dir, l->off, l->ts_ns);

	jsonl_gap_put(&f->text, &at, l->len, event_gap_name(why));
	if (!put(f, "gap"))
		return false;
	if (why == GAP_QUEUE && f->live)
		tell_dropped(f, l->len);
	return true;
}

/* Says what is missing of a direction; false: still no room. */
static bool
tell_lost(struct follow *f, enum dir dir)
{
	struct lost *l = &f->lost[dir];

	if (l->len == 0)
		return true;
	if (!put_gap(f, dir, l, GAP_QUEUE))
		return false;
	l->len = 0;
	return true;
}

static void
lose(struct follow *f, const struct watch_event *e)
{
	struct lost *l = &f->lost[e->dir];

	if (l->len == 0)
		*l = (struct lost){ .off = e->off, .ts_ns = e->ts_ns };
	l->len = e->off + e->len - l->off;
}

static void
on_data(struct follow *f, const struct watch_event *e)
{
	struct jsonl_place at;

	f->owed += e->len;
	if (tell_lost(f, e->dir)) {
		at = place(f, e->dir, e->off, e->ts_ns);
		jsonl_data_put(&f->text, &at, e->data, e->len);
		if (put(f, "data"))
			return;
	}
	lose(f, e);
}

static void
on_gap(struct follow *f, const struct watch_event *e)
{
	const struct lost l = { e->off, e->len, e->ts_ns };

	if (!tell_lost(f, e->dir) || !put_gap(f, e->dir, &l, e->why))
		lose(f, e);
}

static void
on_conflict(struct follow *f, const struct watch_event *e)
{
	const struct jsonl_place at = place(f, e->dir, e->off, e->ts_ns);

	f->owed += e->len;
	jsonl_conflict_put(&f->text, &at, e->data, e->other, e->len);
	/* Nothing is missing of the stream without it. */
	if (!put(f, "conflict"))
		tell_dropped(f, e->len);
}

static void
on_end(struct follow *f, const struct watch_event *e)
{
	struct jsonl_place at;

	http_stream_widen(f->st);
	(void)tell_lost(f, e->dir); /* there is room now, if not memory */
	at = place(f, e->dir, e->off, e->ts_ns);
	jsonl_end_put(&f->text, &at, event_how_name(e->how));
	(void)put(f, "end"); /* likewise */
}

static void
on_close(struct follow *f)
{
	http_stream_widen(f->st);
	for (int d = 0; d < DIR_NDIRS; d++)
		(void)tell_lost(f, (enum dir)d); /* as above */
	if (f->dropped > 0)
		tell_dropped(f, 0);
	obuf_clear(&f->text);
	session_json_closed(&f->text, f->ws);
	(void)put(f, "close"); /* as above */
	f->over = true;
	http_stream_end(f->st);
}

static void
on_live(struct follow *f, const struct watch_event *e)
{
	f->live = true;
	obuf_clear(&f->text);
	jsonout_open(&f->text, NULL, '{');
	jsonout_number(&f->text, "session", f->ws->id);
	jsonout_stamp(&f->text, "ts", e->ts_ns);
	jsonout_close(&f->text, '}');
	(void)put(f, "live"); /* nothing depends on it */
}

/* follower_opts.event */
static void
on_event(void *self, const struct watch_event *e)
{
	struct follow *f = self;

	if (f->over)
		return;
	switch (e->type) {
	case WATCH_DATA:
		on_data(f, e);
		break;
	case WATCH_GAP:
		on_gap(f, e);
		break;
	case WATCH_CONFLICT:
		on_conflict(f, e);
		break;
	case WATCH_END:
		on_end(f, e);
		break;
	case WATCH_CLOSE:
		on_close(f);
		break;
	case WATCH_LIVE:
		on_live(f, e);
		break;
	}
}

/* http_stream_ops.tick */
static void
on_tick(void *self, uint64_t mono_ns)
{
	struct follow *f = self;

	(void)mono_ns;
	if (http_stream_waiting(f->st) > 0)
		return;
	for (int d = 0; d < DIR_NDIRS; d++)
		(void)tell_lost(f, (enum dir)d); /* else the next time */
	if (f->owed > 0)
		follower_grant(f->follower, f->owed);
	f->owed = 0;
}

static void
follow_free(struct follow *f)
{
	follower_stop(f->follower);
	watch_session_unref(f->ws);
	obuf_done(&f->text);
	free(f);
}

/* http_stream_ops.gone */
static void
on_gone(void *self)
{
	follow_free(self);
}

static const struct http_stream_ops ops = {
	.tick = on_tick,
	.gone = on_gone,
};

static struct follow *
follow_new(struct http_request *rq, struct watch_session *ws, bool history)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->live = !history;
	f->ws = watch_session_ref(ws);
	f->follower = watch_follow(rq->backend->watch, ws,
	    &(struct follower_opts){
		.history = history,
		.credit = CREDIT,
		.event = on_event,
		.self = f,
	    });
	if (f->follower != NULL)
		f->st = http_stream_new(rq->server, &ops, f);
	if (f->st == NULL) {
		follow_free(f);
		return NULL;
	}
	return f;
}

void
api_follow(struct http_request *rq)
{
	static const char *const answers[] = { "no", "yes", NULL };
	struct watch_session *ws = api_sessions_asked(rq);
	size_t history = 1;
	struct follow *f;

	if (ws == NULL || !http_request_word(rq, "history", answers, &history))
		return;
	f = follow_new(rq, ws, history == 1);
	if (f == NULL) {
		http_reply_problem(rq, 503, "out of memory");
		return;
	}
	session_json_opened(&f->text, ws);
	(void)put(f, "open"); /* it is the first: there is room */
	http_reply_stream(rq, f->st);
}
