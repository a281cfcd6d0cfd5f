#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "fuzz.h"

/*
 * Replays inputs without libFuzzer, with any compiler.
 *
 *	replay_NAME FILE|FOLDER...
 *	replay_NAME --memory FILE|FOLDER...
 *
 * With --memory each input is run again and again while one allocation fails:
 * the first, the second, ... until a run needs no more; and once more each
 * while all that follow fail, too.
 *
 * Where the program ends badly, the last line names the input.
 */

/* Of inputs that need more allocations, only the first are tried. */
#define MEMORY_MOST 400

static const char *input = "?";
static uint64_t inputs;
static uint64_t failures;

/* Linked in by the sanitizers alone. */
void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* In a signal handler: without printf(). */
static void
say_input(void)
{
	static const char before[] = "\nended while it read ";

	/* If even that fails there is nobody left to tell. */
	if (write(STDERR_FILENO, before, sizeof(before) - 1) < 0 ||
	    write(STDERR_FILENO, input, strlen(input)) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0)
		return;
}

static void
on_signal(int sig)
{
	say_input();
	(void)signal(sig, SIG_DFL); /* of a signal that exists */
	(void)raise(sig);
}

static void
watch_signals(void)
{
	static const int all[] = { SIGABRT, SIGTERM, SIGSEGV, SIGBUS, SIGFPE };
	/* A sanitizer has its own handlers, which say more. */
	size_t n = __sanitizer_set_death_callback != NULL ? 2 : 5;

	for (size_t i = 0; i < n; i++)
		(void)signal(all[i], on_signal); /* likewise */
	if (__sanitizer_set_death_callback != NULL)
		__sanitizer_set_death_callback(say_input);
}

static void
die(const char *what)
{
	(void)fprintf(stderr, "%s: %s: %s\n", input, what, strerror(errno));
	exit(1);
}

static uint8_t *
slurp(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rbe");
	struct stat st;
	uint8_t *data;

	if (file == NULL || fstat(fileno(file), &st) != 0)
		die("cannot be read");
	/* Of exactly its size, so that sanitizers see who reads beyond. */
	data = memory_own((size_t)st.st_size);
	*len = fread(data, 1, (size_t)st.st_size, file);
	if (*len != (size_t)st.st_size)
		die("cannot be read");
	(void)fclose(file); /* only read from: nothing can be lost */
	return data;
}

static void
run_without(const uint8_t *data, size_t len, uint64_t nth, bool all)
{
	memory_fail(nth, all);
	(void)LLVMFuzzerTestOneInput(data, len); /* always 0 */
	failures += memory_has_failed();
}

static void
run_short(const uint8_t *data, size_t len)
{
	uint64_t nth = 1;

	do {
		run_without(data, len, nth, true);
		run_without(data, len, nth, false);
		nth++;
	} while (memory_has_failed() > 0 && nth <= MEMORY_MOST);
	memory_fail(0, false);
}

static void
run_file(const char *path, bool is_short)
{
	size_t len;
	uint8_t *data;

	input = path;
	data = slurp(path, &len);
	if (is_short)
		run_short(data, len);
	else
		(void)LLVMFuzzerTestOneInput(data, len); /* always 0 */
	free(data);
	inputs++;
	if (__lsan_do_recoverable_leak_check != NULL &&
	    __lsan_do_recoverable_leak_check() != 0) {
		say_input();
		_exit(1);
	}
}

static void
run(const char *path, bool is_short)
{
	struct dirent **names;
	struct stat st;
	char *inner;
	int n;

	input = path;
	if (stat(path, &st) != 0)
		die("cannot be read");
	if (!S_ISDIR(st.st_mode)) {
		run_file(path, is_short);
		return;
	}
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0)
		die("cannot be listed");
	for (int i = 0; i < n; i++) {
		inner = memory_own(strlen(path) + strlen(names[i]->d_name) + 2);
		(void)sprintf(inner, "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			run_file(inner, is_short);
		input = path;
		free(inner);
		free(names[i]);
	}
	free(names);
}

int
main(int argc, char **argv)
{
	bool is_short = argc > 1 && strcmp(argv[1], "--memory") == 0;

	watch_signals();
	log_init("replay", LOG_LEVEL_ERROR);
	memory_fail(0, false);
	for (int i = is_short ? 2 : 1; i < argc; i++)
		run(argv[i], is_short);
	printf("%" PRIu64 " inputs", inputs);
	if (is_short)
		printf(", %" PRIu64 " allocations failed", failures);
	printf("\n");
	return inputs > 0 && (!is_short || failures > 0) ? 0 : 1;
}
