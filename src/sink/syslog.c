#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <uv.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/obuf.h"
#include "base/thread.h"
#include "net/worker.h"

#include "sink/formats.h"
#include "sink/syslog.h"

/*
 * How it works.  A lane collects the lines of a turn in a batch and hands it
 * over at the end of the turn, under the lock.  The thread takes the batches
 * off one by one and calls syslog(3) without the lock.  At the end the rest
 * is written until the deadline; a thread that the system's logger holds is
 * left behind, and then nothing that it uses is freed.
 */

#define DEFAULT_QUEUE ((size_t)1 << 20)

/* For a thread that has nothing to do. */
#define GRACE_NS (2 * CLOCK_NS_PER_S)

/**
 * struct batch - What a lane had to say in one turn
 * @lane:	Its counters are the thread's to add to
 * @payload:	Stream bytes that @text stands for
 * @chunks:	Their data events
 */
struct batch {
	struct list node;
	struct sink_lane *lane;
	struct obuf text;
	uint64_t payload;
	uint64_t chunks;
};

/**
 * struct lane - A worker's part
 * @batch:	Being filled; NULL until there is something to say
 * @none:	Takes what is said when there is no memory for a batch
 */
struct lane {
	struct list node;
	struct worker *worker;
	struct sink_lane *lane;
	struct batch *batch;
	struct obuf none;
};

/**
 * struct syslog_sink - The sink's own data
 * @ops:	The kind's, with what its format needs
 * @sink:	Has the limit of the queue
 * @lanes:	Changes only while neither worker nor thread runs
 * @lock:	Guards @queue, @closing, @ended
 * @wake:	Something for the thread to do
 * @over:	@ended has become true
 * @queued:	Bytes of text on the queue and in work
 * @deadline_ns: CLOCK_NEVER until draining
 * @has_thread:	It was started and has not been joined
 */
struct syslog_sink {
	struct sink_ops ops;
	const struct format *format;
	struct format_opts opts;
	int priority;
	struct sink *sink;
	struct list lanes;
	uv_mutex_t lock;
	uv_cond_t wake;
	uv_cond_t over;
	struct list queue;
	bool closing;
	bool ended;
	_Atomic size_t queued;
	_Atomic uint64_t deadline_ns;
	uv_thread_t thread;
	bool has_thread;
};

/* --- the thread -------------------------------------------------------- */

static void
count_drop(struct batch *b, enum drop_reason why)
{
	count_add(&b->lane->count.drop_bytes[why], b->payload);
	count_add(&b->lane->count.drop_chunks[why], b->chunks);
}

/* @text is ours: each line's newline becomes its end. */
static void
write_lines(int priority, struct obuf *text)
{
	char *at = (char *)text->data;
	size_t left = text->len;
	char *nl;

	while (left > 0 && (nl = memchr(at, '\n', left)) != NULL) {
		*nl = '\0';
		syslog(priority, "%s", at);
		left -= (size_t)(nl + 1 - at);
		at = nl + 1;
	}
}

/* The queue had reached its limit and has fallen below it again. */
static void
wake_workers(struct syslog_sink *ss)
{
	for (struct list *n = ss->lanes.next; n != &ss->lanes; n = n->next)
		worker_room(LIST_ENTRY(n, struct lane, node)->worker);
}

static void
carry_out(struct syslog_sink *ss, struct batch *b)
{
	size_t limit = ss->sink->queue, before;

	if (clock_mono_ns() < atomic_load(&ss->deadline_ns)) {
		write_lines(ss->priority, &b->text);
		count_add(&b->lane->count.written, b->payload);
	} else {
		count_drop(b, DROP_CLOSING);
	}
	before = atomic_fetch_sub(&ss->queued, b->text.len);
	/* While draining there are no workers any more. */
	if (before >= limit && before - b->text.len < limit &&
	    atomic_load(&ss->deadline_ns) == CLOCK_NEVER)
		wake_workers(ss);
	obuf_done(&b->text);
	free(b);
}

static void
thread_main(void *self)
{
	struct syslog_sink *ss = self;

	thread_name("syslog");
	uv_mutex_lock(&ss->lock);
	while (!ss->closing || !list_is_empty(&ss->queue)) {
		struct list *node = list_shift(&ss->queue);

		if (node == NULL) {
			uv_cond_wait(&ss->wake, &ss->lock);
			continue;
		}
		uv_mutex_unlock(&ss->lock);
		carry_out(ss, LIST_ENTRY(node, struct batch, node));
		uv_mutex_lock(&ss->lock);
	}
	ss->ended = true;
	uv_cond_signal(&ss->over);
	uv_mutex_unlock(&ss->lock);
}

/* --- a worker's part --------------------------------------------------- */

static int
lane_new(struct sink_lane *sink_lane, struct worker *w, struct err *err)
{
	struct syslog_sink *ss = sink_lane->sink->self;
	struct lane *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	l->worker = w;
	l->lane = sink_lane;
	list_init(&l->node);
	list_append(&ss->lanes, &l->node);
	sink_lane->self = l;
	return 0;
}

