#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/obuf.h"

#include "core/session.h"

#include "sink/made.h"

static_assert((int)SYNTH_CLIENT == (int)DIR_CLIENT &&
		  (int)SYNTH_SERVER == (int)DIR_SERVER,
    "a direction is named after the side that sends");

/**
 * struct job - An event on its way
 * @m:		NULL: nothing is kept
 * @comment:	For the first of its packets; NULL: none
 */
struct job {
	struct made *m;
	const struct made_out *out;
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

/* Where words go; NULL when nobody would read them. */
static struct obuf *
words_of(const struct made_out *out)
{
	if (out->emit == NULL || out->words == NULL)
		return NULL;
	obuf_clear(out->words);
	return out->words;
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

static void
put_session(struct obuf *words, const struct session *s)
{
	char buf[ADDR_TEXT_MAX];

	obuf_printf(words, "session %" PRIu64, s->id);
	if (session_target(s) != NULL &&
	    strcmp(session_target(s), addr_format(&s->server, buf)) != 0)
		obuf_printf(words, "; target %s", session_target(s));
	put_end(words, "client", &s->client);
	put_end(words, "server", &s->server);
	if (session_listen(s)->family != AF_UNSPEC)
		obuf_printf(
		    words, "; listen %s", addr_format(session_listen(s), buf));
	if (session_local(s)->family != AF_UNSPEC)
		obuf_printf(
		    words, "; local %s", addr_format(session_local(s), buf));
}

static const char *
about_session(const struct made_out *out, const struct session *s)
{
	struct obuf *words = words_of(out);

	if (words == NULL)
		return NULL;
	put_session(words, s);
	return comment_of(words);
}

static const char *
about_join(
    const struct made *m, const struct made_out *out, const struct session *s)
{
	struct obuf *words = words_of(out);

	if (words == NULL)
		return NULL;
	put_session(words, s);
	obuf_printf(words,
	    "; heard from here on: the client had sent %" PRIu64
	    " bytes, the server %" PRIu64,
	    synth_sent(&m->synth, SYNTH_CLIENT),
	    synth_sent(&m->synth, SYNTH_SERVER));
	return comment_of(words);
}

/* Words for a reset that neither peer sent; NULL when one of them did. */
static const char *
about_end(const struct made_out *out, const struct session *s, enum how how,
    enum party by)
{
	struct obuf *words = words_of(out);

	if (words == NULL || (by != PARTY_US && session_error(s) == NULL))
		return NULL;
	obuf_puts(words, by == PARTY_US ? "ended by the recorder: " : "");
	obuf_puts(words, event_how_name(how));
	if (session_error(s) != NULL)
		obuf_printf(words, " (%s)", session_error(s));
	return comment_of(words);
}

/* Said once, at the packet that comes after the missing bytes. */
static const char *
about_loss(struct made *m, const struct made_out *out, enum dir d)
{
	struct obuf *words = words_of(out);

	if (words == NULL)
		return NULL;
	obuf_printf(words,
	    "%" PRIu64 " bytes are missing before this packet: %s", m->lost[d],
	    event_gap_name((enum gap_why)m->why[d]));
	m->lost[d] = 0;
	return comment_of(words);
}

/* --- packets ----------------------------------------------------------- */

static void
emit(void *self, const struct frame *f)
{
	struct job *job = self;
	enum dir d = f->dir == FRAME_INBOUND ? DIR_CLIENT : DIR_SERVER;
	struct frame g = *f;

	g.comment = job->comment;
	job->comment = NULL;
	if (g.comment == NULL && job->m != NULL && job->m->lost[d] > 0)
		g.comment = about_loss(job->m, job->out, d);
	job->out->emit(job->out->self, &g);
}

static struct synth_out
begin(struct job *job, uint64_t ts_ns)
{
	/* Whoever begins to listen later misses nothing of what was. */
	if (job->out->emit == NULL && job->m != NULL)
		memset(job->m->lost, 0, sizeof(job->m->lost));
	return (struct synth_out){
		.emit = job->out->emit == NULL ? NULL : emit,
		.self = job,
		.ts_ns = ts_ns,
	};
}

/* --- events ------------------------------------------------------------ */

void
made_open(struct made *m, const struct made_out *out, const struct session *s)
{
	struct job job = {
		.m = m,
		.out = out,
		.comment = about_session(out, s),
	};
	struct synth_out to = begin(&job, s->open_ns);

	*m = (struct made){ .lost = { 0 } };
	synth_init(&m->synth, &s->client, &s->server, s->id);
	synth_open(&m->synth, &to);
	/*
	 * Our own end of the server's connection is known once there is one.
	 * Otherwise the call may still be refused: then the next event tells.
	 */
	if (session_local(s)->family != AF_UNSPEC)
		synth_accept(&m->synth, &to);
}

void
made_data(struct made *m, const struct made_out *out, const struct chunk *c)
{
	struct job job = { .m = m, .out = out };
	struct synth_out to = begin(&job, c->ts_ns);

	synth_data(&m->synth, &to, (enum synth_side)c->dir, c->data, c->len);
}

void
made_gap(struct made *m, const struct made_out *out, const struct gap *g)
{
	struct job job = { .m = m, .out = out };
	struct synth_out to = begin(&job, g->ts_ns);

	synth_gap(&m->synth, &to, (enum synth_side)g->dir, g->len);
	if (out->emit == NULL)
		return;
	m->lost[g->dir] += g->len;
	m->why[g->dir] = (uint8_t)g->why;
}

/* Towards the client, whose wire this is, we stand in for the server. */
static enum synth_side
side_of(enum party by)
{
	return by == PARTY_CLIENT ? SYNTH_CLIENT : SYNTH_SERVER;
}

void
made_end(struct made *m, const struct made_out *out, const struct session *s,
    const struct end *e)
{
	struct job job = { .m = m, .out = out };
	struct synth_out to = begin(&job, e->ts_ns);
	enum synth_side from = (enum synth_side)e->dir;

	if (e->how == HOW_FIN) {
		synth_fin(&m->synth, &to, from);
		return;
	}
	job.comment = about_end(out, s, e->how, e->by);
	synth_abort(&m->synth, &to, from, side_of(e->by));
}

void
made_close(struct made *m, const struct made_out *out, const struct session *s)
{
	struct job job = { .m = m, .out = out };
	struct synth_out to = begin(&job, s->last_ns);

	if (s->reason == HOW_REFUSED) {
		job.comment =
		    about_end(out, s, HOW_REFUSED, (enum party)s->first);
		synth_abort(&m->synth, &to, SYNTH_CLIENT, SYNTH_SERVER);
	}
	synth_close(&m->synth, &to);
}

void
made_join(const struct made *m, const struct made_out *out,
    const struct session *s, uint64_t ts_ns)
{
	struct job job = { .out = out };
	struct synth_out to = begin(&job, ts_ns);

	job.comment = about_join(m, out, s);
	synth_join(&m->synth, &to);
}
