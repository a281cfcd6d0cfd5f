#include "outputs_scene.h"

/*
 * Outputs that send come and go under traffic, each with consumers of all
 * kinds: those that listen, those that stop, those that leave in the middle,
 * and none at all.
 */

#define CYCLES 200

/* Most that a consumer has open at a time; the oldest are reset for others. */
#define HELD 64

/** enum manner - What a consumer does with a connection. */
enum manner {
	MANNER_READ,
	MANNER_STOP,
	MANNER_LEAVE,
	MANNER_ABSENT,
};
#define MANNER_NMANNERS (MANNER_ABSENT + 1)

/**
 * struct consumer - A server that outputs call, or a client that calls them
 * @listener:	Where it is called; -1: nobody listens at @addr
 * @calls:	It calls this port instead; NULL: it is called
 * @held:	Connections that are read, or that wait; -1: none
 * @next:	Whose turn it is to be replaced
 * @enough:	Its thread ends
 */
struct consumer {
	enum manner manner;
	struct addr addr;
	int listener;
	const _Atomic uint16_t *calls;
	int held[HELD];
	size_t next;
	uint64_t bytes;
	_Atomic bool enough;
	pthread_t thread;
};

static void
hold(struct consumer *c, int fd)
{
	int *place = &c->held[c->next++ % HELD];

	if (*place >= 0)
		loopback_rst(*place);
	*place = fd;
	loopback_nonblock(fd);
}

static void
leave(struct consumer *c)
{
	for (size_t i = 0; i < HELD; i++) {
		if (c->held[i] >= 0)
			loopback_rst(c->held[i]);
		c->held[i] = -1;
	}
}

/* Reads what there is, and goes when the other side has gone. */
static void
hear(struct consumer *c)
{
	static _Thread_local char buf[64 * 1024];

	for (size_t i = 0; i < HELD; i++) {
		ssize_t n = 1;

		while (c->held[i] >= 0 && n > 0) {
			n = recv(c->held[i], buf, sizeof(buf), MSG_DONTWAIT);
			c->bytes += n > 0 ? (uint64_t)n : 0;
		}
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			close(c->held[i]);
			c->held[i] = -1;
		}
	}
}

static void
call(struct consumer *c)
{
	struct addr at = c->addr;
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	SCENE_CHECK(fd >= 0);
	at.port = atomic_load(c->calls);
	SCENE_CHECK(addr_to_sockaddr(&at, &ss, &len) == 0);
	/* None came yet, or it has gone. */
	if (connect(fd, (struct sockaddr *)&ss, len) == 0)
		hold(c, fd);
	else
		close(fd);
}

/* A few milliseconds, or until somebody comes. */
static void
wait_a_little(const struct consumer *c)
{
	struct pollfd p = { .fd = c->listener, .events = POLLIN };

	(void)poll(&p, 1, 2); /* woken early, it looks around early */
}

static void *
consumer_main(void *self)
{
	struct consumer *c = self;

	for (unsigned turn = 0; !atomic_load(&c->enough); turn++) {
		int fd;

		wait_a_little(c);
		if (c->calls != NULL && turn % 8 == 0)
			call(c);
		while (c->listener >= 0 &&
		       (fd = accept(c->listener, NULL, NULL)) >= 0)
			hold(c, fd);
		if (c->manner == MANNER_READ)
			hear(c);
		if (c->manner == MANNER_LEAVE && turn % 4 == 0)
			leave(c);
	}
	leave(c);
	return NULL;
}

static void
consumer_init(
    struct consumer *c, enum manner manner, const _Atomic uint16_t *calls)
{
	*c = (struct consumer){ .manner = manner, .calls = calls };
	for (size_t i = 0; i < HELD; i++)
		c->held[i] = -1;
	c->addr = loopback_addr(AF_INET);
	c->listener = loopback_listen(&c->addr, 64);
	loopback_nonblock(c->listener);
	if (calls != NULL || manner == MANNER_ABSENT) {
		close(c->listener);
		c->listener = -1;
	}
}

static void
consumer_start(struct consumer *c)
{
	if (c->manner != MANNER_ABSENT)
		SCENE_CHECK(
		    pthread_create(&c->thread, NULL, consumer_main, c) == 0);
}

static void
consumer_stop(struct consumer *c)
{
	if (c->manner != MANNER_ABSENT) {
		atomic_store(&c->enough, true);
		SCENE_CHECK(pthread_join(c->thread, NULL) == 0);
	}
	if (c->listener >= 0)
		close(c->listener);
}

/* --- cycles ------------------------------------------------------------ */

static uint32_t
dice(uint32_t sides)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % sides;
}

