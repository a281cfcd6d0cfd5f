#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"

#include "net/pipe.h"
#include "net/writer.h"
#include "net/writer_batch.h"
#include "net/writer_file.h"
#include "net/writer_thread.h"

/* A queue this many times smaller than a batch is still handed on in parts. */
#define PARTS_OF_LIMIT 4

/* What a writer that nobody drained may still take when it is freed. */
#define FREE_NS (2 * CLOCK_NS_PER_S)

bool
writer_stdout_gone(void)
{
	return writer_thread_stdout_gone();
}

static size_t
batch_max(size_t limit)
{
	size_t part = limit / PARTS_OF_LIMIT;

	return part < WRITER_BATCH ? part : WRITER_BATCH;
}

/* How far a batch may grow while the thread is busy with others. */
static size_t
busy_max(size_t limit)
{
	return limit / 2 < WRITER_BUSY ? limit / 2 : WRITER_BUSY;
}

static int
init_locks(struct writer *w)
{
	int rc = uv_mutex_init(&w->lock);

	if (rc != 0)
		return rc;
	rc = uv_cond_init(&w->wake);
	if (rc != 0)
		goto fail_lock;
	rc = uv_cond_init(&w->ended);
	if (rc != 0)
		goto fail_wake;
	return 0;

fail_wake:
	uv_cond_destroy(&w->wake);
fail_lock:
	uv_mutex_destroy(&w->lock);
	return rc;
}

static void
done_locks(struct writer *w)
{
	uv_cond_destroy(&w->ended);
	uv_cond_destroy(&w->wake);
	uv_mutex_destroy(&w->lock);
}

struct writer *
writer_new(const struct writer_opts *o, struct err *err)
{
	struct writer *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	assert(o->limit > 0);
	if (w == NULL)
		goto fail;
	w->name = strdup(o->name);
	if (w->name == NULL)
		goto fail_memory;
	w->limit = o->limit;
	w->batch_max = batch_max(o->limit);
	w->busy_max = busy_max(o->limit);
	w->notice = o->notice;
	w->notice_self = o->notice_self;
	list_init(&w->queue);
	list_init(&w->ports);
	list_init(&w->rotating);
	atomic_init(&w->deadline_ns, CLOCK_NEVER);
	w->rest_ns = CLOCK_NEVER;
	writer_file_set_init(&w->files, o->max_open);
	writer_tail_set_init(&w->tails, o->limit);
	rc = init_locks(w);
	if (rc != 0)
		goto fail_memory;
	rc = writer_thread_start(w);
	if (rc != 0)
		goto fail_locks;
	return w;

fail_locks:
	done_locks(w);
fail_memory:
	free(w->name);
	free(w);
fail:
	(void)err_set(
	    err, rc, "%s: cannot start a writer: %s", o->name, strerror(-rc));
	return NULL;
}

int
writer_drain(struct writer *w, uint64_t deadline_ns)
{
	struct list *node;

	assert(!w->joined);
	atomic_store(&w->deadline_ns, deadline_ns);
	for (node = w->ports.next; node != &w->ports; node = node->next)
		writer_flush(LIST_ENTRY(node, struct writer_port, node));

	uv_mutex_lock(&w->lock);
	for (node = w->ports.next; node != &w->ports; node = node->next)
		LIST_ENTRY(node, struct writer_port, node)->worker = NULL;
	uv_mutex_unlock(&w->lock);
	return writer_thread_end(w);
}

void
writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	/* A failure at start: little is queued, if anything. */
	if (!w->joined && writer_drain(w, clock_mono_ns() + FREE_NS) != 0)
		return;
	assert(list_is_empty(&w->ports));
	assert(writer_tail_set_oldest(&w->tails) == NULL);
	while (list_shift(&w->rotating) != NULL)
		;
	writer_file_set_done(&w->files);
	done_locks(w);
	free(w->name);
	free(w);
}

void
writer_reopen(struct writer *w)
{
	uv_mutex_lock(&w->lock);
	w->renew = true;
	uv_cond_signal(&w->wake);
	uv_mutex_unlock(&w->lock);
}

void
writer_rotate(struct writer *w, struct writer_file *f)
{
	assert(f->rotation != NULL);
	uv_mutex_lock(&w->lock);
	list_append(&w->rotating, &f->rotating);
	uv_cond_signal(&w->wake);
	uv_mutex_unlock(&w->lock);
}

