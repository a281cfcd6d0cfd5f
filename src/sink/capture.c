#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/obuf.h"

#include "core/session.h"

#include "net/writer.h"

#include "sink/capture.h"
#include "sink/recorder.h"
#include "sink/recorder_ops.h"
#include "sink/template.h"

#include "wire/pcap.h"
#include "wire/pcapng.h"
#include "wire/synth.h"

#define QUEUE_DEFAULT ((size_t)64 * 1024 * 1024)

static_assert((int)SYNTH_CLIENT == (int)DIR_CLIENT &&
		  (int)SYNTH_SERVER == (int)DIR_SERVER,
    "a direction is named after the side that sends");

/**
 * struct capture - The sink, as all workers share it; read-only in flight
 * @rec:	First: recorder_ops.h wants it there
 * @pcapng:	Else pcap
 * @names:	What the files are called
 * @shared:	The one file; NULL: a file for each session
 * @head:	What each file begins with
 * @mode:	Of new files
 * @start_ns:	Event time when capturing began
 */
struct capture {
	struct recorder rec;
	bool pcapng;
	struct template *names;
	struct writer_file *shared;
	struct obuf head;
	mode_t mode;
	uint64_t start_ns;
};

/** struct tally - What the statistics at the end of a file tell. */
struct tally {
	uint64_t packets;
	uint64_t dropped;
};

/**
 * struct lane - The sink, as one worker sees it
 * @rec:	First, likewise
 * @tally:	Of the shared file
 * @words:	Where comments are put together
 */
struct lane {
	struct recorder_lane rec;
	struct tally tally;
	struct obuf words;
};

/**
 * struct state - What is kept for a session
 * @synth:	Its conversation
 * @file:	Shared, or its own
 * @tally:	Of its own file
 * @lost:	Bytes missing before the next packet of that side,
 * @why:	and why
 */
struct state {
	struct synth synth;
	struct writer_file *file;
	struct tally tally;
	uint64_t lost[DIR_NDIRS];
	uint8_t why[DIR_NDIRS];
};

/**
 * struct job - An event on its way to the writer
 * @out:	Where its packets go
 * @comment:	For the first of them; NULL: none
 */
struct job {
	const struct capture *cap;
	struct lane *lane;
	struct state *st;
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
about_loss(struct obuf *words, struct state *st, enum dir d)
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

	job->st->tally.packets++;
	job->lane->tally.packets++;
	if (!job->cap->pcapng) {
		pcap_put_packet(job->out, &g);
		return;
	}
	g.comment = job->comment;
	job->comment = NULL;
	if (g.comment == NULL && job->st->lost[d] > 0)
		g.comment = about_loss(&job->lane->words, job->st, d);
	pcapng_put_packet(job->out, 0, &g);
}

static struct job
job_begin(struct sink_lane *lane, struct state *st)
{
	struct lane *l = lane->self;

	return (struct job){
		.cap = lane->sink->self,
		.lane = l,
		.st = st,
		.out = writer_begin(l->rec.port),
	};
}

static void
job_end(struct job *job, size_t payload)
{
	writer_end(job->lane->rec.port, job->st->file, payload);
}

/* --- events ------------------------------------------------------------ */

/* Closes a file that belongs to one session, with its statistics. */
static void
close_own(struct sink_lane *lane, struct state *st, uint64_t start_ns,
    uint64_t end_ns)
{
	const struct capture *cap = lane->sink->self;
	struct lane *l = lane->self;

	if (cap->shared != NULL)
		return;
	if (cap->pcapng) {
		pcapng_put_stats(writer_begin(l->rec.port),
		    &(struct pcapng_stats){
			.start_ns = start_ns,
			.end_ns = end_ns,
			.received = st->tally.packets,
			.dropped = st->tally.dropped,
		    });
		writer_end(l->rec.port, st->file, 0);
	}
	writer_close(l->rec.port, st->file);
	st->file = NULL;
}

static int
open_own(const struct capture *cap, struct state *st, const struct session *s)
{
	char path[TEMPLATE_PATH_MAX];
	int rc;

	rc = template_expand(cap->names, s, DIR_CLIENT, path);
	if (rc != 0)
		return rc;
	/*
	 * Never over a file that is there, whatever was asked for: it may be
	 * one that an earlier session of this run has made.
	 */
	st->file = writer_file_new(&(struct writer_file_opts){
	    .path = path,
	    .fd = -1,
	    .exists = WRITER_EXISTS_SUFFIX,
	    .mode = cap->mode,
	    .head = cap->head.data,
	    .head_len = cap->head.len,
	});
	return st->file == NULL ? -ENOMEM : 0;
}