static void
lane_free(struct sink_lane *sink_lane)
{
	struct lane *l = sink_lane->self;

	if (l == NULL)
		return;
	if (l->batch != NULL)
		obuf_done(&l->batch->text);
	free(l->batch);
	obuf_done(&l->none);
	list_remove(&l->node);
	free(l);
	sink_lane->self = NULL;
}

static void
hand_over(struct syslog_sink *ss, struct lane *l)
{
	struct batch *b = l->batch;

	if (b == NULL)
		return;
	l->batch = NULL;
	atomic_fetch_add(&ss->queued, b->text.len);
	uv_mutex_lock(&ss->lock);
	list_append(&ss->queue, &b->node);
	uv_cond_signal(&ss->wake);
	uv_mutex_unlock(&ss->lock);
}

static uint64_t
turn(struct sink_lane *lane, uint64_t mono_ns)
{
	(void)mono_ns;
	hand_over(lane->sink->self, lane->self);
	return CLOCK_NEVER;
}

static bool
full(const struct sink_lane *lane)
{
	const struct syslog_sink *ss = lane->sink->self;

	return atomic_load(&ss->queued) >= lane->sink->queue;
}

/* NULL without memory. */
static struct batch *
batch_of(struct sink_lane *lane)
{
	struct lane *l = lane->self;

	if (l->batch != NULL)
		return l->batch;
	l->batch = calloc(1, sizeof(*l->batch));
	if (l->batch == NULL)
		return NULL;
	list_init(&l->batch->node);
	l->batch->lane = lane;
	return l->batch;
}

/* Where a format may write; without memory to where nobody looks. */
static struct obuf *
text_of(struct sink_lane *lane)
{
	struct lane *l = lane->self;
	struct batch *b = batch_of(lane);

	obuf_clear(&l->none);
	return b != NULL ? &b->text : &l->none;
}

static const struct syslog_sink *
sink_of(const struct sink_lane *lane)
{
	return lane->sink->self;
}

static int
on_open(struct sink_lane *lane, void *st, const struct session *s)
{
	const struct syslog_sink *ss = sink_of(lane);

	if (ss->format->open != NULL)
		ss->format->open(&ss->opts, st, s, text_of(lane));
	return 0;
}

static void
on_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	const struct syslog_sink *ss = sink_of(lane);
	struct batch *b = batch_of(lane);
	/* What needs no bytes is counted as written by the fan-out. */
	bool counts = ss->format->need != NEED_NOTHING;

	/* There is no idle(): a line that waits for its rest waits longer. */
	(void)ss->format->data(&ss->opts, st, s, c, text_of(lane));
	if (!counts)
		return;
	if (b == NULL) {
		count_add(&lane->count.drop_bytes[DROP_GONE], c->len);
		count_add(&lane->count.drop_chunks[DROP_GONE], 1);
		return;
	}
	b->payload += c->len;
	b->chunks++;
}

static void
on_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	const struct syslog_sink *ss = sink_of(lane);

	ss->format->gap(&ss->opts, st, s, g, text_of(lane));
}

static void
on_conflict(struct sink_lane *lane, void *st, const struct session *s,
    const struct conflict *c)
{
	const struct syslog_sink *ss = sink_of(lane);

	ss->format->conflict(&ss->opts, st, s, c, text_of(lane));
}

static void
on_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	const struct syslog_sink *ss = sink_of(lane);

	ss->format->end(&ss->opts, st, s, e, text_of(lane));
}

static void
on_close(struct sink_lane *lane, void *st, const struct session *s)
{
	const struct syslog_sink *ss = sink_of(lane);

	if (ss->format->close != NULL)
		ss->format->close(&ss->opts, st, s, text_of(lane));
}

/* --- making and ending ------------------------------------------------- */

/* Let the thread finish; -ETIMEDOUT when it is left behind. */
static int
end_thread(struct syslog_sink *ss, uint64_t deadline_ns)
{
	uint64_t now_ns = clock_mono_ns();
	bool ended;

	atomic_store(&ss->deadline_ns, deadline_ns);
	uv_mutex_lock(&ss->lock);
	ss->closing = true;
	uv_cond_signal(&ss->wake);
	while (!ss->ended && now_ns < deadline_ns) {
		/* A timeout is seen by the clock, like a stray wake-up. */
		(void)uv_cond_timedwait(
		    &ss->over, &ss->lock, deadline_ns - now_ns);
		now_ns = clock_mono_ns();
	}
	ended = ss->ended;
	uv_mutex_unlock(&ss->lock);
	if (!ended)
		return -ETIMEDOUT;
	(void)uv_thread_join(&ss->thread); /* it has nothing left to do */
	ss->has_thread = false;
	return 0;
}

