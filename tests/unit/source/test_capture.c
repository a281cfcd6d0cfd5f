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
 * @full:	The sink is full
 */
static struct scene {
	struct capture_opts o;
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
	bool stopped;
};

struct dissect *
dissect_new(const struct dissect_opts *o, struct fanout *fan, struct err *err)
{
	struct dissect *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	assert_non_null(fan);
	(void)err;
	d->o = *o;
	return d;
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

void
dissect_stop(struct dissect *d)
{
	d->stopped = true;
	pthread_mutex_lock(&sc.lock);
	sc.ended++;
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

static void
on_finished(void *self)
{
	assert_ptr_equal(self, &sc);
	atomic_fetch_add(&sc.finished, 1);
}

static void
on_stopped(void *self)
{
	assert_ptr_equal(self, &sc);
	atomic_fetch_add(&sc.stopped, 1);
}

static void
on_trouble(void *self, const char *text)
{
	assert_ptr_equal(self, &sc);
	(void)snprintf(sc.trouble, sizeof(sc.trouble), "%s", text);
	atomic_fetch_add(&sc.troubles, 1);
}

static int
lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	(void)err;
	lane->self = w;
	return 0;
}

static void
lane_free(struct sink_lane *lane)
{
	lane->self = NULL;
}

static int
sink_open(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
	return 0;
}

static void
sink_close(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
}

static bool
sink_full(const struct sink_lane *lane)
{
	(void)lane;
	return atomic_load(&sc.full);
}

static void
lo_flags(short flags)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	ifr.ifr_flags = flags;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

/* Needs either root or user namespaces; who has neither cannot test this. */
static int
enter_namespace(void **state)
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

static int
leave(void **state)
{
	(void)state;
	return uv_loop_close(&idle);
}

static int
set_up(void **state)
{
	socklen_t len = sizeof(sc.there);

	(void)state;
	memset(&sc, 0, sizeof(sc));
	assert_int_equal(pthread_mutex_init(&sc.lock, NULL), 0);
	lo_flags(IFF_UP);
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
		.events = { on_finished, on_stopped, on_trouble, &sc },
	};
	sc.sink_ops = (struct sink_ops){
		.kind = "fake",
		.lane_new = lane_new,
		.lane_free = lane_free,
		.open = sink_open,
		.close = sink_close,
		.full = sink_full,
	};
	sc.sink.ops = &sc.sink_ops;
	sc.sink.on_full = ON_FULL_PAUSE;
	return 0;
}

static void
begin(void)
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

static void
start(void)
{
	struct err err = { "" };

	begin();
	for (unsigned i = 0; i < sc.o.rings; i++)
		assert_int_equal(worker_start(sc.worker[i], &err), 0);
	sc.src->ops->start(sc.src);
}

static void
stop(uint64_t linger_ns)
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

static int
tear_down(void **state)
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
static void
say_from(int fd, size_t len)
{
	char buf[2000] = "";

	assert_true(len >= 4 && len <= sizeof(buf));
	memcpy(buf + len - 4, &sc.sent, 4);
	sc.sent++;
	assert_int_equal(sendto(fd, buf, len, 0, (struct sockaddr *)&sc.there,
			     sizeof(sc.there)),
	    len);
}

static void
say(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		say_from(sc.from, 100);
}

static unsigned
locked(const unsigned *count)
{
	unsigned n;

	pthread_mutex_lock(&sc.lock);
	n = *count;
	pthread_mutex_unlock(&sc.lock);
	return n;
}

static unsigned
heard(void)
{
	return locked(&sc.nheard);
}

static unsigned
ticks(void)
{
	return locked(&sc.ticks);
}

static uint64_t
tick_ns(void)
{
	uint64_t ns;

	pthread_mutex_lock(&sc.lock);
	ns = sc.tick_ns;
	pthread_mutex_unlock(&sc.lock);
	return ns;
}

/* --- what may go wrong at start ---------------------------------------- */

static void
refused(int code, const char *word)
{
	struct err err = { "" };
	int got = 0;

	assert_null(capture_new(&sc.o, &got, &err));
	assert_int_equal(got, code);
	if (strstr(err.text, word) == NULL)
		fail_msg("no \"%s\" in: %s", word, err.text);
}

