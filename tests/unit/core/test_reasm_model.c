#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core/fanout.h"
#include "reasm_play.h"

/*
 * Memory that fails when a case says so: these are compiled into the test,
 * with an allocator of ours, instead of being taken from the library.
 */
static bool
fails(void)
{
	return model.fail_one_in != 0 && one_in(model.fail_one_in);
}

static void *
model_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

static void *
model_calloc(size_t n, size_t size)
{
	return fails() ? NULL : calloc(n, size);
}

#define malloc(size)    model_malloc(size)
#define calloc(n, size) model_calloc(n, size)
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "core/history.c"
#include "core/hold.c"
#include "core/late.c"
#include "core/reasm_backlog.c"
/* NOLINTEND(bugprone-suspicious-include) */
#undef malloc
#undef calloc

/* --- Many of them --- */

/*
 * Where an assertion of the program's, or a sanitizer, ends it: in a signal
 * handler, so without snprintf().
 */
static void
say_seed(void)
{
	static const char name[] = "MODEL_SEED=";
	char text[sizeof(name) + 21];
	char *at = text + sizeof(text);
	uint64_t seed = model.seed;

	*--at = '\n';
	do {
		*--at = (char)('0' + seed % 10);
		seed /= 10;
	} while (seed > 0);
	at -= sizeof(name) - 1;
	memcpy(at, name, sizeof(name) - 1);
	/* If even that fails there is nobody left to tell. */
	if (write(STDERR_FILENO, at, (size_t)(text + sizeof(text) - at)) < 0)
		return;
}

static void
on_abort(int sig)
{
	say_seed();
	(void)signal(sig, SIG_DFL); /* of a signal that exists */
	(void)raise(sig);
}

/* Linked in by the sanitizers alone. */
void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak));

static uint64_t
from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void
reassembly_does_what_its_model_says(void **state)
{
	uint64_t now_ns = clock_mono_ns();
	uint64_t end_ns =
	    now_ns + from_environment("MODEL_SECONDS", 30) * CLOCK_NS_PER_S;
	uint64_t first = from_environment("MODEL_SEED", mix(now_ns));
	uint64_t seed = first;
	uint64_t n = 0;

	(void)state;
	do {
		model.seed = model.random = seed;
		run_case();
		seed = mix(seed);
		n++;
	} while (n % 16 != 0 || clock_mono_ns() < end_ns);
	print_message(
	    "%" PRIu64 " cases from MODEL_SEED=%" PRIu64 " on\n", n, first);
}

static int
set_up(void **state)
{
	(void)state;
	model_set_up();
	if (signal(SIGABRT, on_abort) == SIG_ERR)
		return -1;
	if (__sanitizer_set_death_callback != NULL)
		__sanitizer_set_death_callback(say_seed);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	model_tear_down();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reassembly_does_what_its_model_says),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
