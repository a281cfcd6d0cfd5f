#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "core/session.h"
#include "core/sink.h"

#include "sink/keys.h"
#include "sink/tee.h"
#include "sink/tee_copy.h"

#define QUEUE_DEFAULT ((size_t)64 << 20)

/* Longer than that nobody looks for an answer that differs. */
#define COMPARE_LIMIT ((size_t)1 << 20)

/* What is kept of answers on one worker, that others are to catch up with. */
#define COMPARE_MOST ((size_t)64 << 20)

/* For a call, or for answers, when the session is over already. */
#define PATIENCE_NS (10 * CLOCK_NS_PER_S)

#define DAY_NS (86400 * CLOCK_NS_PER_S)

/* Longest words about it: its name, and where it leads to. */
#define WORDS_MAX 512

/** enum what - Which directions are copied, as dir= spells them. */
enum what {
	WHAT_CLIENT,
	WHAT_SERVER,
	WHAT_BOTH,
};

/**
 * struct tee - The sink
 * @what:	dir=
 * @midstream:	Copy sessions whose beginning was not seen as well
 * @call:	How the other server is called
 * @share:	Descriptors of copies whose sessions are over
 * @told_loop:	That the other server is the proxy itself,
 * @notice:	to whom
 */
struct tee {
	struct endpoint to;
	enum what what;
	bool compare;
	bool midstream;
	struct outcall_opts call;
	struct outq_lane_share share;
	_Atomic bool told_loop;
	void (*notice)(void *self, const char *text);
	void *notice_self;
};

static bool
copies(const struct tee *t, enum dir d)
{
	return t->what == WHAT_BOTH ||
	       t->what == (d == DIR_CLIENT ? WHAT_CLIENT : WHAT_SERVER);
}

/* --- lanes ------------------------------------------------------------- */

static int
tee_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	struct tee *t = lane->sink->self;
	struct tee_copy_lane *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL)
		return err_set(err, -ENOMEM, "no memory for a worker");
	rc = outcall_target_init(&l->target, &t->call, w, err);
	if (rc != 0) {
		free(l);
		return rc;
	}
	outq_lane_init(&l->outq, w, &lane->count, PATIENCE_NS);
	l->outq.own = t->call.own;
	l->outq.share = &t->share;
	atomic_fetch_add(&t->share.lanes, 1);
	l->outq.patient = lane->sink->on_full == ON_FULL_PAUSE;
	l->outq.targets[l->outq.ntargets++] = &l->target;
	list_init(&l->copies);
	deadline_queue_init(&l->patience, PATIENCE_NS);
	l->limit = lane->sink->queue;
	l->compare = t->compare ? COMPARE_LIMIT : 0;
	l->ahead.most = COMPARE_MOST;
	lane->self = l;
	return 0;
}

static void
tee_lane_free(struct sink_lane *lane)
{
	free(lane->self);
}

static uint64_t
tee_turn(struct sink_lane *lane, uint64_t mono_ns)
{
	return tee_copy_lane_turn(lane->self, mono_ns);
}

static void
tee_finish(struct sink_lane *lane, uint64_t deadline_ns)
{
	struct tee_copy_lane *l = lane->self;

	outq_lane_finish(&l->outq, deadline_ns);
}

static bool
tee_finished(const struct sink_lane *lane)
{
	const struct tee_copy_lane *l = lane->self;

	return list_is_empty(&l->copies) && outq_lane_finished(&l->outq);
}

static bool
tee_full_session(const struct sink_lane *lane, const void *st, enum dir dir)
{
	struct tee_copy *const *c = st;

	return copies(lane->sink->self, dir) && tee_copy_full(*c);
}

static bool
tee_full(const struct sink_lane *lane)
{
	const struct tee_copy_lane *l = lane->self;

	return outq_lane_full(&l->outq);
}

/* --- events ------------------------------------------------------------ */

/* A copy to where its session was accepted would be copied, and so on. */
static bool
leads_back(const struct tee_copy_lane *l, const struct session *s)
{
	const struct resolve *to = &l->target.resolve;

	for (size_t i = 0; i < to->naddrs; i++)
		if (addr_equal(&to->addrs[i], session_listen(s)))
			return true;
	return false;
}

static void
tell_loop(struct tee *t, const struct sink *sink)
{
	char text[ADDR_TEXT_MAX], words[WORDS_MAX];

	if (atomic_exchange(&t->told_loop, true))
		return;
	(void)snprintf(words, sizeof(words),
	    "%.64s: %s is where the proxy itself listens: what comes in there "
	    "is not copied",
	    sink->name, endpoint_format(&t->to, text));
	t->notice(t->notice_self, words);
}

static int
tee_open(struct sink_lane *lane, void *st, const struct session *s)
{
	struct tee *t = lane->sink->self;
	struct tee_copy **c = st;

	/* Without its beginning it is a stream with a hole. */
	if (s->midstream && !t->midstream)
		return -ENODATA;
	if (leads_back(lane->self, s)) {
		tell_loop(t, lane->sink);
		return -ELOOP;
	}
	*c = tee_copy_new(lane->self);
	return *c != NULL ? 0 : -ENOMEM;
}

static void
tee_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct tee_copy **copy = st;

	(void)s;
	if (copies(lane->sink->self, c->dir))
		tee_copy_put(*copy, c->data, c->len);
	else
		tee_copy_answer(*copy, c->data, c->len);
}