/* -- ports -------------------------------------------------------------- */

struct writer_port *
writer_port_new(struct writer *wr, struct worker *w, struct sink_count *count)
{
	struct writer_port *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->writer = wr;
	p->worker = w;
	p->count = count;
	p->none.failed = true;
	list_init(&p->node);
	list_init(&p->spare);
	uv_mutex_lock(&wr->lock);
	list_append(&wr->ports, &p->node);
	uv_mutex_unlock(&wr->lock);
	return p;
}

void
writer_port_free(struct writer_port *p)
{
	struct writer *w;
	struct list *node;

	if (p == NULL)
		return;
	w = p->writer;
	if (!w->joined) {
		writer_flush(p);
		uv_mutex_lock(&w->lock);
		list_remove(&p->node);
		while (p->away > 0 || writer_batch_any(&p->held))
			uv_cond_wait(&w->ended, &w->lock);
		uv_mutex_unlock(&w->lock);
	} else {
		list_remove(&p->node);
	}
	while ((node = list_shift(&p->spare)) != NULL)
		writer_batch_free(LIST_ENTRY(node, struct writer_batch, node));
	writer_batch_free(p->batch);
	free(p);
}

bool
writer_full(const struct writer_port *p)
{
	struct writer *w = p->writer;
	size_t own = p->batch != NULL ? writer_batch_size(p->batch) : 0;

	if (atomic_load(&w->queued) + own < w->limit)
		return false;
	/*
	 * Ask again after leaving the note: either the thread sees the note
	 * when it next makes room, or we see the room that it made before.
	 */
	atomic_store(&w->was_full, true);
	return atomic_load(&w->queued) + own >= w->limit;
}

/* The batch to add to; NULL without memory. */
static struct writer_batch *
current(struct writer_port *p)
{
	struct writer *w = p->writer;
	struct list *node;

	if (p->batch != NULL)
		return p->batch;
	uv_mutex_lock(&w->lock);
	/* The last one that came back is the likeliest to be in a cache. */
	node = list_pop(&p->spare);
	if (node != NULL)
		p->nspare--;
	uv_mutex_unlock(&w->lock);
	if (node != NULL)
		p->batch = LIST_ENTRY(node, struct writer_batch, node);
	else
		p->batch = writer_batch_new(p);
	return p->batch;
}

/* Pipes are on loan: they go to the thread as soon as they are many. */
static bool
is_due(const struct writer_port *p)
{
	struct writer *w = p->writer;
	size_t size = writer_batch_size(p->batch);

	if (size < w->batch_max)
		return false;
	return size >= w->busy_max || p->batch->piped > 0 ||
	       atomic_load(&w->queued) == 0;
}

static void
flush_if_full(struct writer_port *p)
{
	if (p->batch != NULL && is_due(p))
		writer_flush(p);
}

struct obuf *
writer_begin(struct writer_port *p)
{
	struct writer_batch *b = current(p);

	if (b == NULL)
		return &p->none;
	p->mark = b->data.len;
	return &b->data;
}

/*
 * No memory for an operation: the thread counts the loss, since the counters
 * are its own.
 */
static void
lose(struct writer_port *p, size_t payload)
{
	struct writer_batch *b = p->batch;

	writer_batch_count(b != NULL ? &b->lost : &p->lost, payload);
	if (b != NULL)
		writer_batch_count(&b->total, payload);
}

/* The record that started at the mark becomes an operation. */
static void
add_record(struct writer_port *p, struct writer_file *f, size_t payload)
{
	struct writer_batch *b = p->batch;
	struct writer_op *op = writer_batch_add(b);

	if (op == NULL) {
		b->data.len = p->mark;
		b->data.failed = false;
		lose(p, payload);
		return;
	}
	op->kind = b->data.failed ? WRITER_OP_LOST : WRITER_OP_RECORD;
	if (b->data.failed)
		b->data.len = p->mark;
	b->data.failed = false;
	op->file = f;
	op->at = p->mark;
	op->len = b->data.len - p->mark;
	op->payload = payload;
	writer_batch_count(&b->total, payload);
	flush_if_full(p);
}

