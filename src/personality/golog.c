#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/obuf.h"
#include "base/text.h"
#include "personality/golog.h"

/* "2026-11-21 08:30:00", less the milliseconds. */
#define SECONDS_LEN 19

static const char *_Atomic prefix = "";

/* The line in one write: those of several threads never mix. */
static void
say(const char *before, const char *text)
{
	char date[TEXT_DATE_MAX];
	struct obuf out = { .data = NULL };

	(void)text_date(clock_event_ns(), date);
	for (char *p = date; *p != '\0'; p++)
		if (*p == '-')
			*p = '/';
	obuf_put(&out, date, SECONDS_LEN);
	obuf_putc(&out, ' ');
	obuf_puts(&out, before);
	obuf_puts(&out, text);
	obuf_putc(&out, '\n');
	/* There is nobody left to tell when stderr itself fails. */
	if (!out.failed && write(STDERR_FILENO, out.data, out.len) < 0)
		out.failed = true;
	obuf_done(&out);
}

static void
write_line(void *self, enum log_level level, const char *line)
{
	(void)self;
	say(level == LOG_LEVEL_ERROR ? atomic_load(&prefix) : "", line);
}

void
golog_start(const char *failing)
{
	clock_init();
	atomic_store(&prefix, failing);
	log_set_writer(write_line, NULL);
}

void
golog_ready(void)
{
	atomic_store(&prefix, "");
}

void
golog_line(const char *text)
{
	say("", text);
}
