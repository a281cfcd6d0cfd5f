#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "core/fanout.h"
#include "net/pipe.h"
#include "net/worker.h"
#include "source/mover.h"

/*
 * A read this large speaks for a pipe, and so many in a row decide.  Below,
 * recv and send are cheaper than splice, twice (measured: 64-byte messages
 * cost 10.7 us by copying, 15 us through a pipe; bulk 0.27 against 0.20 CPU
 * seconds per GB).
 */
#define LARGE_READ   ((size_t)64 * 1024)
#define LARGE_STREAK 3

void
mover_init(struct mover *m, struct session *s, struct worker *w, enum dir dir)
{
	*m = (struct mover){
		.session = s,
		.worker = w,
		.dir = (uint8_t)dir,
		.way = MOVER_COPY,
	};
	list_init(&m->copy_node);
}

size_t
mover_held(const struct mover *m)
{
	return m->stash_len + (m->pipe != NULL ? m->pipe->fill : 0);
}

size_t
mover_pending(const struct mover *m)
{
	size_t n = m->copy != NULL ? m->copy->fill : 0;

	/* Of what is in the pipe, @teed bytes are in the copy already. */
	if (m->way == MOVER_TEE && m->pipe != NULL)
		n += m->pipe->fill - m->teed;
	return n;
}

void
mover_record(struct mover *m, const uint8_t *data, size_t len)
{
	struct chunk c = {
		.dir = m->dir,
		.off = m->session->off[m->dir],
		.ts_ns = clock_event_ns(),
		.data = data,
		.len = len,
	};

	worker_touch(m->worker);
	session_data(m->session, &c);
}

bool
mover_stash(struct mover *m, const uint8_t *data, size_t len)
{
	/*
	 * Allocated on the data path, for a reason: only a session whose
	 * receiver is slow needs it, and ten thousand idle ones must not pay.
	 */
	assert(m->stash == NULL);
	m->stash = malloc(len);
	if (m->stash == NULL)
		return false;
	memcpy(m->stash, data, len);
	m->stash_off = 0;
	m->stash_len = len;
	return true;
}

/* Send without waiting.  Return: bytes taken, or a negative errno. */
static ssize_t
send_some(int to, const uint8_t *data, size_t len)
{
	ssize_t n;

	do {
		n = send(to, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
}

/* Should the next read go through a pipe? */
static void
choose_way(struct mover *m, size_t n)
{
	enum need need;

	if (!m->zero_copy || n < LARGE_READ) {
		m->streak = 0;
		return;
	}
	if (++m->streak < LARGE_STREAK)
		return;
	m->streak = 0;
	need = fanout_need(m->session);
	if (need == NEED_NOTHING)
		m->way = MOVER_SPLICE;
	else if (need == NEED_FILE)
		m->way = MOVER_TEE;
}

static enum mover_result
pull_copy(struct mover *m, int from, int to)
{
	uint8_t *buf = worker_buffer(m->worker);
	ssize_t n, sent;
	size_t rest;

	do {
		n = recv(from, buf, WORKER_BUFFER, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return MOVER_FIN;
	if (n < 0) {
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return MOVER_EMPTY;
		m->error = errno;
		return MOVER_READ;
	}
	/* The peer first: recording must not add to its latency. */
	sent = send_some(to, buf, (size_t)n);
	mover_record(m, buf, (size_t)n);
	rest = (size_t)n - (sent > 0 ? (size_t)sent : 0);
	if (rest > 0 && !mover_stash(m, buf + ((size_t)n - rest), rest)) {
		session_lose(m->session, (enum dir)m->dir, rest);
		sent = -ENOMEM;
	}
	if (sent < 0) {
		m->error = (int)-sent;
		return MOVER_WRITTEN;
	}
	if (rest > 0)
		return MOVER_HELD;
	worker_passed(m->worker, m, m->dir, (size_t)n);
	choose_way(m, (size_t)n);
	return (size_t)n >= LARGE_READ ? MOVER_MORE : MOVER_ENOUGH;
}

static enum mover_result
push_stash(struct mover *m, int to)
{
	ssize_t n = send_some(to, m->stash + m->stash_off, m->stash_len);

	if (n < 0) {
		m->error = (int)-n;
		return MOVER_WRITTEN;
	}
	m->stash_off += (size_t)n;
	m->stash_len -= (size_t)n;
	if (m->stash_len > 0)
		return MOVER_HELD;
	free(m->stash);
	m->stash = NULL;
	return MOVER_MORE;
}

enum mover_result
mover_pull(struct mover *m, int from, int to)
{
	assert(mover_held(m) == 0);
	if (m->way != MOVER_COPY && mover_pipe_start(m))
		return mover_pull_pipe(m, from, to);
	return pull_copy(m, from, to);
}

enum mover_result
mover_push(struct mover *m, int to)
{
	enum mover_result result = MOVER_MORE;

	/* A stash and a pipe never hold bytes at the same time. */
	if (m->stash_len > 0)
		result = push_stash(m, to);
	else if (m->pipe != NULL)
		result = mover_push_pipe(m, to);
	return result;
}

void
mover_settle(struct mover *m)
{
	if (m->pipe != NULL || m->copy != NULL)
		mover_settle_pipe(m);
}

size_t
mover_done(struct mover *m)
{
	size_t lost;

	mover_settle(m); /* without memory it counts the loss itself */
	lost = mover_held(m);
	free(m->stash);
	m->stash = NULL;
	m->stash_len = 0;
	if (m->pipe != NULL)
		pipe_return(m->pipe);
	m->pipe = NULL;
	return lost;
}
