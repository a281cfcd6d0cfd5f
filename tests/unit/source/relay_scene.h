#ifndef RELAY_SCENE_H
#define RELAY_SCENE_H

#include "recorder.h"

#include <signal.h>

#include "net/socket.h"
#include "net/worker.h"
#include "source/relay.h"

#define KIB 1024

/*
 * A relay between two real connections, on a loop that the test turns:
 *
 *	peer[DIR_CLIENT] ── relay ── peer[DIR_SERVER]
 */
struct scene {
	struct worker *w;
	struct recorder rec;
	struct fanout *fan;
	void *slots;
	struct session s;
	struct session_more more;
	struct relay_env env;
	struct relay r;
	int peer[DIR_NDIRS];
	uint64_t sent[DIR_NDIRS];
	uint64_t received[DIR_NDIRS];
	unsigned before;
	unsigned active;
	unsigned over;
	bool forgotten;
};

static struct scene sc;

static inline uint64_t
on_turn(void *self, uint64_t mono_ns)
{
	(void)self;
	return relay_turn(&sc.env, mono_ns);
}

static inline void
on_forgotten(struct relay *r)
{
	assert_ptr_equal(r, &sc.r);
	sc.forgotten = true;
}

static inline void
on_over(struct relay *r)
{
	assert_int_equal(sc.over, 0);
	assert_int_equal(r->phase, RELAY_OVER);
	sc.over++;
	session_close(
	    &sc.s, clock_event_ns(), (enum how)r->how, (enum party)r->by);
	assert_false(relay_forget(r, on_forgotten));
}

static inline void
on_active(struct relay *r)
{
	assert_ptr_equal(r, &sc.r);
	sc.active++;
}

static inline void
set_up(enum need need)
{
	struct sink *sink = &sc.rec.sink;
	struct err err = { "" };

	memset(&sc, 0, sizeof(sc));
	sc.w = worker_new(0, &err);
	assert_non_null(sc.w);
	worker_set_turn(sc.w, on_turn, NULL);
	recorder_init(&sc.rec, need);
	sc.fan = fanout_new(&sink, 1, sc.w, &err);
	assert_non_null(sc.fan);
	sc.slots = calloc(1, fanout_session_size(sc.fan));
	assert_non_null(sc.slots);
	session_init(&sc.s, sc.fan, sc.slots);
	session_use_more(&sc.s, &sc.more);
	session_open(&sc.s);
	sc.env = (struct relay_env){
		.worker = sc.w,
		.zero_copy = true,
		.active = on_active,
		.over = on_over,
	};
	relay_env_init(&sc.env);
	relay_init(&sc.r, &sc.env, &sc.s);
	sc.before = loopback_fds();
}

static inline int
set_up_nothing(void **state)
{
	(void)state;
	set_up(NEED_NOTHING);
	return 0;
}

static inline int
set_up_file(void **state)
{
	(void)state;
	set_up(NEED_FILE);
	return 0;
}

static inline int
set_up_memory(void **state)
{
	(void)state;
	set_up(NEED_MEMORY);
	return 0;
}

/* Every test ends with a relay that is over and let go of. */
static inline int
tear_down(void **state)
{
	(void)state;
	LOOPBACK_STEP_UNTIL(sc.w, sc.forgotten);
	for (int d = 0; d < DIR_NDIRS; d++)
		if (sc.peer[d] >= 0)
			close(sc.peer[d]);
	assert_int_equal(sc.rec.closed, 1);
	assert_int_equal(sc.rec.ends, 2);
	assert_true(list_is_empty(&sc.env.copies));
	assert_int_equal(deadline_next(&sc.env.polls), CLOCK_NEVER);
	fanout_free(sc.fan);
	free(sc.slots);
	worker_free(sc.w); /* closes the pipes that are at home */
	return 0;
}

/* --- what the peers do ------------------------------------------------- */

#define UNTIL(condition) LOOPBACK_STEP_UNTIL(sc.w, condition)

static inline void
begin_with(int client[2], int server[2])
{
	sc.peer[DIR_CLIENT] = client[0];
	sc.peer[DIR_SERVER] = server[0];
	assert_int_equal(relay_start(&sc.r, client[1], server[1]), 0);
}

