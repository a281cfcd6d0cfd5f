#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/outfile.h"
#include "base/thread.h"

#include "core/count.h"
#include "net/worker.h"
#include "net/writer_rotation.h"
#include "net/writer_run.h"
#include "net/writer_tail.h"
#include "net/writer_thread.h"

/* Spare batches that a port keeps: some in work while others are filled. */
#define SPARE_MAX 4

/* Trouble that comes and goes is not told about more often. */
#define TELL_AGAIN_NS (10 * CLOCK_NS_PER_S)

/* After the deadline, what the thread gets to notice that it has passed. */
#define GRACE_NS (100 * CLOCK_NS_PER_MS)

static _Atomic bool stdout_gone;

bool
writer_thread_stdout_gone(void)
{
	return atomic_load(&stdout_gone);
}

static void
count_drop(
    struct sink_count *c, enum drop_reason r, const struct writer_sum *sum)
{
	count_add(&c->drop_bytes[r], sum->bytes);
	count_add(&c->drop_chunks[r], sum->chunks);
	count_add(&c->drop_records[r], sum->records);
}

/* Under the lock. */
static void
count_fate(struct writer *w, struct writer_port *p, enum writer_fate fate,
    const struct writer_sum *sum)
{
	switch (fate) {
	case WRITER_WRITTEN:
		count_add(&p->count->written, sum->bytes);
		break;
	case WRITER_FAILED:
		/* A reader that has had enough is no failure (EPIPE). */
		count_drop(p->count,
		    w->unread ? DROP_NO_CONSUMER : DROP_WRITE_ERROR, sum);
		break;
	case WRITER_LATE:
		count_drop(p->count, DROP_CLOSING, sum);
		break;
	case WRITER_HELD:
		writer_batch_sum(&p->held, sum);
		break;
	}
}

/* Whoever left us behind has counted everything already. */
static void
on_settle(void *self, struct writer_batch *b, enum writer_fate fate,
    const struct writer_sum *sum)
{
	struct writer *w = self;

	uv_mutex_lock(&w->lock);
	if (!w->left_behind) {
		writer_batch_sum(&b->settled, sum);
		count_fate(w, b->port, fate, sum);
	}
	uv_mutex_unlock(&w->lock);
}

static void
on_settle_held(void *self, struct writer_port *p, enum writer_fate fate,
    const struct writer_sum *sum)
{
	struct writer *w = self;

	uv_mutex_lock(&w->lock);
	if (!w->left_behind) {
		writer_batch_less(&p->held, sum);
		count_fate(w, p, fate, sum);
		if (!writer_batch_any(&p->held))
			uv_cond_broadcast(&w->ended);
	}
	uv_mutex_unlock(&w->lock);
}

static void
tell(struct writer *w, const char *text)
{
	if (w->notice != NULL)
		w->notice(w->notice_self, text);
}

static void
on_failed(void *self, const struct writer_file *f, int rc)
{
	struct writer *w = self;
	const char *why = rc == -ESTALE ? "it was removed, replaced or changed"
					: outfile_why(rc);
	uint64_t now_ns = clock_mono_ns();
	char text[512];

	w->failed_now = true;
	if (rc == -EPIPE && f->fd == STDOUT_FILENO) {
		w->unread = true;
		atomic_store(&stdout_gone, true);
	}
	if (w->failing)
		return;
	w->failing = true;
	if (w->told_ns != 0 && now_ns - w->told_ns < TELL_AGAIN_NS)
		return;
	w->told = true;
	w->told_ns = now_ns;
	(void)snprintf(text, sizeof(text),
	    "%s: cannot write %s: %s; what is lost is counted", w->name,
	    writer_file_name(f), why);
	tell(w, text);
}

/* The user is told once, until a file has got its name again. */
static void
finish_file(struct writer *w, struct writer_file *f)
{
	struct err err = { "" };
	char text[sizeof(err.text) + 80];
	bool stuck = writer_file_finish(f, &err) != 0;

	if (stuck && !w->stuck) {
		(void)snprintf(text, sizeof(text), "%s: %s", w->name, err.text);
		tell(w, text);
	}
	w->stuck = stuck;
}

static void
on_rotate(void *self, struct writer_file *f)
{
	struct writer *w = self;
	int rc;

	finish_file(w, f);
	rc = writer_file_ready(f, &w->files);
	/* The next record tries again and reports. */
	(void)rc;
}

static bool
on_late(void *self)
{
	struct writer *w = self;
	uint64_t deadline_ns = atomic_load(&w->deadline_ns);

	return deadline_ns != CLOCK_NEVER && clock_mono_ns() >= deadline_ns;
}

/* A batch without a failure: if there was trouble, it is over. */
static void
note_success(struct writer *w)
{
	char text[160];

	if (!w->failing)
		return;
	w->failing = false;
	if (!w->told)
		return;
	w->told = false;
	(void)snprintf(text, sizeof(text), "%s: writing again", w->name);
	tell(w, text);
}