static int
capture_open(struct sink_lane *lane, void *state, const struct session *s)
{
	const struct capture *cap = lane->sink->self;
	struct state *st = state;
	struct synth_out out = { .emit = emit, .ts_ns = s->open_ns };
	struct job job;
	int rc;

	st->file = cap->shared;
	if (st->file == NULL) {
		rc = open_own(cap, st, s);
		if (rc != 0)
			return rc;
	}
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

static void
capture_data(struct sink_lane *lane, void *state, const struct session *s,
    const struct chunk *c)
{
	struct state *st = state;
	struct job job = job_begin(lane, st);
	const struct synth_out out = { emit, &job, c->ts_ns };

	(void)s;
	synth_data(&st->synth, &out, (enum synth_side)c->dir, c->data, c->len);
	job_end(&job, c->len);
}

static void
capture_gap(struct sink_lane *lane, void *state, const struct session *s,
    const struct gap *g)
{
	struct state *st = state;
	struct job job = job_begin(lane, st);
	const struct synth_out out = { emit, &job, g->ts_ns };

	(void)s;
	synth_gap(&st->synth, &out, (enum synth_side)g->dir, g->len);
	job_end(&job, 0);
	st->lost[g->dir] += g->len;
	st->why[g->dir] = (uint8_t)g->why;
	if (g->why == GAP_QUEUE) {
		st->tally.dropped++;
		job.lane->tally.dropped++;
	}
}

/* Towards the client, whose wire this is, we stand in for the server. */
static enum synth_side
side_of(enum party by)
{
	return by == PARTY_CLIENT ? SYNTH_CLIENT : SYNTH_SERVER;
}

static void
capture_end(struct sink_lane *lane, void *state, const struct session *s,
    const struct end *e)
{
	struct state *st = state;
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

static void
capture_close(struct sink_lane *lane, void *state, const struct session *s)
{
	struct state *st = state;
	struct job job = job_begin(lane, st);
	const struct synth_out out = { emit, &job, s->last_ns };

	if (s->reason == HOW_REFUSED) {
		job.comment = about_end(
		    &job.lane->words, s, HOW_REFUSED, (enum party)s->first);
		synth_abort(&st->synth, &out, SYNTH_CLIENT, SYNTH_SERVER);
	}
	synth_close(&st->synth, &out);
	job_end(&job, 0);
	close_own(lane, st, s->open_ns, s->last_ns);
}

static void
capture_abort(struct sink_lane *lane, void *state, const struct session *s)
{
	close_own(lane, state, s->open_ns, s->last_ns);
}

/* --- life -------------------------------------------------------------- */

static int
capture_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	struct capture *cap = lane->sink->self;
	struct lane *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL)
		return err_set(err, -ENOMEM, "no memory for a worker");
	rc = recorder_lane_init(&cap->rec, &l->rec, lane, w, err);
	if (rc != 0) {
		free(l);
		return rc;
	}
	lane->self = l;
	return 0;
}

static void
capture_lane_free(struct sink_lane *lane)
{
	struct capture *cap = lane->sink->self;
	struct lane *l = lane->self;

	recorder_lane_done(&cap->rec, &l->rec);
	obuf_done(&l->words);
	free(l);
}

/* All workers have ended: their lanes may be read, and one of them used. */
static void
close_shared(struct capture *cap)
{
	struct pcapng_stats stats = {
		.start_ns = cap->start_ns,
		.end_ns = clock_event_ns(),
	};
	struct recorder_lane *first = cap->rec.lanes;
	const struct lane *l;

	if (cap->shared == NULL || !cap->pcapng || first == NULL)
		return;
	for (struct recorder_lane *at = first; at != NULL; at = at->next) {
		l = ATTR_CONTAINER(at, struct lane, rec);
		stats.received += l->tally.packets;
		stats.dropped += l->tally.dropped;
	}
	pcapng_put_stats(writer_begin(first->port), &stats);
	writer_end(first->port, cap->shared, 0);
}

static int
capture_drain(struct sink *sink, uint64_t deadline_ns)
{
	struct capture *cap = sink->self;

	close_shared(cap);
	return recorder_drain(&cap->rec, deadline_ns);
}

static void
capture_free(struct sink *sink)
{
	struct capture *cap = sink == NULL ? NULL : sink->self;

	if (cap == NULL)
		return;
	recorder_done(&cap->rec);
	writer_file_free(cap->shared);
	template_free(cap->names);
	obuf_done(&cap->head);
	free(cap);
	sink->self = NULL;
}

/* The two kinds differ in nothing but what they write. */
#define CAPTURE_OPS(name)                                                      \
	{                                                                      \
		.kind = (name), .need = NEED_MEMORY,                           \
		.session_size = sizeof(struct state),                          \
		.lane_new = capture_lane_new, .lane_free = capture_lane_free,  \
		.drain = capture_drain, .reopen = recorder_ops_reopen,         \
		.free = capture_free, .open = capture_open,                    \
		.data = capture_data, .gap = capture_gap, .end = capture_end,  \
		.close = capture_close, .abort = capture_abort,                \
		.turn = recorder_ops_turn, .full = recorder_ops_full,          \
	}