static void
test_refusals(void **state)
{
	unsigned before = loopback_fds();

	(void)state;
	sc.o.filter = "tcp prot 80";
	refused(-EINVAL, "'tcp prot 80'");
	sc.o.rings = 2;
	refused(-EINVAL, "syntax error");
	sc.o.rings = 1;
	sc.o.filter = NULL;
	sc.o.iface = "nosuchiface";
	refused(-ENODEV, "'nosuchiface'");
	refused(-ENODEV, "lo");
	sc.o.iface = "an interface whose name is longer than any that the "
		     "kernel would take from anybody";
	refused(-ENODEV, "too long");
	sc.o.iface = NULL; /* a namespace like this one has no routes */
	refused(-ENODEV, "-i");
	sc.o.iface = "lo";
	sc.o.buffer = (size_t)1 << 40;
	refused(-EINVAL, "at most");
	sc.o.buffer = 4 << 20;
	lo_flags(0);
	refused(-ENETDOWN, "is down");
	assert_int_equal(loopback_fds(), before);
}

static void
test_never_started(void **state)
{
	unsigned before = loopback_fds();

	(void)state;
	begin();
	sc.src->ops->close(sc.src);
	sc.src->ops->close(sc.src);
	(void)tear_down(state);
	/* Two sockets of the scene, and what tear_down() closes again. */
	assert_int_equal(loopback_fds() + 2, before);
	(void)set_up(state);
}

static void
test_list(void **state)
{
	struct capture_listed *list = NULL;
	struct err err = { "" };
	bool found = false, any = false;
	size_t n = 0;

	(void)state;
	assert_int_equal(capture_list(&list, &n, &err), 0);
	for (size_t i = 0; i < n; i++) {
		any = any || strcmp(list[i].name, "any") == 0;
		assert_null(strstr(list[i].name, "dbus"));
		if (strcmp(list[i].name, "lo") != 0)
			continue;
		found = true;
		assert_true(list[i].up);
		assert_true(list[i].loopback);
		assert_false(list[i].wireless);
		assert_non_null(strstr(list[i].addrs, "127.0.0.1"));
	}
	assert_true(found);
	assert_true(any);
	free(list);
}

/* --- packets ----------------------------------------------------------- */

static void
test_packets(void **state)
{
	const struct packet_iface *ifaces = NULL;
	struct tally t = { .received = 0 };
	uint64_t before_ns = clock_event_ns();

	(void)state;
	start();
	assert_string_equal(capture_iface(sc.src), "lo");
	assert_int_equal(sc.src->ops->ifaces(sc.src, &ifaces), 1);
	assert_string_equal(ifaces[0].name, "lo");
	assert_int_equal(ifaces[0].linktype, 1);
	assert_int_equal(ifaces[0].snaplen, CAPTURE_SNAPLEN_DEFAULT);
	say(3);
	UNTIL(heard() == 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct heard *h = &sc.heard[i];

		assert_int_equal(h->number, i);
		assert_int_equal(h->len, HEADERS_LEN + 100);
		assert_int_equal(h->wire_len, HEADERS_LEN + 100);
		assert_int_equal(h->dir, PACKET_UNKNOWN);
		/* Nanoseconds since 1970, and neither of them wrong. */
		assert_true(h->ts_ns + CLOCK_NS_PER_S > before_ns);
		assert_true(h->ts_ns < clock_event_ns() + CLOCK_NS_PER_S);
	}
	stop(CLOCK_NS_PER_S);
	sc.src->ops->tally(sc.src, &t);
	assert_int_equal(t.received, 1000);
	assert_true(t.has_kernel);
	assert_true(t.kernel_received >= 3);
	assert_int_equal(t.kernel_dropped, 0);
	assert_false(sc.src->ops->failed(sc.src));
	assert_int_equal(atomic_load(&sc.troubles), 0);
}

static void
test_snaplen_and_filter(void **state)
{
	struct sockaddr_in elsewhere = sc.there;
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof(text), "udp dst port %u",
	    (unsigned)ntohs(sc.there.sin_port));
	sc.o.filter = text;
	sc.o.snaplen = 60;
	start();
	/* To where nobody listens: comes back as ICMP, too. */
	elsewhere.sin_port = htons(9);
	assert_int_equal(sendto(sc.from, "x", 1, 0,
			     (struct sockaddr *)&elsewhere, sizeof(elsewhere)),
	    1);
	(void)send(sc.from, "", 0, 0); /* takes the ICMP's error */
	say(1);
	UNTIL(heard() > 0);
	stop(CLOCK_NS_PER_S);
	assert_int_equal(sc.nheard, 1);
	assert_int_equal(sc.heard[0].len, 60);
	assert_int_equal(sc.heard[0].wire_len, HEADERS_LEN + 100);
}