static struct writer_work
work_of(struct writer *w)
{
	return (struct writer_work){
		.files = &w->files,
		.tails = &w->tails,
		.now_ns = clock_mono_ns(),
		.self = w,
		.settle = on_settle,
		.settle_held = on_settle_held,
		.failed = on_failed,
		.rotate = on_rotate,
		.late = on_late,
	};
}

/* Without the lock. */
static void
carry_out(struct writer *w, struct writer_batch *b)
{
	const struct writer_work work = work_of(w);
	bool wrote = b->nops > 0;

	w->failed_now = false;
	writer_run(b, &work);
	if (wrote && !w->failed_now)
		note_success(w);
}

/*
 * Under the lock, which is let go meanwhile.  Write the tails that are due by
 * @until_ns; were there any?
 */
static bool
release_tails(struct writer *w, uint64_t until_ns)
{
	const struct writer_tail *t = writer_tail_set_oldest(&w->tails);
	struct writer_work work;

	if (t == NULL || writer_tail_set_due_ns(&w->tails) > until_ns)
		return false;
	uv_mutex_unlock(&w->lock);
	work = work_of(w);
	while ((t = writer_tail_set_oldest(&w->tails)) != NULL &&
	       writer_tail_set_due_ns(&w->tails) <= until_ns)
		writer_run_tail(t->file, &work);
	uv_mutex_lock(&w->lock);
	return true;
}

/* Under the lock. */
static void
call_waiters(struct writer *w)
{
	struct list *node;

	for (node = w->ports.next; node != &w->ports; node = node->next) {
		struct writer_port *p =
		    LIST_ENTRY(node, struct writer_port, node);

		if (p->worker != NULL)
			worker_room(p->worker);
	}
}

/*
 * Under the lock.  What a rush needed is given back after a while, or each port
 * would keep megabytes for the next one.  Not at once: a queue that is worked
 * off a hundred times a second would have the kernel clear and map every second
 * page that is recorded.
 */
static void
give_back(struct writer *w, uint64_t now_ns)
{
	struct list *node;

	w->rest_ns = CLOCK_NEVER;
	for (node = w->ports.next; node != &w->ports; node = node->next) {
		struct writer_port *p =
		    LIST_ENTRY(node, struct writer_port, node);
		uint64_t rest_ns = p->came_ns + WRITER_REST_NS;

		if (p->nspare > 0 && rest_ns > now_ns && rest_ns < w->rest_ns)
			w->rest_ns = rest_ns;
		for (; p->nspare > 0 && rest_ns <= now_ns; p->nspare--)
			writer_batch_free(LIST_ENTRY(
			    list_shift(&p->spare), struct writer_batch, node));
	}
}

/* Under the lock: the batch goes home. */
static void
retire(struct writer *w, struct writer_batch *b)
{
	struct writer_port *p = b->port;
	size_t left = atomic_fetch_sub(&w->queued, b->bytes) - b->bytes;

	p->away--;
	if (p->away == 0)
		uv_cond_broadcast(&w->ended);
	if (p->nspare < SPARE_MAX) {
		writer_batch_clear(b, left > 0);
		list_append(&p->spare, &b->node);
		p->nspare++;
	} else {
		writer_batch_free(b);
	}
	p->came_ns = clock_mono_ns();
	if (p->nspare > 0 && w->rest_ns == CLOCK_NEVER)
		w->rest_ns = p->came_ns + WRITER_REST_NS;
	if (left <= w->limit / 2 && atomic_exchange(&w->was_full, false))
		call_waiters(w);
}

/*
 * Under the lock, which is let go for each file.  Finish those that are due by
 * @now_ns; did any?
 */
static bool
rotate_files(struct writer *w, uint64_t now_ns,
    void (*how)(void *, struct writer_file *))
{
	struct list *node;
	bool any = false;

	for (node = w->rotating.next; node != &w->rotating; node = node->next) {
		struct writer_file *f =
		    LIST_ENTRY(node, struct writer_file, rotating);

		if (writer_rotation_due_ns(f->rotation) > now_ns)
			continue;
		uv_mutex_unlock(&w->lock);
		how(w, f);
		uv_mutex_lock(&w->lock);
		any = true;
	}
	return any;
}

/* Under the lock: wait for a batch, or for what is due without one. */
static void
wait_for_work(struct writer *w)
{
	uint64_t due_ns = writer_tail_set_due_ns(&w->tails);
	uint64_t now_ns = clock_mono_ns();
	struct list *node;

	for (node = w->rotating.next; node != &w->rotating; node = node->next) {
		uint64_t next_ns = writer_rotation_due_ns(
		    LIST_ENTRY(node, struct writer_file, rotating)->rotation);

		due_ns = next_ns < due_ns ? next_ns : due_ns;
	}
	due_ns = w->rest_ns < due_ns ? w->rest_ns : due_ns;
	if (due_ns == CLOCK_NEVER)
		uv_cond_wait(&w->wake, &w->lock);
	else if (due_ns > now_ns)
		(void)uv_cond_timedwait(&w->wake, &w->lock, due_ns - now_ns);
}

