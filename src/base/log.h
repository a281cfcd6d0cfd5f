#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/attr.h"

/*
 * log.h - words for the person who runs the program.
 *
 * One line, one write(2), so that lines of several threads never mix.  Below
 * app/ and control/ only log_debug() is used: failures travel up as values.
 *
 *	teeline: cannot listen on ...			standard error
 *	2026-11-21 08:30:00.123 teeline: cannot ...	with log_set_stamps()
 *	2026-11-21 08:30:00.123 error: cannot ...	the file
 *
 * Wherever it goes, controls in it are escaped (TEXT_WORDS of base/text.h).
 */

struct err;

/** enum log_level - From the gravest to the most talkative. */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,  /* what -v adds */
	LOG_LEVEL_DEBUG, /* what -vv adds */
};
#define LOG_NLEVELS (LOG_LEVEL_DEBUG + 1)

/**
 * log_writer - Takes one finished line
 * @self:	As given to log_set_writer()
 * @line:	No newline at the end
 *
 * Called from any thread.
 */
typedef void log_writer(void *self, enum log_level level, const char *line);

/**
 * log_init() - Choose what is said and under which name
 * @name:	Put before each line: "teeline: ..."; borrowed for ever
 * @level:	Everything up to this is written
 *
 * Lines go to standard error until log_set_writer().
 */
void log_init(const char *name, enum log_level level);

/** log_set_level() - Say more or less from now on; any thread. */
void log_set_level(enum log_level level);

/** log_level() - What log_init() or log_set_level() chose last. */
enum log_level log_level(void);

/** log_level_name() - "error", "warn", "info" or "debug". */
const char *log_level_name(enum log_level level);

/** log_set_stamps() - Lines on standard error begin with date and time. */
void log_set_stamps(bool on);

/**
 * log_open_file() - Write lines to a file as well
 * @path:	Copied; lines are added at its end.  NULL: to no file (more)
 * @level:	Everything up to this is written there, whatever is said on
 *		standard error
 * @err:	Filled in on failure; then nothing has changed
 *
 * Main thread; others may write at the same time, and no line is lost or cut.
 * With the path it has the file is opened anew: as after a rotation.
 *
 * Return: 0 or -errno
 */
int log_open_file(
    const char *path, enum log_level level, struct err *err) ATTR_WUNRES;

/** log_reopen_file() - SIGHUP: the file may have been moved; 0 or -errno. */
int log_reopen_file(struct err *err) ATTR_WUNRES;

/**
 * log_set_leveled() - Lines look as those of stethoscope, and go elsewhere
 * @fd:		In place of standard error
 *
 *	2026-11-21 08:30:00 WARNING cannot ...
 *
 * Here and in the file; local time.  Before there are other threads.
 */
void log_set_leveled(int fd);

/** log_set_writer() - Send lines elsewhere (syslog); NULL is stderr. */
void log_set_writer(log_writer *writer, void *self);

/** log_is_on() - Would a line of @level be written anywhere? */
bool log_is_on(enum log_level level);

/** log_print() - A line that has no level and no name, to standard error. */
void log_print(const char *fmt, ...) ATTR_PRINTF(1, 2);

void log_error(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_warn(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_info(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_debug(const char *fmt, ...) ATTR_PRINTF(1, 2);

#endif /* BASE_LOG_H */
