#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/outfile.h"
#include "base/text.h"

/* The file takes no level. */
#define NO_LEVEL (-1)

/* Of a line's text; longer ones are cut (decision 29: 4 KiB). */
#define TEXT_MAX 4096

static const char *log_name = "teeline";
static _Atomic int log_max = LOG_LEVEL_WARN;
static _Atomic bool log_stamps;
static bool log_leveled;
static int log_console = STDERR_FILENO;
static log_writer *log_to;
static void *log_to_self;

/*
 * Once a file was open its descriptor stays open, and another file takes its
 * number (dup2): whoever is writing writes to the one or to the other.
 */
static _Atomic int log_fd = -1;
static _Atomic int log_file_max = NO_LEVEL;
static char *log_path; /* main thread */

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static_assert(ATTR_COUNT(level_names) == LOG_NLEVELS, "a name for each level");

/* As log_set_leveled() writes them. */
static const char *const big_names[] = { "ERROR", "WARNING", "INFO", "DEBUG" };
static_assert(ATTR_COUNT(big_names) == LOG_NLEVELS, "a name for each level");

/* Of a stamp, without its milliseconds. */
#define SECONDS_LEN 19

void
log_init(const char *name, enum log_level level)
{
	log_name = name;
	log_set_level(level);
}

void
log_set_level(enum log_level level)
{
	atomic_store(&log_max, (int)level);
}

enum log_level
log_level(void)
{
	return (enum log_level)atomic_load(&log_max);
}

const char *
log_level_name(enum log_level level)
{
	return level_names[level];
}

void
log_set_stamps(bool on)
{
	atomic_store(&log_stamps, on);
}

void
log_set_leveled(int fd)
{
	log_leveled = true;
	log_console = fd;
}

void
log_set_writer(log_writer *writer, void *self)
{
	log_to = writer;
	log_to_self = self;
}

static bool
is_within(_Atomic int *max, enum log_level level)
{
	return (int)level <= atomic_load_explicit(max, memory_order_relaxed);
}

bool
log_is_on(enum log_level level)
{
	return is_within(&log_max, level) || is_within(&log_file_max, level);
}

/* "STAMP NAME: TEXT" in one piece; there is nobody to tell when it fails. */
static void
write_line(int fd, const char *stamp, const char *name, const char *text)
{
	char line[TEXT_MAX + 256];
	int n = snprintf(line, sizeof(line), "%s%s%s%s %s\n", stamp,
	    stamp[0] != '\0' ? " " : "", name, log_leveled ? "" : ":", text);

	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	if (write(fd, line, (size_t)n) < 0)
		return;
}

/* Not event time: over months the clock of the room is set, and this shows. */
static uint64_t
wall_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_REALTIME, &t) != 0)
		return 0;
	return (uint64_t)t.tv_sec * CLOCK_NS_PER_S + (uint64_t)t.tv_nsec;
}

/*
 * @out:	TEXT_MAX bytes.  Names of files and hosts, paths of peers, and
 * what else strangers have put into a sentence: no control comes through, a
 * newline neither, so that nobody writes lines in our name.  Return: it can be
 * written
 */
static bool
put_words(char *out, const char *fmt, va_list ap)
{
	uint8_t shown[TEXT_ESCAPE_ROOM(TEXT_MAX)];
	char text[TEXT_MAX];
	size_t n;

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return false;
	n = text_escape(shown, (const uint8_t *)text, strlen(text), TEXT_WORDS);
	if (n >= TEXT_MAX)
		n = TEXT_MAX - 1;
	memcpy(out, shown, n);
	out[n] = '\0';
	return true;
}

static void
say(enum log_level level, const char *fmt, va_list ap)
{
	bool shown = is_within(&log_max, level);
	bool filed = is_within(&log_file_max, level);
	bool stamps = log_to == NULL && shown &&
		      (log_leveled || atomic_load(&log_stamps));
	const char *word = log_leveled ? big_names[level] : level_names[level];
	char stamp[TEXT_DATE_MAX] = "";
	char text[TEXT_MAX];

	if ((!shown && !filed) || !put_words(text, fmt, ap))
		return;
	if (filed || stamps)
		(void)text_date(wall_ns(), stamp); /* is @stamp */
	if (log_leveled)
		stamp[SECONDS_LEN] = '\0';
	if (filed)
		write_line(atomic_load(&log_fd), stamp, word, text);
	if (shown && log_to != NULL)
		log_to(log_to_self, level, text);
	else if (shown)
		write_line(log_console, stamps ? stamp : "",
		    log_leveled ? word : log_name, text);
}

void
log_print(const char *fmt, ...)
{
	char line[TEXT_MAX + 1];
	bool is_written;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	is_written = put_words(line, fmt, ap);
	va_end(ap);
	if (!is_written)
		return;
	n = strlen(line);
	line[n] = '\n';
	/* There is nobody left to tell when stderr itself fails. */
	if (write(STDERR_FILENO, line, n + 1) < 0)
		return;
}

/* Lets @fd be what is written to, under the number that is in use. */
static int
take_over(int fd)
{
	int used = atomic_load(&log_fd);
	int rc = 0;

	if (used < 0) {
		atomic_store(&log_fd, fd);
		return 0;
	}
	if (dup3(fd, used, O_CLOEXEC) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int
log_open_file(const char *path, enum log_level level, struct err *err)
{
	char *copy;
	int fd, rc;

	if (path == NULL) {
		atomic_store(&log_file_max, NO_LEVEL);
		free(log_path);
		log_path = NULL;
		return 0;
	}
	copy = strdup(path);
	if (copy == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	fd = outfile_open(path, O_CREAT | O_APPEND, 0600, OUTFILE_NAMED);
	rc = fd < 0 ? fd : take_over(fd);
	if (rc != 0) {
		free(copy);
		return err_set(
		    err, rc, "cannot open %s: %s", path, outfile_why(rc));
	}
	free(log_path);
	log_path = copy;
	atomic_store(&log_file_max, (int)level);
	return 0;
}

int
log_reopen_file(struct err *err)
{
	if (log_path == NULL)
		return 0;
	return log_open_file(
	    log_path, (enum log_level)atomic_load(&log_file_max), err);
}

#define LOG_FUNCTION(name, level)                                              \
	void name(const char *fmt, ...)                                        \
	{                                                                      \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, fmt);                                             \
		say(level, fmt, ap);                                           \
		va_end(ap);                                                    \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
