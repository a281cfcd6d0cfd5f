#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Of a line's text; longer ones are cut (decision 29: 4 KiB). */
#define TEXT_MAX 4096

static const char *log_name = "teeline";
static _Atomic int log_max = LOG_LEVEL_WARN;
static log_writer *log_to;
static void *log_to_self;

void
log_init(const char *name, enum log_level level)
{
	log_name = name;
	atomic_store(&log_max, (int)level);
}

void
log_set_writer(log_writer *writer, void *self)
{
	log_to = writer;
	log_to_self = self;
}

bool
log_is_on(enum log_level level)
{
	return (int)level <=
	       atomic_load_explicit(&log_max, memory_order_relaxed);
}

static void
to_stderr(const char *text)
{
	char line[TEXT_MAX + 256];
	int n = snprintf(line, sizeof(line), "%s: %s\n", log_name, text);

	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line)) {
		n = (int)sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* There is nobody left to tell when stderr itself fails. */
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

static void
say(enum log_level level, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];

	if (!log_is_on(level))
		return;
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	if (log_to != NULL)
		log_to(log_to_self, level, text);
	else
		to_stderr(text);
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
