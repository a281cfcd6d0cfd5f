#include "capture_scene.h"

#include "core/segment.h"

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
#ifdef TEELINE_PORTABLE
	refused(-ENOTSUP, "--workers 1");
#else
	refused(-EINVAL, "syntax error");
#endif
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
	scene_lo_flags(0);
	refused(-ENETDOWN, "is down");
	assert_int_equal(loopback_fds(), before);
}

static void
test_never_started(void **state)
{
	unsigned before = loopback_fds();

	(void)state;
	scene_begin();
	sc.src->ops->close(sc.src);
	sc.src->ops->close(sc.src);
	(void)scene_tear_down(state);
	/* Two sockets of the scene, and what scene_tear_down() closes again. */
	assert_int_equal(loopback_fds() + 2, before);
	(void)scene_set_up(state);
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
	scene_start();
	assert_string_equal(capture_iface(sc.src), "lo");
	assert_int_equal(sc.src->ops->ifaces(sc.src, &ifaces), 1);
	assert_string_equal(ifaces[0].name, "lo");
	assert_int_equal(ifaces[0].linktype, 1);
	assert_int_equal(ifaces[0].snaplen, CAPTURE_SNAPLEN_DEFAULT);
	scene_say(3);
	UNTIL(scene_heard() == 3);
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
	scene_stop(CLOCK_NS_PER_S);
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
	scene_start();
	/* To where nobody listens: comes back as ICMP, too. */
	elsewhere.sin_port = htons(9);
	assert_int_equal(sendto(sc.from, "x", 1, 0,
			     (struct sockaddr *)&elsewhere, sizeof(elsewhere)),
	    1);
	(void)send(sc.from, "", 0, 0); /* takes the ICMP's error */
	scene_say(1);
	UNTIL(scene_heard() > 0);
	scene_stop(CLOCK_NS_PER_S);
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
	scene_start();
	scene_say(2);
	UNTIL(scene_heard() == 2);
	scene_stop(CLOCK_NS_PER_S);
	assert_int_equal(sc.heard[0].linktype, SLL2);
	assert_int_equal(sc.heard[0].dir, PACKET_INBOUND);
	assert_int_equal(sc.heard[0].len, 20 + 20 + 8 + 100);
}

#ifndef TEELINE_PORTABLE
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

	while (scene_heard() <= 4 * FLOWS && sc.sent < MAX_SENT) {
		scene_say_from(fd[sc.sent % FLOWS], 100);
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
	scene_start();
	pthread_join(talker, NULL);
	scene_stop(10 * CLOCK_NS_PER_S);
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
#endif

/* --- our own connections ----------------------------------------------- */

static void
test_own(void **state)
{
	struct own o = { .remote.family = AF_UNSPEC };
	const struct dissect *d;
	struct segment seg = { .ts_ns = 1 };

	(void)state;
	scene_start();
	scene_say(1);
	UNTIL(scene_heard() == 1);
	d = sc.heard[0].by;
	assert_int_equal(addr_parse_ip(&o.local, "127.0.0.1"), 0);
	assert_int_equal(addr_parse_ip(&seg.src, "127.0.0.2"), 0);
	o.local.port = 4000;
	seg.dst = o.local;
	assert_false(d->o.flow.is_own(d->o.flow.self, &seg));
	own_enter(&o);
	assert_true(d->o.flow.is_own(d->o.flow.self, &seg));
	own_leave(&o);
	/* Captured before it left, read after it; and captured after it. */
	assert_true(d->o.flow.is_own(d->o.flow.self, &seg));
	seg.ts_ns = UINT64_MAX;
	assert_false(d->o.flow.is_own(d->o.flow.self, &seg));
	scene_stop(CLOCK_NS_PER_S);
}

#define SCENE(test)                                                            \
	cmocka_unit_test_setup_teardown(test, scene_set_up, scene_tear_down)

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
#ifndef TEELINE_PORTABLE
		SCENE(test_rings),
#endif
		SCENE(test_own),
	};

	return cmocka_run_group_tests(tests, scene_enter, scene_leave);
}
