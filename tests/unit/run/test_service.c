#include "../net/loopback.h"

#include <semaphore.h>
#include <sys/un.h>

#include "base/err.h"
#include "net/notify.h"
#include "net/worker.h"
#include "run/input.h"
#include "run/mainloop.h"
#include "run/service.h"
#include "run/sheet.h"

/*
 * A manager's socket, the main loop, and workers that can be hung: what the
 * manager is told, and what it is not told.
 */

#define NINPUTS  2
#define NWORKERS 3

/* What the manager allows: a sign of life every 20 ms. */
#define WATCHDOG_US "40000"

/* Of one that was not told so for this long, it is certain. */
#define LONG_NS (400 * CLOCK_NS_PER_MS)

static char dir[] = "/tmp/test_service.XXXXXX";
static char path[64];
static int manager = -1;

/**
 * struct scene - Two inputs, with two workers and one
 * @sheet:	The figures of the run
 */
struct scene {
	struct mainloop loop;
	struct service service;
	struct worker *workers[NWORKERS];
	struct input inputs[NINPUTS];
	struct sheet sheet;
	unsigned asked;
};

/* A letter at which a worker stops until it is told to go on. */
struct hang {
	struct mail mail;
	sem_t begun;
	sem_t over;
};

/* One that tells when it was read. */
struct passing {
	struct mail mail;
	sem_t passed;
};

static struct scene *sc;
static struct hang hung;

static void
on_signal(void *self, int number)
{
	(void)self;
	(void)number;
}

static void
on_nothing(void *self)
{
	(void)self;
}

static const struct mainloop_ops ops = {
	.stop = on_signal,
	.reopen = on_nothing,
	.show = on_nothing,
	.tick = on_nothing,
};

static int
take(void *self, struct sheet *sh)
{
	struct scene *s = self;

	s->asked++;
	*sh = s->sheet;
	return 0;
}

static void
deliver_hang(struct mail *m)
{
	struct hang *h = ATTR_CONTAINER(m, struct hang, mail);

	(void)sem_post(&h->begun);
	(void)sem_wait(&h->over);
}

static void
deliver_passing(struct mail *m)
{
	(void)sem_post(&ATTR_CONTAINER(m, struct passing, mail)->passed);
}

static int
open_manager(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/notify", dir);
	strcpy(un.sun_path, path);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (bind(manager, (struct sockaddr *)&un, sizeof(un)) != 0)
		return -1;
	setenv("NOTIFY_SOCKET", path, 1);
	setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
	unsetenv("WATCHDOG_PID");
	return 0;
}

static int
close_manager(void **state)
{
	(void)state;
	close(manager);
	(void)unlink(path);
	return rmdir(dir);
}

static void
open_service(void)
{
	const struct service_opts o = {
		.loop = &sc->loop,
		.inputs = sc->inputs,
		.ninputs = NINPUTS,
		.take = take,
		.self = sc,
	};
	struct err err = { "" };

	assert_int_equal(service_open(&sc->service, &o, &err), 0);
}

static int
set_up(void **state)
{
	struct err err = { "" };

	(void)state;
	sc = calloc(1, sizeof(*sc));
	assert_non_null(sc);
	assert_int_equal(mainloop_open(&sc->loop, &ops, sc, &err), 0);
	for (unsigned i = 0; i < NWORKERS; i++) {
		sc->workers[i] = worker_new(i, &err);
		assert_non_null(sc->workers[i]);
		assert_int_equal(worker_start(sc->workers[i], &err), 0);
	}
	sc->inputs[0].workers = sc->workers;
	sc->inputs[0].nworkers = 2;
	sc->inputs[1].workers = sc->workers + 2;
	sc->inputs[1].nworkers = 1;
	hung = (struct hang){ .mail.deliver = deliver_hang };
	sem_init(&hung.begun, 0, 0);
	sem_init(&hung.over, 0, 0);
	open_service();
	return 0;
}

/* The order of run/run.c. */
static int
tear_down(void **state)
{
	char c;

	(void)state;
	for (unsigned i = 0; i < NWORKERS; i++)
		worker_stop(sc->workers[i]);
	for (unsigned i = 0; i < NWORKERS; i++)
		worker_join(sc->workers[i]);
	mainloop_end(&sc->loop);
	service_close(&sc->service);
	mainloop_close(&sc->loop);
	for (unsigned i = 0; i < NWORKERS; i++)
		worker_free(sc->workers[i]);
	service_free(&sc->service);
	service_free(&sc->service);
	free(sc);
	while (manager >= 0 && recv(manager, &c, 1, 0) > 0)
		continue;
	return 0;
}

/* The next word to the manager; false: there is none yet. */
static bool
next_word(char got[512])
{
	ssize_t n = recv(manager, got, 511, 0);

	if (n < 0)
		return false;
	got[n] = '\0';
	return true;
}

static void
turn(void)
{
	loopback_turn(mainloop_loop(&sc->loop));
}

static void
expect(const char *word)
{
	char got[512] = "";

	LOOPBACK_UNTIL(mainloop_loop(&sc->loop), next_word(got));
	assert_string_equal(got, word);
}

/* How often the sign of life comes within @ns, and nothing else. */
static unsigned
count_signs(uint64_t ns)
{
	uint64_t end = clock_mono_ns() + ns;
	char got[512];
	unsigned n = 0;

	while (clock_mono_ns() < end) {
		turn();
		while (next_word(got)) {
			assert_string_equal(got, "WATCHDOG=1");
			n++;
		}
	}
	return n;
}

