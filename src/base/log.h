#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/attr.h"

/*
 * log.h - words for the person who runs the program.
 *
 * One line, one write(2), so that lines of several threads never mix.  Below
 * app/ and control/ only log_debug() is used: failures travel up as values.
 */

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

/** log_set_writer() - Send lines elsewhere (syslog); NULL is stderr. */
void log_set_writer(log_writer *writer, void *self);

/** log_is_on() - Would a line of @level be written? */
bool log_is_on(enum log_level level);

void log_error(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_warn(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_info(const char *fmt, ...) ATTR_PRINTF(1, 2);
void log_debug(const char *fmt, ...) ATTR_PRINTF(1, 2);

#endif /* BASE_LOG_H */