/* "any" tells the interface and the direction in its cooked header. */
static void
test_any(void **state)
{
	(void)state;
	sc.o.iface = "any";
	start();
	say(2);
	UNTIL(heard() == 2);
	stop(CLOCK_NS_PER_S);
	assert_int_equal(sc.heard[0].linktype, SLL2);
	assert_int_equal(sc.heard[0].dir, PACKET_INBOUND);
	assert_int_equal(sc.heard[0].len, 20 + 20 + 8 + 100);
}

/* --- ends -------------------------------------------------------------- */

/* What the kernel has captured is read, also if we are told to stop at once. */
static void
test_stop_reads_out(void **state)
{
	(void)state;
	start();
	say(2000);
	stop(10 * CLOCK_NS_PER_S);
	assert_int_equal(sc.nheard, 2000);
	for (unsigned i = 0; i < sc.nheard; i++)
		assert_int_equal(sc.heard[i].number, i);
}

/* What comes later is not waited for, however much it is. */
static void
test_stop_under_load(void **state)
{
	uint64_t begin_ns;

	(void)state;
	start();
	say(1);
	UNTIL(heard() == 1);
	begin_ns = clock_mono_ns();
	sc.src->ops->stop(sc.src, 30 * CLOCK_NS_PER_S);
	while (atomic_load(&sc.stopped) == 0 && sc.sent < MAX_PACKETS - 1)
		say(1);
	UNTIL(atomic_load(&sc.stopped) == 1);
	assert_true(clock_mono_ns() - begin_ns < 20 * CLOCK_NS_PER_S);
	worker_stop(sc.worker[0]);
	worker_join(sc.worker[0]);
	/* The letter takes a moment: some of them may count. */
	assert_true(sc.nheard < sc.sent);
}

static void
test_max_packets(void **state)
{
	(void)state;
	sc.o.rings = 2;
	sc.o.max_packets = 100;
	start();
	/* Of different ports, so that both rings get some. */
	for (int i = 0; i < 64; i++) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		for (int j = 0; j < 10; j++)
			say_from(fd, 100);
		close(fd);
	}
	UNTIL(atomic_load(&sc.finished) == 1);
	stop(CLOCK_NS_PER_S);
	assert_int_equal(sc.nheard, 100);
	assert_int_equal(atomic_load(&sc.finished), 1);
}

static void
test_max_sessions(void **state)
{
	(void)state;
	sc.session_each = true;
	sc.o.max_sessions = 5;
	start();
	say(4);
	UNTIL(heard() == 4);
	assert_int_equal(atomic_load(&sc.finished), 0);
	say(3);
	UNTIL(atomic_load(&sc.finished) == 1);
	stop(CLOCK_NS_PER_S);
	assert_int_equal(sc.ids, 5);
	assert_int_equal(atomic_load(&sc.finished), 1);
	assert_int_equal(sc.refused, sc.nheard - 5);
}

/* --- several rings ----------------------------------------------------- */

#define FLOWS    64
#define MAX_SENT (1 << 20)

/*
 * One after the other from FLOWS ports, until enough were heard; slowly, so
 * that what is on its way then is less than MAX_PACKETS.
 */
static void *
talk(void *self)
{
	int *fd = self;

	while (heard() <= 4 * FLOWS && sc.sent < MAX_SENT) {
		say_from(fd[sc.sent % FLOWS], 100);
		if (sc.sent % FLOWS == 0)
			(void)poll(NULL, 0, 4);
	}
	return NULL;
}

/*
 * Traffic flows while the rings are opened and joined: no packet may be in
 * two of them, and each connection has to stay on one.
 */
