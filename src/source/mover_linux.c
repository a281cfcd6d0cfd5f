#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/fanout.h"
#include "net/pipe.h"
#include "net/worker.h"
#include "source/mover.h"

/*
 * Reads this small, so many in a row, speak for copying again.  Lower than
 * the way up (mover.c), so that a session does not swing between the two.
 */
#define SMALL_READ   ((size_t)16 * 1024)
#define SMALL_STREAK 16

/* Teed bytes are given to the sink when there are this many. */
#define COPY_BATCH ((size_t)256 * 1024)

/* Read @len bytes that are known to be in a pipe. */
static void
read_pipe(struct pipe *pipe, uint8_t *buf, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = read(pipe->rd, buf, len);
		if (n < 0 && errno == EINTR)
			continue;
		/* A non-blocking read of bytes that are there. */
		assert(n > 0);
		buf += n;
		len -= (size_t)n;
		pipe->fill -= (size_t)n;
	}
}

/* As a pipe, to the one sink that wants a file. */
static void
hand_over(struct mover *m, struct pipe *copy)
{
	struct chunk c = {
		.dir = m->dir,
		.off = m->session->off[m->dir],
		.ts_ns = clock_event_ns(),
		.len = copy->fill,
	};

	worker_touch(m->worker);
	session_take(m->session, &c, copy);
}

/* As bytes, to sinks that have come to want them in memory. */
static void
read_out(struct mover *m, struct pipe *copy)
{
	uint8_t *buf = worker_buffer(m->worker);
	size_t len;

	while (copy->fill > 0) {
		len = copy->fill < WORKER_BUFFER ? copy->fill : WORKER_BUFFER;
		read_pipe(copy, buf, len);
		mover_record(m, buf, len);
	}
	pipe_return(copy);
}

/*
 * Give the doubled bytes to the sinks, whatever these need by now: the one for
 * which they were doubled may have gone, somebody may have begun to look.
 */
static void
give_copy(struct mover *m)
{
	struct pipe *copy = m->copy;

	if (copy == NULL)
		return;
	m->copy = NULL;
	list_remove(&m->copy_node);
	if (copy->fill == 0) {
		pipe_return(copy);
		return;
	}
	switch (fanout_need(m->session)) {
	case NEED_FILE:
		hand_over(m, copy);
		break;
	case NEED_MEMORY:
		read_out(m, copy);
		break;
	case NEED_NOTHING:
		mover_record(m, NULL, copy->fill);
		pipe_return(copy);
		break;
	}
}

static void
back_to_copying(struct mover *m)
{
	m->way = MOVER_COPY;
	m->streak = 0;
	if (m->pipe != NULL && m->pipe->fill == 0) {
		pipe_return(m->pipe);
		m->pipe = NULL;
	}
	give_copy(m);
}

/* Does the way still fit what the sinks need?  They come and go. */
static bool
way_fits(const struct mover *m)
{
	enum need need = fanout_need(m->session);

	return m->way == MOVER_TEE ? need == NEED_FILE : need == NEED_NOTHING;
}

bool
mover_pipe_start(struct mover *m)
{
	if (!way_fits(m)) {
		back_to_copying(m);
		return false;
	}
	if (m->pipe == NULL)
		m->pipe = pipe_lend(worker_pipes(m->worker));
	if (m->pipe != NULL)
		return true;
	/* No pipe to be had: copy, and ask again after the next streak. */
	back_to_copying(m);
	return false;
}

