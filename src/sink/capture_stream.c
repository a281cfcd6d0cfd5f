#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/obuf.h"

#include "core/session.h"
#include "core/sink.h"

#include "net/writer.h"

#include "sink/capture_stream.h"

static_assert((int)SYNTH_CLIENT == (int)DIR_CLIENT &&
		  (int)SYNTH_SERVER == (int)DIR_SERVER,
    "a direction is named after the side that sends");

/**
 * struct job - An event on its way to the writer
 * @file:	Where its packets go
 * @out:	The record that they make
 * @comment:	For the first of them; NULL: none
 */
struct job {
	const struct capture_files *files;
	struct capture_lane *lane;
	struct capture_stream *st;
	struct capture_file *file;
	struct obuf *out;
	const char *comment;
};

/* --- comments ---------------------------------------------------------- */

/*
 * What was put into @words, as a line of text: paths may hold anything.  NULL
 * without memory: a comment is not worth a packet.
 */
static const char *
comment_of(struct obuf *words)
{
	char *text;

	obuf_putc(words, '\0');
	if (words->failed)
		return NULL;
	text = (char *)words->data;
	for (char *c = text; *c != '\0'; c++) {
		if ((uint8_t)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	return text;
}

static void
put_end(struct obuf *words, const char *who, const struct addr *a)
{
	char buf[ADDR_TEXT_MAX];

	if (a->family == AF_UNSPEC)
		obuf_printf(words, "; %s unknown", who);
	else if (a->family == AF_UNIX)
		obuf_printf(words, "; %s %s", who, addr_format(a, buf));
}

static const char *
about_session(struct obuf *words, const struct session *s)
{
	char buf[ADDR_TEXT_MAX];

	obuf_clear(words);
	obuf_printf(words, "session %" PRIu64, s->id);
	if (s->target != NULL &&
	    strcmp(s->target, addr_format(&s->server, buf)) != 0)
		obuf_printf(words, "; target %s", s->target);
	put_end(words, "client", &s->client);
	put_end(words, "server", &s->server);
	if (s->listen.family != AF_UNSPEC)
		obuf_printf(words, "; listen %s", addr_format(&s->listen, buf));
	if (s->local.family != AF_UNSPEC)
		obuf_printf(words, "; local %s", addr_format(&s->local, buf));
	return comment_of(words);
}

/* Words for a reset that neither peer sent; NULL when one of them did. */
static const char *
about_end(
    struct obuf *words, const struct session *s, enum how how, enum party by)
{
	if (by != PARTY_US && s->error == NULL)
		return NULL;
	obuf_clear(words);
	obuf_puts(words, by == PARTY_US ? "ended by the recorder: " : "");
	obuf_puts(words, event_how_name(how));
	if (s->error != NULL)
		obuf_printf(words, " (%s)", s->error);
	return comment_of(words);
}

/* Said once, at the packet that comes after the missing bytes. */
static const char *
about_loss(struct obuf *words, struct capture_stream *st, enum dir d)
{
	obuf_clear(words);
	obuf_printf(words,
	    "%" PRIu64 " bytes are missing before this packet: %s", st->lost[d],
	    event_gap_name((enum gap_why)st->why[d]));
	st->lost[d] = 0;
	return comment_of(words);
}

/* --- packets ----------------------------------------------------------- */

static void
emit(void *self, const struct frame *f)
{
	struct job *job = self;
	enum dir d = f->dir == FRAME_INBOUND ? DIR_CLIENT : DIR_SERVER;
	struct frame g = *f;

	if (job->files->pcapng) {
		g.comment = job->comment;
		job->comment = NULL;
		if (g.comment == NULL && job->st->lost[d] > 0)
			g.comment = about_loss(&job->lane->words, job->st, d);
	}
	capture_file_put(job->files, job->file, job->out, job->st->number, &g);
}

static struct capture_file *
file_of(struct capture_lane *l, struct capture_stream *st)
{
	return l->shared.file != NULL ? &l->shared : &st->own;
}

static struct job
job_begin(struct sink_lane *lane, struct capture_stream *st)
{
	struct capture_lane *l = lane->self;

	return (struct job){
		.files = lane->sink->self,
		.lane = l,
		.st = st,
		.file = file_of(l, st),
		.out = writer_begin(l->rec.port),
	};
}

static void
job_end(struct job *job, size_t payload)
{
	writer_end(job->lane->rec.port, job->file->file, payload);
}

/* --- events ------------------------------------------------------------ */

static void
close_own(struct sink_lane *lane, struct capture_stream *st)
{
	struct capture_lane *l = lane->self;

	if (st->own.file != NULL)
		capture_file_close(lane->sink->self, l->rec.port, &st->own);
}

static int
open_file(
    struct sink_lane *lane, struct capture_stream *st, const struct session *s)
{
	struct capture_files *files = lane->sink->self;
	struct capture_lane *l = lane->self;
	int rc;

	if (files->shared == NULL) {
		rc = capture_file_open(files, &st->own, s);
		if (rc != 0)
			return rc;
	}
	rc = capture_file_iface(
	    files, l->rec.port, file_of(l, st), &files->made, &st->number);
	if (rc != 0)
		close_own(lane, st);
	return rc;
}

int
capture_stream_open(
    struct sink_lane *lane, void *state, const struct session *s)
{
	struct capture_stream *st = state;
	struct synth_out out = { .emit = emit, .ts_ns = s->open_ns };
	struct job job;
	int rc;

	rc = open_file(lane, st, s);
	if (rc != 0)
		return rc;
	synth_init(&st->synth, &s->client, &s->server, s->id);
	job = job_begin(lane, st);
	job.comment = about_session(&job.lane->words, s);
	out.self = &job;
	synth_open(&st->synth, &out);
	/*
	 * Our own end of the server's connection is known once there is one.
	 * Otherwise the call may still be refused: then the next event tells.
	 */
	if (s->local.family != AF_UNSPEC)
		synth_accept(&st->synth, &out);
	job_end(&job, 0);
	return 0;
}

void
capture_stream_data(struct sink_lane *lane, void *state,
    const struct session *s, const struct chunk *c)
{
	struct capture_stream *st = state;
	struct job job = job_begin(lane, st);
	const struct synth_out out = { emit, &job, c->ts_ns };

	(void)s;
	synth_data(&st->synth, &out, (enum synth_side)c->dir, c->data, c->len);
	job_end(&job, c->len);
}

void
capture_stream_gap(struct sink_lane *lane, void *state, const struct session *s,
    const struct gap *g)
{
	struct capture_stream *st = state;
	struct job job = job_begin(lane, st);
	const struct synth_out out = { emit, &job, g->ts_ns };

	(void)s;
	synth_gap(&st->synth, &out, (enum synth_side)g->dir, g->len);
	job_end(&job, 0);
	st->lost[g->dir] += g->len;
	st->why[g->dir] = (uint8_t)g->why;
	if (g->why == GAP_QUEUE) {
		job.file->dropped++;
	}
}

/* Towards the client, whose wire this is, we stand in for the server. */
static enum synth_side
side_of(enum party by)
{
	return by == PARTY_CLIENT ? SYNTH_CLIENT : SYNTH_SERVER;
}

void
capture_stream_end(struct sink_lane *lane, void *state, const struct session *s,
    const struct end *e)
{
	struct capture_stream *st = state;
	struct job job = job_begin(lane, st);
	const struct synth_out out = { emit, &job, e->ts_ns };
	enum synth_side from = (enum synth_side)e->dir;

	if (e->how == HOW_FIN) {
		synth_fin(&st->synth, &out, from);
	} else {
		job.comment = about_end(&job.lane->words, s, e->how, e->by);
		synth_abort(&st->synth, &out, from, side_of(e->by));
	}
	job_end(&job, 0);
}

void
capture_stream_close(
    struct sink_lane *lane, void *state, const struct session *s)
{
	struct capture_stream *st = state;
	struct job job = job_begin(lane, st);
	const struct synth_out out = { emit, &job, s->last_ns };

	if (s->reason == HOW_REFUSED) {
		job.comment = about_end(
		    &job.lane->words, s, HOW_REFUSED, (enum party)s->first);
		synth_abort(&st->synth, &out, SYNTH_CLIENT, SYNTH_SERVER);
	}
	synth_close(&st->synth, &out);
	job_end(&job, 0);
	close_own(lane, st);
}

void
capture_stream_abort(
    struct sink_lane *lane, void *state, const struct session *s)
{
	(void)s;
	close_own(lane, state);
}