static void
test_rings(void **state)
{
	const struct dissect *by[FLOWS] = { NULL };
	static bool seen[MAX_SENT];
	unsigned count[2] = { 0, 0 };
	pthread_t talker;
	int fd[FLOWS];

	(void)state;
	sc.o.rings = 2;
	sc.session_each = true;
	for (int i = 0; i < FLOWS; i++)
		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(pthread_create(&talker, NULL, talk, fd), 0);
	start();
	pthread_join(talker, NULL);
	stop(10 * CLOCK_NS_PER_S);
	for (unsigned i = 0; i < sc.nheard; i++) {
		const struct heard *h = &sc.heard[i];
		unsigned flow = h->number % FLOWS;

		assert_false(seen[h->number]);
		seen[h->number] = true;
		if (by[flow] == NULL)
			by[flow] = h->by;
		assert_ptr_equal(by[flow], h->by);
		count[h->by == sc.heard[0].by]++;
	}
	assert_int_equal(sc.ids, sc.nheard);
	/* All on one by chance: once in 2^63 runs. */
	assert_true(count[0] > 0 && count[1] > 0);
	for (int i = 0; i < FLOWS; i++)
		close(fd[i]);
}

/* --- time -------------------------------------------------------------- */

/* Without packets time goes on, but never ahead of what may still come. */
static void
test_ticks(void **state)
{
	uint64_t begin_ns = clock_event_ns();

	(void)state;
	start();
	UNTIL(tick_ns() > begin_ns);
	stop(CLOCK_NS_PER_S);
	assert_int_equal(sc.late_ticks, 0);
}

/* While a sink that wants it is full nothing is read, nor does time pass. */
static void
test_held_up(void **state)
{
	uint64_t begin_ns = clock_event_ns();
	unsigned before;

	(void)state;
	atomic_store(&sc.full, true);
	start();
	say(10);
	UNTIL(ticks() > 3);
	assert_int_equal(heard(), 0);
	assert_true(tick_ns() < begin_ns);
	before = ticks();
	UNTIL(ticks() > before + 2);
	assert_int_equal(heard(), 0);
	atomic_store(&sc.full, false);
	worker_room(sc.worker[0]);
	UNTIL(heard() == 10);
	stop(CLOCK_NS_PER_S);
}

/* Full for good: stopping does not wait for ever, and says what it cost. */
static void
test_held_up_at_stop(void **state)
{
	(void)state;
	atomic_store(&sc.full, true);
	start();
	say(10);
	stop(200 * CLOCK_NS_PER_MS);
	assert_int_equal(sc.nheard, 0);
	assert_int_equal(atomic_load(&sc.troubles), 1);
	assert_non_null(strstr(sc.trouble, "not read"));
}

/* --- interfaces that go ------------------------------------------------ */

static void
test_interface_down(void **state)
{
	(void)state;
	start();
	say(1);
	UNTIL(heard() == 1);
	lo_flags(0);
	UNTIL(atomic_load(&sc.troubles) == 1);
	assert_non_null(strstr(sc.trouble, "lo went down"));
	lo_flags(IFF_UP);
	say(1);
	UNTIL(heard() == 2);
	stop(CLOCK_NS_PER_S);
	assert_int_equal(atomic_load(&sc.finished), 0);
	assert_false(sc.src->ops->failed(sc.src));
}

/* --- our own connections ----------------------------------------------- */

static void
test_own(void **state)
{
	struct own o = { .remote.family = AF_UNSPEC };
	const struct dissect *d;
	struct addr other;

	(void)state;
	start();
	say(1);
	UNTIL(heard() == 1);
	d = sc.heard[0].by;
	assert_int_equal(addr_parse_ip(&o.local, "127.0.0.1"), 0);
	assert_int_equal(addr_parse_ip(&other, "127.0.0.2"), 0);
	o.local.port = 4000;
	assert_false(d->o.flow.is_own(d->o.flow.self, &o.local, &other));
	own_enter(&o);
	assert_true(d->o.flow.is_own(d->o.flow.self, &other, &o.local));
	own_leave(&o);
	stop(CLOCK_NS_PER_S);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(test_refusals),
		SCENE(test_never_started),
		SCENE(test_list),
		SCENE(test_packets),
		SCENE(test_snaplen_and_filter),
		SCENE(test_any),
		SCENE(test_stop_reads_out),
		SCENE(test_stop_under_load),
		SCENE(test_max_packets),
		SCENE(test_max_sessions),
		SCENE(test_rings),
		SCENE(test_ticks),
		SCENE(test_held_up),
		SCENE(test_held_up_at_stop),
		SCENE(test_interface_down),
		SCENE(test_own),
	};

	return cmocka_run_group_tests(tests, enter_namespace, leave);
}