static const struct sink_ops pcapng_ops = CAPTURE_OPS("pcapng");
static const struct sink_ops pcap_ops = CAPTURE_OPS("pcap");

/* --- making ------------------------------------------------------------ */

static int
make_head(struct capture *cap, const struct sink_env *env)
{
	struct utsname host;
	char os[sizeof(host.sysname) + sizeof(host.release) + 1];
	struct pcapng_section section = {
		.userappl = "teeline " TEELINE_VERSION,
	};

	if (!cap->pcapng) {
		pcap_put_file(&cap->head, PCAPNG_LINKTYPE_RAW, PCAPNG_SNAPLEN);
		return cap->head.failed ? -ENOMEM : 0;
	}
	if (uname(&host) == 0) {
		(void)snprintf(
		    os, sizeof(os), "%s %s", host.sysname, host.release);
		section.os = os;
		section.hardware = host.machine;
	}
	pcapng_put_section(&cap->head, &section);
	pcapng_put_interface(&cap->head, &(struct pcapng_interface){
					     .linktype = PCAPNG_LINKTYPE_RAW,
					     .snaplen = PCAPNG_SNAPLEN,
					     .name = env->source,
					 });
	return cap->head.failed ? -ENOMEM : 0;
}

/* The one file of all sessions, opened now so that its user sees a failure. */
static int
open_shared(struct capture *cap, const struct sink_spec *spec, bool overwrite,
    struct err *err)
{
	struct writer_file_opts o = {
		.fd = -1,
		.exists =
		    overwrite ? WRITER_EXISTS_OVERWRITE : WRITER_EXISTS_REFUSE,
		.mode = cap->mode,
		.head = cap->head.data,
		.head_len = cap->head.len,
	};
	char path[TEMPLATE_PATH_MAX];
	int rc;

	rc = template_expand(cap->names, NULL, DIR_CLIENT, path);
	if (rc != 0)
		return err_set(err, rc, "%s: the path is too long", spec->arg);
	if (strcmp(path, "-") == 0)
		o.fd = STDOUT_FILENO;
	else
		o.path = path;
	cap->shared = writer_file_new(&o);
	if (cap->shared == NULL)
		return err_set(err, -ENOMEM, "no memory for %s", spec->arg);
	rc = writer_file_open(cap->shared, err);
	if (rc == -EEXIST)
		return err_set(err, rc,
		    "%s exists; --overwrite allows to replace it", path);
	return rc;
}

static int
check_names(
    const struct capture *cap, const struct sink_spec *spec, struct err *err)
{
	if (template_has_dir(cap->names))
		return err_set(err, -EINVAL,
		    "%s: {dir} has no meaning here: a capture file holds "
		    "both directions",
		    spec->arg);
	return 0;
}

static int
make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	struct capture *cap = calloc(1, sizeof(*cap));
	int rc;

	if (cap == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	sink->self = cap;
	cap->pcapng = sink->ops == &pcapng_ops;
	cap->mode = spec->mode != 0 ? (mode_t)spec->mode : 0600;
	cap->start_ns = env->start_ns;
	rc = -EINVAL;
	if (spec->arg[0] == '\0') {
		(void)err_set(err, rc, "%s: which FILE?", spec->kind);
		goto fail;
	}
	cap->names = template_new(spec->arg, err);
	if (cap->names == NULL)
		goto fail;
	rc = check_names(cap, spec, err);
	if (rc != 0)
		goto fail;
	rc = make_head(cap, env);
	if (rc != 0) {
		(void)err_set(err, rc, "no memory for the head of a file");
		goto fail;
	}
	if (!template_has_fields(cap->names)) {
		rc = open_shared(
		    cap, spec, spec->overwrite || env->overwrite, err);
		if (rc != 0)
			goto fail;
	}
	rc = recorder_init(&cap->rec, sink, env, err);
	if (rc != 0)
		goto fail;
	return 0;
fail:
	capture_free(sink);
	return rc;
}

static int
make_pcapng(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	sink->ops = &pcapng_ops;
	return make(sink, spec, env, err);
}

static int
make_pcap(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	sink->ops = &pcap_ops;
	return make(sink, spec, env, err);
}

const struct sink_kind capture_pcapng_kind = {
	.name = "pcapng",
	.arg = "FILE",
	.help = "capture file that Wireshark reads, with comments",
	.queue = QUEUE_DEFAULT,
	.make = make_pcapng,
};

const struct sink_kind capture_pcap_kind = {
	.name = "pcap",
	.arg = "FILE",
	.help = "capture file of the classic kind, times in ns",
	.queue = QUEUE_DEFAULT,
	.make = make_pcap,
};