static inline void
begin(void)
{
	struct addr a = { .family = AF_INET };
	int client[2], server[2];

	loopback_pair(client);
	loopback_pair(server);
	socket_tune(client[1], &a);
	socket_tune(server[1], &a);
	begin_with(client, server);
}

static inline void
begin_unix(void)
{
	int client[2], server[2], type = SOCK_STREAM | SOCK_NONBLOCK;

	assert_int_equal(socketpair(AF_UNIX, type, 0, client), 0);
	assert_int_equal(socketpair(AF_UNIX, type, 0, server), 0);
	begin_with(client, server);
}

static inline size_t
send_some(enum dir d, size_t most)
{
	size_t n = recorder_send(sc.peer[d], d, sc.sent[d], most);

	sc.sent[d] += n;
	return n;
}

/* The sender of @d sends @len bytes, whatever that takes. */
static inline void
sends(enum dir d, size_t len)
{
	uint64_t end = sc.sent[d] + len;

	while (sc.sent[d] < end)
		if (send_some(d, (size_t)(end - sc.sent[d])) == 0)
			loopback_step(sc.w);
}

/* The receiver of @d takes what is there.  Return: as recorder_recv() */
static inline ssize_t
receives_some(enum dir d)
{
	ssize_t n =
	    recorder_recv(sc.peer[dir_other(d)], d, sc.received[d], SIZE_MAX);

	if (n > 0)
		sc.received[d] += (uint64_t)n;
	return n;
}

static inline bool
has_received(enum dir d, uint64_t len)
{
	if (sc.received[d] < len)
		assert_true(receives_some(d) != 0);
	return sc.received[d] >= len;
}

static inline void
receives_all(enum dir d)
{
	UNTIL(has_received(d, sc.sent[d]));
}

static inline bool
has_ended(enum dir d, ssize_t want)
{
	ssize_t n = receives_some(d);

	if (n > 0 || n == -1)
		return false;
	assert_int_equal(n, want);
	return true;
}

/* The receiver of @d gets all that is left, and then the end of it. */
static inline void
expect_fin(enum dir d)
{
	UNTIL(has_ended(d, 0));
}

static inline void
expect_rst(enum dir d)
{
	UNTIL(has_ended(d, -ECONNRESET));
}

static inline void
fins(enum dir d)
{
	assert_int_equal(shutdown(sc.peer[d], SHUT_WR), 0);
}

static inline void
resets(enum dir d)
{
	loopback_rst(sc.peer[d]);
	sc.peer[d] = -1;
}

/* The sender of @d has more to say than anybody takes. */
static inline void
sends_until_stuck(enum dir d)
{
	for (int idle = 0; idle < 20;) {
		idle = send_some(d, 64 * (size_t)KIB) == 0 ? idle + 1 : 0;
		loopback_step(sc.w);
	}
	assert_true(mover_held(&sc.r.mover[d]) > 0);
}

/* Nothing is to be done: the loop sleeps, instead of spinning. */
static inline bool
is_asleep(void)
{
	loopback_step(sc.w);
	return worker_step(sc.w, 30) == 0;
}

static inline void
expect_close(enum how reason, enum party first)
{
	UNTIL(sc.over == 1);
	assert_int_equal(sc.rec.reason, reason);
	assert_int_equal(sc.rec.first, first);
}

static inline enum party
party_of(enum dir d)
{
	return d == DIR_CLIENT ? PARTY_CLIENT : PARTY_SERVER;
}

static inline void
expect_end(enum dir d, enum how how, enum party by)
{
	assert_int_equal(sc.rec.end[d].how, how);
	assert_int_equal(sc.rec.end[d].by, by);
}

/* Read from the sender = taken by the receiver + counted as lost. */
static inline void
expect_balance(enum dir d)
{
	assert_int_equal(sc.received[d] + sc.rec.lost[d], sc.rec.off[d]);
}

#define NOTHING(f) cmocka_unit_test_setup_teardown(f, set_up_nothing, tear_down)
#define FILE_(f)   cmocka_unit_test_setup_teardown(f, set_up_file, tear_down)
#define MEMORY(f)  cmocka_unit_test_setup_teardown(f, set_up_memory, tear_down)
#define EACH(f)    NOTHING(f), FILE_(f), MEMORY(f)

#endif /* RELAY_SCENE_H */
