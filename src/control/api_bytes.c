#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hexdump.h"
#include "base/obuf.h"
#include "base/text.h"
#include "control/api_bytes.h"
#include "control/api_sessions.h"
#include "control/backend.h"
#include "control/watch.h"
#include "core/event.h"
#include "http/http_reply.h"
#include "http/http_request.h"
#include "wire/pcapng.h"
#include "wire/synth.h"

/*
 * A follower that hears the history and leaves.  What it makes is bounded by
 * what is kept of a session.
 */

/* More than any history: all of it comes at once. */
#define CREDIT (SIZE_MAX / 2)

static_assert((int)SYNTH_CLIENT == (int)DIR_CLIENT &&
		  (int)SYNTH_SERVER == (int)DIR_SERVER,
    "a direction is named after the side that sends");

struct job;

/**
 * struct shape - A way to write a history down
 * @begin:	NULL: nothing
 * @data:	And the next ones: NULL: left out
 */
struct shape {
	const char *type;
	const char *ending;
	void (*begin)(struct job *job);
	void (*data)(struct job *job, const struct watch_event *e);
	void (*gap)(struct job *job, const struct watch_event *e);
	void (*end)(struct job *job, const struct watch_event *e);
	void (*finish)(struct job *job, bool closed);
};

/**
 * struct job - A history being written down
 * @dirs:	Bit dir: wanted
 * @synth:	pcapng: packets made for it
 * @notes:	pcapng: a struct note for each event
 * @bytes:	pcapng: what they hold
 */
struct job {
	struct http_request *rq;
	struct watch_session *ws;
	struct follower *follower;
	const struct shape *shape;
	unsigned dirs;
	struct obuf out;
	struct synth synth;
	struct obuf notes;
	struct obuf bytes;
};

/* --- raw --------------------------------------------------------------- */

static void
raw_data(struct job *job, const struct watch_event *e)
{
	obuf_put(&job->out, e->data, e->len);
}

/* --- hex --------------------------------------------------------------- */

/* "# 2026-11-21T08:30:00.123456789Z c2s 24 bytes at 0" */
static void
hex_line(struct job *job, const struct watch_event *e, const char *what)
{
	char stamp[TEXT_STAMP_MAX];

	obuf_printf(&job->out, "# %s %s %" PRIu64 " bytes%s at %" PRIu64 "\n",
	    text_stamp(e->ts_ns, stamp), dir_name(e->dir), e->len, what,
	    e->off);
}

static void
hex_data(struct job *job, const struct watch_event *e)
{
	hex_line(job, e, "");
	hexdump_put(&job->out, e->off, e->data, e->len);
}

static void
hex_gap(struct job *job, const struct watch_event *e)
{
	char what[32];

	(void)snprintf(
	    what, sizeof(what), " missing (%s)", event_gap_name(e->why));
	hex_line(job, e, what);
}

/* --- pcapng ------------------------------------------------------------ */

/**
 * struct note - An event that waits for the others
 * @data:	Where its bytes are in job.bytes
 */
struct note {
	struct watch_event event;
	size_t data;
};

/* synth_emit */
static void
emit(void *self, const struct frame *f)
{
	struct job *job = self;

	pcapng_put_packet(&job->out, 0, f);
}

static void
pcapng_begin(struct job *job)
{
	const struct watch_session *ws = job->ws;
	const struct pcapng_section section = {
		.userappl = "teeline " TEELINE_VERSION
	};
	const struct pcapng_interface iface = {
		.linktype = PCAPNG_LINKTYPE_RAW,
		.name = ws->input,
		.description = "packets made for a stream",
	};

	pcapng_put_section(&job->out, &section);
	pcapng_put_interface(&job->out, &iface);
	synth_init(&job->synth, &ws->client, &ws->server, ws->id);
}

/*
 * Where the conversation begins depends on what is no longer kept of both
 * directions, and that of the second is told after bytes of the first.
 */
static void
pcapng_keep(struct job *job, const struct watch_event *e)
{
	const struct note n = { .event = *e, .data = job->bytes.len };

	if (e->type == WATCH_DATA)
		obuf_put(&job->bytes, e->data, e->len);
	obuf_put(&job->notes, &n, sizeof(n));
}

static enum synth_side
side_of(enum party by)
{
	return by == PARTY_CLIENT ? SYNTH_CLIENT : SYNTH_SERVER;
}

static void
play(struct job *job, const struct note *n)
{
	const struct watch_event *e = &n->event;
	const struct synth_out out = { emit, job, e->ts_ns };
	enum synth_side from = (enum synth_side)e->dir;

	if (e->type == WATCH_DATA)
		synth_data(
		    &job->synth, &out, from, job->bytes.data + n->data, e->len);
	else if (e->type == WATCH_GAP)
		synth_gap(&job->synth, &out, from, e->len);
	else if (e->how == HOW_FIN)
		synth_fin(&job->synth, &out, from);
	else
		synth_abort(&job->synth, &out, from, side_of(e->by));
}

/* The conversation begins behind what is no longer kept. */
static uint64_t
skip_forgotten(struct job *job, struct note *notes, size_t n)
{
	bool seen[DIR_NDIRS] = { false, false };

	for (size_t i = 0; i < n; i++) {
		struct watch_event *e = &notes[i].event;

		if (!seen[e->dir] && e->type == WATCH_GAP) {
			play(job, &notes[i]);
			e->len = 0;
		}
		seen[e->dir] = true;
	}
	return n > 0 ? notes[0].event.ts_ns : job->ws->open_ns;
}