void
writer_end(struct writer_port *p, struct writer_file *f, size_t payload)
{
	struct writer_batch *b = p->batch;

	if (b == NULL) {
		lose(p, payload);
	} else if (b->data.len == p->mark && !b->data.failed) {
		if (payload == 0)
			return;
		writer_batch_count(&b->silent, payload);
		writer_batch_count(&b->total, payload);
	} else {
		add_record(p, f, payload);
	}
}

void
writer_put(struct writer_port *p, struct writer_file *f, const void *data,
    size_t len, size_t payload)
{
	obuf_put(writer_begin(p), data, len);
	writer_end(p, f, payload);
}

/* An operation without bytes in the batch; NULL without memory. */
static struct writer_op *
add_op(struct writer_port *p, struct writer_file *f, enum writer_op_kind kind)
{
	struct writer_batch *b = current(p);
	struct writer_op *op;

	if (b == NULL)
		return NULL;
	op = writer_batch_add(b);
	if (op == NULL)
		return NULL;
	op->kind = kind;
	op->file = f;
	return op;
}

int
writer_head(
    struct writer_port *p, struct writer_file *f, const void *data, size_t len)
{
	struct writer_head *h = writer_file_head(data, len);
	struct writer_op *op;

	if (h == NULL)
		return -ENOMEM;
	op = add_op(p, f, WRITER_OP_HEAD);
	if (op == NULL) {
		free(h);
		return -ENOMEM;
	}
	op->head = h;
	return 0;
}

void
writer_name(struct writer_port *p, struct writer_file *f, const char *path)
{
	char *copy = strdup(path);
	struct writer_op *op =
	    copy == NULL ? NULL : add_op(p, f, WRITER_OP_NAME);

	if (op == NULL)
		free(copy);
	else
		op->name = copy;
}

void
writer_lose(struct writer_port *p, size_t payload)
{
	/* Without a batch it is kept in the port until there is one. */
	(void)current(p);
	lose(p, payload);
}

void
writer_hole(struct writer_port *p, struct writer_file *f, uint64_t len)
{
	struct writer_op *op = add_op(p, f, WRITER_OP_HOLE);

	if (op != NULL)
		op->hole = len;
}

void
writer_splice(
    struct writer_port *p, struct writer_file *f, struct pipe *pipe, size_t len)
{
	struct writer_op *op = add_op(p, f, WRITER_OP_PIPE);

	if (op == NULL) {
		pipe_return(pipe);
		lose(p, len);
		return;
	}
	op->pipe = pipe;
	op->len = len;
	op->payload = len;
	p->batch->piped += len;
	writer_batch_count(&p->batch->total, len);
	flush_if_full(p);
}

void
writer_close(struct writer_port *p, struct writer_file *f)
{
	struct writer_op *op = add_op(p, f, WRITER_OP_CLOSE);

	/* Without memory the file stays open until the program ends. */
	(void)op;
	flush_if_full(p);
}

void
writer_flush(struct writer_port *p)
{
	struct writer *w = p->writer;
	struct writer_batch *b;

	if (writer_batch_any(&p->lost) && current(p) != NULL) {
		b = p->batch;
		writer_batch_sum(&b->lost, &p->lost);
		writer_batch_sum(&b->total, &p->lost);
		p->lost = (struct writer_sum){ 0 };
	}
	b = p->batch;
	if (b == NULL || writer_batch_is_empty(b))
		return;
	p->batch = NULL;
	b->bytes = writer_batch_size(b);
	b->rushed = b->bytes >= w->batch_max;
	atomic_fetch_add(&w->queued, b->bytes);
	uv_mutex_lock(&w->lock);
	p->away++;
	list_append(&w->queue, &b->node);
	uv_cond_signal(&w->wake);
	uv_mutex_unlock(&w->lock);
}

uint64_t
writer_turn(struct writer_port *p, uint64_t mono_ns)
{
	bool nothing = p->batch == NULL || writer_batch_is_empty(p->batch);

	if (nothing && !writer_batch_any(&p->lost))
		return CLOCK_NEVER;
	if (mono_ns < p->flushed_ns + WRITER_AGE_NS && (nothing || !is_due(p)))
		return p->flushed_ns + WRITER_AGE_NS;
	p->flushed_ns = mono_ns;
	writer_flush(p);
	return CLOCK_NEVER;
}
