#ifndef MOVER_SCENE_H
#define MOVER_SCENE_H

#include "recorder.h"

#include <signal.h>
#include <sys/ioctl.h>

#include "net/socket.h"
#include "net/worker.h"
#include "source/mover.h"

#define KIB 1024

/*
 * A mover between two real connections:
 *
 *	peer.from ── fd.from ── mover ── fd.to ── peer.to
 *
 * @rec records; beside it is somebody who looks now and then.
 */
struct scene {
	struct worker *w;
	struct recorder rec;
	struct recorder looker;
	struct fanout *fan;
	void *slots;
	struct session s;
	struct session_more more;
	struct mover m;
	struct list copies;
	int peer_from, from;
	int to, peer_to;
	uint64_t sent, received;
};

static struct scene sc;

/* Open the windows, so that a large message arrives as a whole. */
static inline void
warm_up(int from, int to)
{
	static uint8_t bytes[256 * KIB];
	uint64_t late = clock_mono_ns() + LOOPBACK_DEADLINE_NS;
	int there = 0;

	while (there < 200 * KIB) {
		assert_true(clock_mono_ns() < late);
		while (send(from, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
		assert_int_equal(ioctl(to, FIONREAD, &there), 0);
		while (socket_unsent(from) > 0 || loopback_readable(to) > 0)
			(void)recv(to, bytes, sizeof(bytes), MSG_DONTWAIT);
	}
}

static inline int
set_up(enum need need)
{
	struct sink *sinks[] = { &sc.rec.sink, &sc.looker.sink };
	struct err err = { "" };
	int fd[2];

	memset(&sc, 0, sizeof(sc));
	sc.w = worker_new(0, &err);
	assert_non_null(sc.w);
	recorder_init(&sc.rec, need);
	recorder_ask(&sc.looker);
	sc.fan = fanout_new(sinks, ATTR_COUNT(sinks), sc.w, &err);
	assert_non_null(sc.fan);
	sc.slots = calloc(1, fanout_session_size(sc.fan));
	assert_non_null(sc.slots);
	session_init(&sc.s, sc.fan, sc.slots);
	session_use_more(&sc.s, &sc.more);
	session_open(&sc.s);
	list_init(&sc.copies);
	mover_init(&sc.m, &sc.s, sc.w, DIR_SERVER);
	sc.m.zero_copy = true;
	sc.m.copies = &sc.copies;
	loopback_pair(fd);
	sc.peer_from = fd[0];
	sc.from = fd[1];
	warm_up(sc.peer_from, sc.from);
	loopback_pair(fd);
	sc.to = fd[0];
	sc.peer_to = fd[1];
	return 0;
}

static inline int
set_up_nothing(void **state)
{
	(void)state;
	return set_up(NEED_NOTHING);
}

static inline int
set_up_file(void **state)
{
	(void)state;
	return set_up(NEED_FILE);
}

static inline int
set_up_memory(void **state)
{
	(void)state;
	return set_up(NEED_MEMORY);
}

static inline int
tear_down(void **state)
{
	(void)state;
	(void)mover_done(&sc.m);
	assert_true(list_is_empty(&sc.copies));
	session_close(&sc.s, 1, HOW_FIN, PARTY_US);
	fanout_free(sc.fan);
	free(sc.slots);
	worker_free(sc.w);
	close(sc.from);
	close(sc.to);
	if (sc.peer_from >= 0)
		close(sc.peer_from);
	if (sc.peer_to >= 0)
		close(sc.peer_to);
	return 0;
}

/* --- what the peers do ------------------------------------------------- */

static inline void
peer_sends(size_t len)
{
	uint64_t end = sc.sent + len;

	while (sc.sent < end)
		sc.sent += recorder_send(
		    sc.peer_from, DIR_SERVER, sc.sent, (size_t)(end - sc.sent));
	/* All of it lies before the mover, not still under way. */
	for (uint64_t late = clock_mono_ns() + LOOPBACK_DEADLINE_NS;
	     loopback_readable(sc.from) < len;)
		assert_true(clock_mono_ns() < late);
}

/* Receives all that the mover has let through. */
static inline void
peer_receives_all(void)
{
	uint64_t through = sc.sent - mover_held(&sc.m);
	ssize_t n;

	while (sc.received < through) {
		loopback_wait(sc.peer_to, POLLIN);
		n = recorder_recv(
		    sc.peer_to, DIR_SERVER, sc.received, SIZE_MAX);
		assert_true(n > 0);
		sc.received += (uint64_t)n;
	}
}

static inline enum mover_result
pull(void)
{
	return mover_pull(&sc.m, sc.from, sc.to);
}

/* One message, all the way through. */
static inline void
pass(size_t len)
{
	enum mover_result result;

	peer_sends(len);
	do {
		result = pull();
		peer_receives_all();
	} while (result == MOVER_MORE);
	assert_true(result == MOVER_ENOUGH || result == MOVER_EMPTY);
}

/* Large messages until the way is no longer copying. */
static inline void
reach(enum mover_way way)
{
	for (int i = 0; i < 4; i++)
		pass(100 * KIB);
	assert_int_equal(sc.m.way, way);
}

/* Everything was delivered and recorded. */
static inline void
expect_whole(void)
{
	peer_receives_all();
	mover_settle(&sc.m);
	assert_int_equal(mover_held(&sc.m), 0);
	assert_int_equal(sc.received, sc.sent);
	assert_int_equal(sc.rec.off[DIR_SERVER], sc.sent);
	assert_int_equal(sc.rec.off[DIR_CLIENT], 0);
	assert_int_equal(sc.looker.off[DIR_SERVER], sc.sent);
	assert_true(list_is_empty(&sc.copies));
}

/* Fills the way to the receiver until bytes are held. */
static inline void
hold(void)
{
	enum mover_result result = MOVER_MORE;

	while (result != MOVER_HELD) {
		peer_sends(100 * KIB);
		result = pull();
		assert_int_not_equal(result, MOVER_WRITTEN);
	}
	assert_true(mover_held(&sc.m) > 0);
}

static inline void
push_all(void)
{
	while (mover_held(&sc.m) > 0) {
		peer_receives_all();
		loopback_wait(sc.to, POLLOUT);
		assert_int_not_equal(mover_push(&sc.m, sc.to), MOVER_WRITTEN);
	}
	assert_int_equal(mover_push(&sc.m, sc.to), MOVER_MORE);
}

#endif /* MOVER_SCENE_H */
