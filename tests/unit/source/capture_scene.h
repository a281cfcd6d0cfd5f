#ifndef CAPTURE_SCENE_H
#define CAPTURE_SCENE_H

#include "../net/loopback.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/err.h"
#include "core/fanout.h"
#include "core/packet.h"
#include "core/session.h"
#include "core/sink.h"
#include "core/source.h"
#include "core/tally.h"
#include "net/own.h"
#include "net/worker.h"
#include "source/capture.h"
#include "source/dissect.h"

/*
 * Captures on the loopback interface of a network namespace of our own, so
 * that nothing but what a test sends is heard.  What becomes of the packets is
 * written down by a dissector of this file, which is linked in place of the
 * true one.
 */

#define MAX_RINGS   2
#define MAX_PACKETS 16384
#define SLL2        276

/* Ethernet, IPv4, UDP. */
#define HEADERS_LEN (14 + 20 + 8)

/** struct heard - A packet as the dissector was given it. */
struct heard {
	uint32_t number;
	uint32_t len;
	uint32_t wire_len;
	uint16_t linktype;
	enum packet_dir dir;
	uint64_t ts_ns;
	const struct dissect *by;
};

/**
 * struct scene - A capture with its workers
 * @heard:	@nheard packets, of all rings; under @lock
 * @session_each: The dissector makes a session of each packet, that is over
 *		at once
 * @ids:	Largest number that it was given; under @lock
 * @refused:	How often it was given none; under @lock
 * @limits:	Given to some ring last; @limited: how often; under @lock
 * @full:	The sink is full
 */
static struct scene {
	struct capture_opts o;
	struct source_numbers numbers;
	struct source *src;
	struct worker *worker[MAX_RINGS];
	struct fanout *fan[MAX_RINGS];
	struct sink sink;
	struct sink_ops sink_ops;
	pthread_mutex_t lock;
	struct heard heard[MAX_PACKETS];
	unsigned nheard;
	bool session_each;
	uint64_t ids;
	unsigned refused;
	uint64_t tick_ns;
	unsigned late_ticks;
	struct source_limits limits;
	unsigned limited;
	unsigned ticks;
	unsigned ended;
	_Atomic bool full;
	_Atomic unsigned finished;
	_Atomic unsigned stopped;
	_Atomic unsigned troubles;
	char trouble[256];
	int from;
	int to;
	struct sockaddr_in there;
	uint32_t sent;
} sc;

/* A loop of nobody's; it only makes the waits below wait. */
static uv_loop_t idle;

#define UNTIL(condition) LOOPBACK_UNTIL(&idle, condition)

/* --- the dissector ----------------------------------------------------- */

struct dissect {
	struct dissect_opts o;
	const struct fanout *fan;
	const struct session *ended;
	bool stopped;
};

/* Who was told last to end a session. */
static const struct dissect *scene_ended_by;

struct dissect *
dissect_new(const struct dissect_opts *o, struct fanout *fan, struct err *err)
{
	struct dissect *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	assert_non_null(fan);
	(void)err;
	d->o = *o;
	d->fan = fan;
	return d;
}

void
dissect_end(struct dissect *d, struct session *s)
{
	d->ended = s;
	scene_ended_by = d;
}

void
dissect_free(struct dissect *d)
{
	free(d);
}

void
dissect_packet(struct dissect *d, const struct packet *p)
{
	struct heard h = { 0, p->len, p->wire_len, p->iface->linktype, p->dir,
		p->ts_ns, d };

	assert_false(d->stopped);
	pthread_mutex_lock(&sc.lock);
	if (p->len == p->wire_len)
		memcpy(&h.number, p->data + p->len - 4, 4);
	assert_true(sc.nheard < MAX_PACKETS);
	sc.heard[sc.nheard++] = h;
	if (sc.session_each) {
		uint64_t id = d->o.flow.next_id(d->o.flow.self);

		if (id > sc.ids)
			sc.ids = id;
		sc.refused += id == 0;
	}
	pthread_mutex_unlock(&sc.lock);
}

void
dissect_tick(struct dissect *d, uint64_t now_ns)
{
	assert_false(d->stopped);
	pthread_mutex_lock(&sc.lock);
	/* The kernel may hold packets of the last 10 ms back. */
	sc.late_ticks += now_ns > clock_event_ns() - 10 * CLOCK_NS_PER_MS;
	sc.tick_ns = now_ns;
	sc.ticks++;
	pthread_mutex_unlock(&sc.lock);
}

/* The clock of this machine is not set meanwhile. */
void
dissect_jump(struct dissect *d, int64_t jump_ns)
{
	(void)d;
	fail_msg("a jump of %jd ns", (intmax_t)jump_ns);
}

void
dissect_stop(struct dissect *d)
{
	d->stopped = true;
	pthread_mutex_lock(&sc.lock);
	sc.ended++;
	pthread_mutex_unlock(&sc.lock);
}

void
dissect_limit(struct dissect *d, const struct source_limits *l)
{
	assert_false(d->stopped);
	pthread_mutex_lock(&sc.lock);
	sc.limits = *l;
	sc.limited++;
	pthread_mutex_unlock(&sc.lock);
}

uint64_t
dissect_live(const struct dissect *d)
{
	(void)d;
	return 0;
}

void
dissect_tally(const struct dissect *d, struct tally *t)
{
	(void)d;
	t->received += 1000;
}

/* --- the rest of the scene --------------------------------------------- */

static inline void
scene_on_finished(void *self)
{
	assert_ptr_equal(self, &sc);
	atomic_fetch_add(&sc.finished, 1);
}

static inline void
scene_on_stopped(void *self)
{
	assert_ptr_equal(self, &sc);
	atomic_fetch_add(&sc.stopped, 1);
}