static ssize_t
splice_some(int from, int to, size_t len)
{
	ssize_t n;

	do {
		n = splice(from, NULL, to, NULL, len,
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	} while (n < 0 && errno == EINTR);
	return n;
}

/*
 * Move the bytes from the pipe to a stash, and record those that were not
 * doubled.  For the rare cases in which they are not to be doubled: no second
 * pipe to be had, the session is cut while they wait, or what the sinks need
 * has changed.  Bounded by one pipe.
 *
 * Return: false without memory; the bytes stay in the pipe
 */
static bool
take_out(struct mover *m)
{
	size_t len = m->pipe->fill, teed = m->teed;

	assert(m->stash == NULL);
	m->stash = malloc(len);
	if (m->stash == NULL)
		return false;
	give_copy(m);
	read_pipe(m->pipe, m->stash, len);
	m->stash_off = 0;
	m->stash_len = len;
	m->teed = 0;
	if (len > teed)
		mover_record(m, m->stash + teed, len - teed);
	back_to_copying(m);
	return true;
}

/* The same without memory to hold them: the record at least is whole. */
static void
record_and_lose(struct mover *m)
{
	uint8_t *buf = worker_buffer(m->worker);
	size_t len;

	session_lose(m->session, (enum dir)m->dir, m->pipe->fill);
	while (m->pipe->fill > 0) {
		len = m->teed > 0 ? m->teed : m->pipe->fill;
		if (len > WORKER_BUFFER)
			len = WORKER_BUFFER;
		read_pipe(m->pipe, buf, len);
		if (m->teed > 0)
			m->teed -= len;
		else
			mover_record(m, buf, len);
	}
}

/*
 * Double what can be doubled.  Return: false when memory ran out on the way
 * back to copying.
 */
static bool
double_head(struct mover *m)
{
	ssize_t n = -1;

	assert(m->teed == 0);
	if (!way_fits(m))
		return take_out(m);
	for (int tries = 0; tries < 2 && n <= 0; tries++) {
		if (m->copy == NULL) {
			m->copy = pipe_lend(worker_pipes(m->worker));
			if (m->copy == NULL)
				return take_out(m);
			m->copy_ns = clock_mono_ns();
			list_append(m->copies, &m->copy_node);
		}
		n = tee(
		    m->pipe->rd, m->copy->wr, m->pipe->fill, SPLICE_F_NONBLOCK);
		if (n <= 0)
			give_copy(m); /* full: on with another */
	}
	if (n <= 0)
		return take_out(m);
	m->copy->fill += (size_t)n;
	m->teed = (size_t)n;
	if (m->copy->fill >= COPY_BATCH)
		give_copy(m);
	return true;
}

enum mover_result
mover_push_pipe(struct mover *m, int to)
{
	ssize_t n;

	while (m->pipe != NULL && m->pipe->fill > 0) {
		if (m->way == MOVER_TEE && m->teed == 0 && !double_head(m)) {
			m->error = ENOMEM;
			return MOVER_WRITTEN;
		}
		if (m->stash_len > 0) /* taken out of the pipe meanwhile */
			return mover_push(m, to);
		assert(m->pipe != NULL);
		n = splice_some(m->pipe->rd, to,
		    m->way == MOVER_TEE ? m->teed : m->pipe->fill);
		if (n < 0 && errno == EAGAIN)
			return MOVER_HELD;
		if (n <= 0) {
			m->error = n < 0 ? errno : EPIPE;
			return MOVER_WRITTEN;
		}
		m->pipe->fill -= (size_t)n;
		if (m->way == MOVER_TEE)
			m->teed -= (size_t)n;
	}
	return MOVER_MORE;
}

/* Small reads, again and again: a pipe is the wrong way. */
static void
weigh(struct mover *m, size_t n)
{
	m->streak = n < SMALL_READ ? (uint8_t)(m->streak + 1) : 0;
	if (m->streak >= SMALL_STREAK)
		back_to_copying(m);
}

enum mover_result
mover_pull_pipe(struct mover *m, int from, int to)
{
	enum mover_result result;
	ssize_t n;

	n = splice_some(from, m->pipe->wr, m->pipe->size);
	if (n <= 0) {
		m->error = errno;
		/* An idle session keeps no pipe. */
		pipe_return(m->pipe);
		m->pipe = NULL;
		if (n == 0)
			return MOVER_FIN;
		return m->error == EAGAIN ? MOVER_EMPTY : MOVER_READ;
	}
	m->pipe->fill = (size_t)n;
	m->teed = 0;
	if (m->way == MOVER_SPLICE)
		mover_record(m, NULL, (size_t)n);
	else
		worker_touch(m->worker);
	result = mover_push(m, to);
	if (result != MOVER_MORE)
		return result;
	worker_passed(m->worker, m, m->dir, (size_t)n);
	weigh(m, (size_t)n);
	return (size_t)n < SMALL_READ ? MOVER_ENOUGH : MOVER_MORE;
}

void
mover_flush_copy(struct mover *m)
{
	give_copy(m);
}

void
mover_settle_pipe(struct mover *m)
{
	give_copy(m);
	if (m->way != MOVER_TEE || m->pipe == NULL || m->pipe->fill == m->teed)
		return;
	if (!take_out(m))
		record_and_lose(m);
}