static void
pcapng_finish(struct job *job, bool closed)
{
	size_t n = job->notes.len / sizeof(struct note);
	struct note *notes = (struct note *)(void *)job->notes.data;
	struct synth_out out = { emit, job, 0 };

	if (job->notes.failed || job->bytes.failed) {
		job->out.failed = true;
		return;
	}
	out.ts_ns = skip_forgotten(job, notes, n);
	synth_open(&job->synth, &out);
	if (closed && job->ws->reason == HOW_REFUSED)
		synth_abort(&job->synth, &out, SYNTH_CLIENT, SYNTH_SERVER);
	else
		synth_accept(&job->synth, &out);
	for (size_t i = 0; i < n; i++) {
		out.ts_ns = notes[i].event.ts_ns;
		if (notes[i].event.type != WATCH_GAP || notes[i].event.len > 0)
			play(job, &notes[i]);
	}
	if (closed)
		synth_close(&job->synth, &out);
}

/* --- all of them ------------------------------------------------------- */

/* In the order of shape_words. */
static const struct shape shapes[] = {
	{
	    .type = "application/octet-stream",
	    .ending = "bin",
	    .data = raw_data,
	},
	{
	    .type = "text/plain; charset=utf-8",
	    .ending = "txt",
	    .data = hex_data,
	    .gap = hex_gap,
	},
	{
	    .type = "application/x-pcapng",
	    .ending = "pcapng",
	    .begin = pcapng_begin,
	    .data = pcapng_keep,
	    .gap = pcapng_keep,
	    .end = pcapng_keep,
	    .finish = pcapng_finish,
	},
};

#define PCAPNG (&shapes[2])

static const char *const shape_words[] = { "raw", "hex", "pcapng", NULL };
static_assert(
    ATTR_COUNT(shape_words) == ATTR_COUNT(shapes) + 1, "a word for each shape");

static void
job_free(struct job *job)
{
	follower_stop(job->follower);
	watch_session_unref(job->ws);
	obuf_done(&job->bytes);
	obuf_done(&job->notes);
	obuf_done(&job->out);
	free(job);
}

static void
add_name(struct http_request *rq, const struct job *job)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
	    "attachment; filename=\"session-%" PRIu64 "%s.%s\"", job->ws->id,
	    job->dirs == 1U << DIR_CLIENT   ? "-c2s"
	    : job->dirs == 1U << DIR_SERVER ? "-s2c"
					    : "",
	    job->shape->ending);
	http_reply_header(rq, "Content-Disposition", text);
}

static void
finish(struct job *job, bool closed)
{
	struct http_request *rq = job->rq;

	if (job->shape->finish != NULL)
		job->shape->finish(job, closed);
	http_reply_body(rq, 200, job->shape->type, &job->out);
	add_name(rq, job);
	job_free(job);
}

static void
pass(struct job *job, const struct watch_event *e,
    void (*to)(struct job *job, const struct watch_event *e))
{
	if (to != NULL && (job->dirs & 1U << e->dir) != 0)
		to(job, e);
}

/* follower_opts.event */
static void
on_event(void *self, const struct watch_event *e)
{
	struct job *job = self;

	switch (e->type) {
	case WATCH_DATA:
		pass(job, e, job->shape->data);
		break;
	case WATCH_GAP:
		pass(job, e, job->shape->gap);
		break;
	case WATCH_END:
		pass(job, e, job->shape->end);
		break;
	case WATCH_CONFLICT:
		break;
	case WATCH_CLOSE:
		finish(job, true);
		break;
	case WATCH_LIVE:
		finish(job, false);
		break;
	}
}

/* http_request_hold() */
static void
on_cancel(void *self)
{
	job_free(self);
}

static struct job *
job_new(struct http_request *rq, struct watch_session *ws)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->rq = rq;
	job->ws = watch_session_ref(ws);
	job->follower = watch_follow(rq->backend->watch, ws,
	    &(struct follower_opts){
		.history = true,
		.credit = CREDIT,
		.event = on_event,
		.self = job,
	    });
	if (job->follower == NULL) {
		job_free(job);
		return NULL;
	}
	return job;
}

void
api_bytes(struct http_request *rq)
{
	static const char *const dirs[] = { "both", "c2s", "s2c", NULL };
	struct watch_session *ws = api_sessions_asked(rq);
	size_t shape = 0, dir = 0;
	struct job *job;

	if (ws == NULL || !http_request_word(rq, "dir", dirs, &dir) ||
	    !http_request_word(rq, "format", shape_words, &shape))
		return;
	if (&shapes[shape] == PCAPNG && dir != 0) {
		http_reply_problem(
		    rq, 400, "dir: pcapng holds both directions: leave it out");
		return;
	}
	job = job_new(rq, ws);
	if (job == NULL) {
		http_reply_problem(rq, 503, "out of memory");
		return;
	}
	job->shape = &shapes[shape];
	job->dirs = dir == 0 ? 3U : 1U << (dir - 1);
	if (job->shape->begin != NULL)
		job->shape->begin(job);
	http_request_hold(rq, on_cancel, job);
}