static inline void
scene_on_trouble(void *self, const char *text)
{
	assert_ptr_equal(self, &sc);
	(void)snprintf(sc.trouble, sizeof(sc.trouble), "%s", text);
	atomic_fetch_add(&sc.troubles, 1);
}

static inline int
scene_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	(void)err;
	lane->self = w;
	return 0;
}

static inline void
scene_lane_free(struct sink_lane *lane)
{
	lane->self = NULL;
}

static inline int
scene_sink_open(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
	return 0;
}

static inline void
scene_sink_close(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
}

static inline bool
scene_sink_full(const struct sink_lane *lane)
{
	(void)lane;
	return atomic_load(&sc.full);
}

static inline void
scene_lo_flags(short flags)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	ifr.ifr_flags = flags;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

/* Needs either root or user namespaces; who has neither cannot test this. */
static inline int
scene_enter(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) != 0 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		fail_msg(
		    "no network namespace of our own: %s", strerror(errno));
	clock_init();
	assert_int_equal(uv_loop_init(&idle), 0);
	return 0;
}

static inline int
scene_leave(void **state)
{
	(void)state;
	return uv_loop_close(&idle);
}

static inline int
scene_set_up(void **state)
{
	socklen_t len = sizeof(sc.there);

	(void)state;
	memset(&sc, 0, sizeof(sc));
	assert_int_equal(pthread_mutex_init(&sc.lock, NULL), 0);
	scene_lo_flags(IFF_UP);
	sc.from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sc.to = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(sc.from >= 0 && sc.to >= 0);
	sc.there.sin_family = AF_INET;
	sc.there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(
	    bind(sc.to, (struct sockaddr *)&sc.there, sizeof(sc.there)), 0);
	assert_int_equal(
	    getsockname(sc.to, (struct sockaddr *)&sc.there, &len), 0);
	sc.o = (struct capture_opts){
		.iface = "lo",
		.snaplen = CAPTURE_SNAPLEN_DEFAULT,
		.buffer = 4 << 20,
		.promiscuous = true,
		.rings = 1,
		.dissect.flow.max_concurrent = 100,
		.place = { "net", &sc.numbers },
		.events = { scene_on_finished, scene_on_stopped,
		    scene_on_trouble, &sc },
	};
	sc.sink_ops = (struct sink_ops){
		.kind = "fake",
		.lane_new = scene_lane_new,
		.lane_free = scene_lane_free,
		.open = scene_sink_open,
		.close = scene_sink_close,
		.full = scene_sink_full,
	};
	sc.sink.ops = &sc.sink_ops;
	sc.sink.on_full = ON_FULL_PAUSE;
	return 0;
}

static inline void
scene_begin(void)
{
	struct sink *sink = &sc.sink;
	struct err err = { "" };
	int code = 0;

	sc.src = capture_new(&sc.o, &code, &err);
	assert_string_equal(err.text, "");
	assert_non_null(sc.src);
	for (unsigned i = 0; i < sc.o.rings; i++) {
		sc.worker[i] = worker_new(i, &err);
		sc.fan[i] = fanout_new(&sink, 1, sc.worker[i], &err);
		assert_non_null(sc.fan[i]);
	}
	assert_int_equal(
	    sc.src->ops->attach(sc.src, sc.worker, sc.fan, sc.o.rings, &err),
	    0);
}

static inline void
scene_start(void)
{
	struct err err = { "" };

	scene_begin();
	for (unsigned i = 0; i < sc.o.rings; i++)
		assert_int_equal(worker_start(sc.worker[i], &err), 0);
	sc.src->ops->start(sc.src);
}

static inline void
scene_stop(uint64_t linger_ns)
{
	sc.src->ops->stop(sc.src, linger_ns);
	UNTIL(atomic_load(&sc.stopped) == 1);
	for (unsigned i = 0; i < sc.o.rings; i++)
		worker_stop(sc.worker[i]);
	for (unsigned i = 0; i < sc.o.rings; i++)
		worker_join(sc.worker[i]);
	assert_int_equal(sc.ended, sc.o.rings);
	assert_int_equal(atomic_load(&sc.stopped), 1);
}

static inline int
scene_tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MAX_RINGS; i++)
		worker_free(sc.worker[i]);
	for (unsigned i = 0; i < MAX_RINGS; i++)
		if (sc.fan[i] != NULL)
			fanout_free(sc.fan[i]);
	if (sc.src != NULL)
		sc.src->ops->free(sc.src);
	close(sc.from);
	close(sc.to);
	pthread_mutex_destroy(&sc.lock);
	return 0;
}

/* A datagram of @len bytes that ends in its number. */
static inline void
scene_say_from(int fd, size_t len)
{
	char buf[2000] = "";

	assert_true(len >= 4 && len <= sizeof(buf));
	memcpy(buf + len - 4, &sc.sent, 4);
	sc.sent++;
	assert_int_equal(sendto(fd, buf, len, 0, (struct sockaddr *)&sc.there,
			     sizeof(sc.there)),
	    len);
}

static inline void
scene_say(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		scene_say_from(sc.from, 100);
}

static inline unsigned
scene_locked(const unsigned *count)
{
	unsigned n;

	pthread_mutex_lock(&sc.lock);
	n = *count;
	pthread_mutex_unlock(&sc.lock);
	return n;
}

static inline unsigned
scene_heard(void)
{
	return scene_locked(&sc.nheard);
}

static inline unsigned
scene_ticks(void)
{
	return scene_locked(&sc.ticks);
}

static inline uint64_t
scene_tick_ns(void)
{
	uint64_t ns;

	pthread_mutex_lock(&sc.lock);
	ns = sc.tick_ns;
	pthread_mutex_unlock(&sc.lock);
	return ns;
}

#endif /* CAPTURE_SCENE_H */