/**
 * struct kind - An output
 * @between:	What stands between its port and the next; 0: there is no other
 * @next:	By which the other port is higher
 * @listens:	Consumers call it, where it says
 * @policies:	on-full
 */
struct kind {
	const char *name;
	char between;
	unsigned next;
	bool listens;
	const char *policies[3];
};

static void
add_one(struct scene *sc, const struct kind *k, const struct consumer *c,
    unsigned n)
{
	char other[16] = "", text[192];
	unsigned port = c->addr.port;

	if (k->listens && k->between == 0)
		port = 0;
	if (k->between != 0)
		(void)snprintf(
		    other, sizeof(other), "%c%u", k->between, port + k->next);
	(void)snprintf(text, sizeof(text),
	    "%s:127.0.0.1:%u%s,name=x,queue=16KiB,on-full=%s", k->name, port,
	    other, k->policies[n % ATTR_COUNT(k->policies)]);
	assert_int_equal(scene_add(sc, text), 0);
}

/* Some sessions, unless traffic waits for who has stopped. */
static void
hear_a_little(struct scene *sc)
{
	unsigned until = atomic_load(&sc->talks) + dice(3);

	for (int i = 0; i < 50 && atomic_load(&sc->talks) < until; i++)
		loopback_turn(&sc->loop.loop);
}

static void
cycle(struct scene *sc, const struct kind *k, enum manner manner)
{
	struct consumer c;

	consumer_init(&c, manner, k->listens ? &sc->port : NULL);
	consumer_start(&c);
	for (unsigned n = 0; n < CYCLES / MANNER_NMANNERS; n++) {
		add_one(sc, k, &c, n);
		hear_a_little(sc);
		assert_int_equal(scene_remove(sc, "x"), 0);
	}
	consumer_stop(&c);
	if (manner == MANNER_READ)
		assert_true(c.bytes > 0);
}

/*
 * Nothing is left of it: no memory, no descriptor, and no session that waits.
 * The clients look at each byte, the tear down at the sums.
 */
static void
come_and_go(struct scene *sc, const struct kind *k)
{
	unsigned fds = loopback_fds();

	scene_begin_talking(sc);
	for (int m = 0; m < MANNER_NMANNERS; m++)
		cycle(sc, k, (enum manner)m);
	scene_hear(sc, 20);
	scene_be_quiet(sc);
	SCENE_UNTIL(sc, loopback_fds() <= fds);
	assert_int_equal(sc->sinks.n, 1);
}

static void
tees_come_and_go(void **state)
{
	static const struct kind k = {
		.name = "tee",
		.policies = { "close", "pause", "close" },
	};

	come_and_go(*state, &k);
}

static void
calls_come_and_go(void **state)
{
	static const struct kind k = {
		.name = "connect",
		.between = '/',
		.policies = { "drop", "pause", "close" },
	};

	come_and_go(*state, &k);
}

static void
portals_come_and_go(void **state)
{
	static const struct kind k = {
		.name = "listen",
		.between = '-',
		.next = 40,
		.listens = true,
		.policies = { "drop", "pause", "close" },
	};

	come_and_go(*state, &k);
}

static void
couriers_come_and_go(void **state)
{
	static const struct kind k = {
		.name = "payload",
		.policies = { "drop", "pause", "drop" },
	};

	come_and_go(*state, &k);
}

static void
live_captures_come_and_go(void **state)
{
	static const struct kind k = {
		.name = "pcapng-listen",
		.listens = true,
		.policies = { "drop", "pause", "close" },
	};

	come_and_go(*state, &k);
}

/* The run ends while one has clients, which get their end. */
static void
the_run_ends_with_clients(void **state)
{
	static const struct kind k = {
		.name = "pcapng-listen",
		.listens = true,
		.policies = { "drop", "drop", "drop" },
	};
	struct scene *sc = *state;
	struct consumer c;

	consumer_init(&c, MANNER_READ, &sc->port);
	scene_begin_talking(sc);
	add_one(sc, &k, &c, 0);
	consumer_start(&c);
	scene_hear(sc, 30);
	scene_end(sc);
	consumer_stop(&c);
	assert_true(c.bytes > 0);
}

/* Those who do not take what waits for them are not waited for long. */
static int
set_up(void **state)
{
	int rc;

	scene_drain_ns = 50 * CLOCK_NS_PER_MS;
	rc = scene_set_up(state);
	scene_drain_ns = 20 * CLOCK_NS_PER_S;
	return rc;
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, scene_tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(tees_come_and_go),
		SCENE(calls_come_and_go),
		SCENE(portals_come_and_go),
		SCENE(couriers_come_and_go),
		SCENE(live_captures_come_and_go),
		SCENE(the_run_ends_with_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