static int
drain(struct sink *sink, uint64_t deadline_ns)
{
	struct syslog_sink *ss = sink->self;

	for (struct list *n = ss->lanes.next; n != &ss->lanes; n = n->next)
		hand_over(ss, LIST_ENTRY(n, struct lane, node));
	return end_thread(ss, deadline_ns);
}

static void
free_sink(struct sink *sink)
{
	struct syslog_sink *ss = sink->self;

	if (ss == NULL)
		return;
	/* Not drained: something else failed at start, nothing was said. */
	if (ss->has_thread && end_thread(ss, clock_mono_ns() + GRACE_NS) != 0)
		return;
	uv_cond_destroy(&ss->over);
	uv_cond_destroy(&ss->wake);
	uv_mutex_destroy(&ss->lock);
	free(ss);
	sink->self = NULL;
}

static int
start(struct syslog_sink *ss)
{
	int rc = uv_mutex_init(&ss->lock);

	if (rc != 0)
		return rc;
	rc = uv_cond_init(&ss->wake);
	if (rc != 0)
		goto no_wake;
	rc = uv_cond_init(&ss->over);
	if (rc != 0)
		goto no_over;
	rc = uv_thread_create(&ss->thread, thread_main, ss);
	if (rc != 0)
		goto no_thread;
	ss->has_thread = true;
	return 0;

no_thread:
	uv_cond_destroy(&ss->over);
no_over:
	uv_cond_destroy(&ss->wake);
no_wake:
	uv_mutex_destroy(&ss->lock);
	return rc;
}

static const struct sink_ops template = {
	.kind = "syslog",
	.lane_new = lane_new,
	.lane_free = lane_free,
	.drain = drain,
	.free = free_sink,
	.open = on_open,
	.close = on_close,
	.abort = on_close,
	.turn = turn,
	.full = full,
};

/* What the format does not look at never comes here. */
static void
set_ops(struct syslog_sink *ss)
{
	const struct format *f = ss->format;

	ss->ops = template;
	ss->ops.need = f->need;
	ss->ops.session_size = f->session_size;
	ss->ops.data = f->data != NULL ? on_data : NULL;
	ss->ops.gap = f->gap != NULL ? on_gap : NULL;
	ss->ops.conflict = f->conflict != NULL ? on_conflict : NULL;
	ss->ops.end = f->end != NULL ? on_end : NULL;
}

static int
read_level(const struct sink_spec *spec, int *level, struct err *err)
{
	static const struct {
		const char *word;
		int level;
	} levels[] = {
		{ "err", LOG_ERR },
		{ "warning", LOG_WARNING },
		{ "notice", LOG_NOTICE },
		{ "info", LOG_INFO },
		{ "debug", LOG_DEBUG },
	};
	const char *word = sink_spec_get(spec, "level");

	if (word == NULL)
		word = "info";
	for (size_t i = 0; i < ATTR_COUNT(levels); i++)
		if (strcmp(levels[i].word, word) == 0) {
			*level = levels[i].level;
			return 0;
		}
	return err_set(err, -EINVAL,
	    "level=%s: use err, warning, notice, info or debug", word);
}

static int
read_text(const struct sink_spec *spec, const struct format **format,
    int *level, struct err *err)
{
	*format = formats_find(spec->arg);
	if (*format == NULL)
		return err_set(err, -EINVAL, "\"%s\" is no format", spec->arg);
	return read_level(spec, level, err);
}

static int
check(const struct sink_spec *spec, const struct sink_env *env, struct err *err)
{
	const struct format *format;
	int level;

	(void)env;
	return read_text(spec, &format, &level, err);
}

static int
make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	const struct format *format;
	struct syslog_sink *ss;
	int level = LOG_INFO;
	int rc = read_text(spec, &format, &level, err);

	if (rc != 0)
		return rc;
	ss = calloc(1, sizeof(*ss));
	if (ss == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	ss->sink = sink;
	ss->format = format;
	ss->opts.ascii = true;
	ss->opts.start_ns = env->start_ns;
	ss->opts.inputs = env->inputs;
	ss->priority = LOG_DAEMON | level;
	atomic_init(&ss->deadline_ns, CLOCK_NEVER);
	list_init(&ss->lanes);
	list_init(&ss->queue);
	rc = start(ss);
	if (rc != 0) {
		free(ss);
		return err_set(
		    err, rc, "cannot start its thread: %s", uv_strerror(rc));
	}
	set_ops(ss);
	sink->ops = &ss->ops;
	sink->self = ss;
	return 0;
}

static const struct sink_key keys[] = {
	{ "level", "err|warning|notice|info|debug",
	    "severity of the messages; info if not given" },
	{ NULL, NULL, NULL },
};

const struct sink_kind syslog_kind = {
	.name = "syslog",
	.arg = "FORMAT",
	.help = "lines of a format as messages to the system's log",
	.keys = keys,
	.queue = DEFAULT_QUEUE,
	.make = make,
	.check = check,
	.live = true,
};