static void
forget_what_was_said(void)
{
	char got[512];

	while (next_word(got))
		continue;
}

/* Waits until a worker has read all that came before. */
static void
wait_for_worker(unsigned i)
{
	static struct passing p;

	p.mail.deliver = deliver_passing;
	sem_init(&p.passed, 0, 0);
	worker_post(sc->workers[i], &p.mail);
	assert_int_equal(sem_wait(&p.passed), 0);
}

/* From here on its next letter stays unread, and no older one is under way. */
static void
hang_worker(unsigned i)
{
	worker_post(sc->workers[i], &hung.mail);
	assert_int_equal(sem_wait(&hung.begun), 0);
	for (unsigned other = 0; other < NWORKERS; other++)
		if (other != i)
			wait_for_worker(other);
	turn();
	forget_what_was_said();
}

static void
nothing_is_said_to_nobody(void **state)
{
	(void)state;
	service_ready(&sc->service);
	service_reloading(&sc->service);
	service_stopping(&sc->service, 1);
	assert_int_equal(sc->asked, 0);
}

static void
ready_then_signs_of_life(void **state)
{
	(void)state;
	sc->sheet.open = 3;
	sc->sheet.sessions = 1234;
	sc->sheet.bytes[DIR_CLIENT] = 1000000;
	sc->sheet.bytes[DIR_SERVER] = 1;
	service_ready(&sc->service);
	expect("READY=1");
	expect("STATUS=3 sessions open, 1,234 in all, 1,000,001 B");
	expect("WATCHDOG=1");
	expect("WATCHDOG=1");
	expect("WATCHDOG=1");
}

/* Each of them counts, not only the first one of the first input. */
static void
hung_worker_silences_us(void **state)
{
	(void)state;
	service_ready(&sc->service);
	for (unsigned i = 0; i < NWORKERS; i++) {
		hang_worker(i);
		assert_int_equal(count_signs(LONG_NS), 0);
		/* It was only slow: life goes on. */
		(void)sem_post(&hung.over);
		expect("WATCHDOG=1");
		expect("WATCHDOG=1");
	}
}

static void
no_sign_before_it_is_ready(void **state)
{
	(void)state;
	assert_int_equal(count_signs(LONG_NS / 4), 0);
}

static void
reload_is_told(void **state)
{
	char got[512] = "";

	(void)state;
	service_ready(&sc->service);
	hang_worker(1); /* no sign of life in between */
	service_reloading(&sc->service);
	assert_true(next_word(got));
	assert_memory_equal(got, "RELOADING=1\nMONOTONIC_USEC=", 27);
	service_ready(&sc->service);
	expect("READY=1");
	/* The status is what it was. */
	assert_int_equal(count_signs(LONG_NS / 4), 0);
	sc->sheet.open = sc->sheet.sessions = 1;
	sc->sheet.gap_bytes[DIR_SERVER] = 1;
	service_ready(&sc->service);
	expect("READY=1");
	expect("STATUS=1 session open, 1 in all, 0 B, with losses");
	(void)sem_post(&hung.over);
	expect("WATCHDOG=1");
	expect("WATCHDOG=1");
}

static void
stopping_ends_the_signs(void **state)
{
	(void)state;
	service_ready(&sc->service);
	hang_worker(2);
	service_stopping(&sc->service, 7 * CLOCK_NS_PER_S);
	expect("STOPPING=1\nEXTEND_TIMEOUT_USEC=7000000");
	expect("STATUS=stopping");
	/* The last letter comes back late. */
	(void)sem_post(&hung.over);
	service_stopping(&sc->service, 1);
	service_reloading(&sc->service);
	service_ready(&sc->service);
	assert_int_equal(count_signs(LONG_NS / 4), 0);
}

/* Letters that were never read are no trouble at the end. */
static void
end_with_letters_under_way(void **state)
{
	(void)state;
	service_ready(&sc->service);
	hang_worker(0);
	worker_stop(sc->workers[0]);
	worker_stop(sc->workers[1]);
	worker_join(sc->workers[1]);
	(void)count_signs(LONG_NS / 4);
	(void)sem_post(&hung.over);
	worker_join(sc->workers[0]);
	mainloop_end(&sc->loop);
	service_close(&sc->service);
	mainloop_close(&sc->loop);
	worker_stop(sc->workers[2]);
	worker_join(sc->workers[2]);
	for (unsigned i = 0; i < NWORKERS; i++)
		worker_free(sc->workers[i]);
	service_free(&sc->service);
	free(sc);
	forget_what_was_said();
}

/* What the others ask for; the environment is read only once. */
static int
set_up_managed(void **state)
{
	notify_init();
	return set_up(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_said_to_nobody),
		cmocka_unit_test_setup_teardown(
		    ready_then_signs_of_life, set_up_managed, tear_down),
		TEST(hung_worker_silences_us),
		TEST(no_sign_before_it_is_ready),
		TEST(reload_is_told),
		TEST(stopping_ends_the_signs),
		cmocka_unit_test_setup(end_with_letters_under_way, set_up),
	};

	return cmocka_run_group_tests_name(
	    "service", tests, open_manager, close_manager);
}