static void
tee_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	struct tee_copy **copy = st;

	(void)s;
	/* What was said before the hole is delivered. */
	if (copies(lane->sink->self, g->dir))
		tee_copy_cut(*copy, false);
	else
		tee_copy_answer_gap(*copy);
}

static void
tee_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	const struct tee *t = lane->sink->self;
	struct tee_copy **copy = st;

	if (!copies(t, e->dir)) {
		/* An answer that was cut is no answer to compare with. */
		if (e->how != HOW_FIN)
			tee_copy_answer_gap(*copy);
		return;
	}
	if (e->how != HOW_FIN)
		tee_copy_cut(*copy, false);
	else if (t->what != WHAT_BOTH || s->ended[dir_other(e->dir)])
		tee_copy_fin(*copy);
}

static void
tee_close(struct sink_lane *lane, void *st, const struct session *s)
{
	struct tee_copy **copy = st;

	(void)lane;
	if (s->reason == HOW_REFUSED)
		tee_copy_cut(*copy, true);
	tee_copy_release(*copy);
}

static void
tee_abort(struct sink_lane *lane, void *st, const struct session *s)
{
	struct tee_copy **copy = st;

	(void)lane;
	(void)s;
	tee_copy_cut(*copy, true);
	tee_copy_release(*copy);
}

static void
tee_free(struct sink *sink)
{
	struct tee *t = sink == NULL ? NULL : sink->self;

	if (t == NULL)
		return;
	endpoint_done(&t->to);
	free(t);
	sink->self = NULL;
}

static const struct sink_ops tee_ops = {
	.kind = "tee",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct tee_copy *),
	.lane_new = tee_lane_new,
	.lane_free = tee_lane_free,
	.free = tee_free,
	.open = tee_open,
	.data = tee_data,
	.gap = tee_gap,
	.end = tee_end,
	.close = tee_close,
	.abort = tee_abort,
	.turn = tee_turn,
	.full = tee_full,
	.full_session = tee_full_session,
	.finish = tee_finish,
	.finished = tee_finished,
};

/* --- making ------------------------------------------------------------ */

static int
read_keys(struct tee *t, const struct sink_spec *spec, struct err *err)
{
	static const struct keys_number a_time = { QUANTITY_TIME,
		{ CLOCK_NS_PER_MS, DAY_NS } };
	static const struct keys_number a_count = { QUANTITY_COUNT,
		{ 1, 1000000 } };
	static const char *const dirs[] = { "c2s", "s2c", "both", NULL };
	unsigned what = WHAT_CLIENT;
	uint64_t tries = 3;
	int rc;

	rc = keys_word(spec, "dir", dirs, &what, err);
	if (rc == 0)
		rc = keys_flag(spec, "compare", &t->compare, err);
	if (rc == 0)
		rc = keys_flag(spec, "midstream", &t->midstream, err);
	if (rc == 0)
		rc = keys_number(
		    spec, "connect-timeout", &a_time, &t->call.timeout_ns, err);
	if (rc == 0)
		rc =
		    keys_number(spec, "retry", &a_time, &t->call.retry_ns, err);
	if (rc == 0)
		rc = keys_number(spec, "tries", &a_count, &tries, err);
	t->what = (enum what)what;
	t->call.tries = (unsigned)tries;
	return rc;
}

static int
check(const struct tee *t, const struct sink *sink, struct err *err)
{
	if (sink->on_full == ON_FULL_DROP)
		return err_set(err, -EINVAL,
		    "on-full=drop: close or pause is wanted, since a copy "
		    "never has a hole");
	if (t->compare && t->what != WHAT_CLIENT)
		return err_set(err, -EINVAL,
		    "compare=yes: dir=c2s is wanted, since only answers to "
		    "the client can be compared");
	return 0;
}

static int
tee_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	struct tee *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	t->call = (struct outcall_opts){
		.endpoint = &t->to,
		.timeout_ns = 10 * CLOCK_NS_PER_S,
		.retry_ns = CLOCK_NS_PER_S,
		.own = strcmp(env->source, "tap") == 0,
		.name = sink->name,
		.tell = env->remark,
		.tell_self = env->self,
	};
	t->share.most = env->max_linger;
	t->notice = env->notice;
	t->notice_self = env->self;
	sink->self = t;
	rc = keys_place(&t->to, ENDPOINT_DIAL, spec->arg, err);
	if (rc == 0)
		rc = read_keys(t, spec, err);
	if (rc == 0)
		rc = check(t, sink, err);
	if (rc != 0) {
		tee_free(sink);
		return rc;
	}
	sink->session_fds = 1;
	sink->aside[DIR_CLIENT] = !copies(t, DIR_CLIENT);
	sink->aside[DIR_SERVER] = !copies(t, DIR_SERVER);
	sink->ops = &tee_ops;
	return 0;
}

static const struct sink_key keys[] = {
	{ "dir", "c2s|s2c|both", "what is copied (default: c2s)" },
	{ "compare", "yes|no", "compare its answers with the true ones" },
	{ "connect-timeout", "SEC", "for each address (default: 10)" },
	{ "retry", "SEC", "from a failed call to the next (default: 1)" },
	{ "tries", "N", "calls until a session is given up (default: 3)" },
	{ "midstream", "yes|no", "also sessions whose beginning is missing" },
	{ NULL, NULL, NULL },
};

const struct sink_kind tee_kind = {
	.name = "tee",
	.arg = "HOST:PORT",
	.help = "a copy of each session to another server",
	.keys = keys,
	.queue = QUEUE_DEFAULT,
	.make = tee_make,
	.live = true,
	.whole = true,
};