static void
renew_files(struct writer *w)
{
	w->renew = false;
	(void)release_tails(w, CLOCK_NEVER);
	uv_mutex_unlock(&w->lock);
	writer_file_set_renew(&w->files);
	uv_mutex_lock(&w->lock);
	(void)rotate_files(w, CLOCK_NEVER, on_rotate);
}

/* The end: what was written under another name gets its own. */
static void
on_end(void *self, struct writer_file *f)
{
	finish_file(self, f);
}

static void
thread_main(void *self)
{
	struct writer *w = self;

	thread_name("writer %s", w->name);
	uv_mutex_lock(&w->lock);
	while (!w->left_behind) {
		uint64_t now_ns = clock_mono_ns();
		struct list *node;

		if (rotate_files(w, now_ns, on_rotate) ||
		    release_tails(w, now_ns))
			continue;
		if (w->rest_ns <= now_ns)
			give_back(w, now_ns);
		node = list_shift(&w->queue);
		if (node != NULL) {
			w->work = LIST_ENTRY(node, struct writer_batch, node);
			uv_mutex_unlock(&w->lock);
			carry_out(w, w->work);
			uv_mutex_lock(&w->lock);
			if (w->left_behind)
				break;
			retire(w, w->work);
			w->work = NULL;
		} else if (w->renew) {
			renew_files(w);
		} else if (w->closing) {
			if (!release_tails(w, CLOCK_NEVER))
				break;
		} else {
			wait_for_work(w);
		}
	}
	if (!w->left_behind)
		(void)rotate_files(w, CLOCK_NEVER, on_end);
	w->done = true;
	uv_cond_broadcast(&w->ended);
	uv_mutex_unlock(&w->lock);
}

int
writer_thread_start(struct writer *w)
{
	sigset_t all, old;
	int rc;

	/*
	 * Signals are the main thread's business; and with SIGPIPE and
	 * SIGXFSZ blocked a write that fails is nothing but a failed write.
	 */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = uv_thread_create(&w->thread, thread_main, w);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

/* Under the lock: @b will not be carried out, or not to its end. */
static void
count_rest(struct writer_batch *b)
{
	struct writer_sum rest = {
		.bytes = b->total.bytes - b->settled.bytes,
		.chunks = b->total.chunks - b->settled.chunks,
	};

	/* A file that could not be made was no record before. */
	if (b->total.records > b->settled.records)
		rest.records = b->total.records - b->settled.records;

	count_drop(b->port->count, DROP_CLOSING, &rest);
}

/* Under the lock. */
static void
leave_behind(struct writer *w)
{
	struct list *node;

	w->left_behind = true;
	for (node = w->ports.next; node != &w->ports; node = node->next) {
		struct writer_port *p =
		    LIST_ENTRY(node, struct writer_port, node);

		count_drop(p->count, DROP_CLOSING, &p->held);
	}
	if (w->work != NULL)
		count_rest(w->work);
	for (node = w->queue.next; node != &w->queue; node = node->next)
		count_rest(LIST_ENTRY(node, struct writer_batch, node));
}

/* Under the lock: wait for the thread to end, until @until_ns. */
static void
wait_for_end(struct writer *w, uint64_t until_ns)
{
	uint64_t now_ns = clock_mono_ns();

	while (!w->done && now_ns < until_ns) {
		if (until_ns == CLOCK_NEVER)
			uv_cond_wait(&w->ended, &w->lock);
		else
			(void)uv_cond_timedwait(
			    &w->ended, &w->lock, until_ns - now_ns);
		now_ns = clock_mono_ns();
	}
}

int
writer_thread_end(struct writer *w)
{
	uint64_t deadline_ns = atomic_load(&w->deadline_ns);
	bool done;

	uv_mutex_lock(&w->lock);
	w->closing = true;
	uv_cond_signal(&w->wake);
	wait_for_end(w, deadline_ns);
	if (!w->done)
		wait_for_end(w, clock_mono_ns() + GRACE_NS);
	done = w->done;
	if (!done)
		leave_behind(w);
	uv_mutex_unlock(&w->lock);
	if (!done) {
		/* Cannot fail for a thread that is neither. */
		(void)pthread_detach(w->thread);
		return -ETIMEDOUT;
	}
	/* It touches nothing any more; there is nothing to wait for. */
	(void)uv_thread_join(&w->thread);
	w->joined = true;
	return 0;
}
