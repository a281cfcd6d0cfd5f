#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/obuf.h"
#include "base/text.h"
#include "config/plan.h"
#include "run/progress.h"
#include "run/sinks.h"
#include "source/savefile.h"

#define MEGABYTE 1000000

#define ERASE "\r\x1b[K"

/* The end of a longer path says more than its beginning. */
#define PATH_SHOWN 32

/* Of a terminal that does not tell; the last column may wrap. */
#define COLUMNS     80
#define COLUMNS_MAX 512

static void
write_stderr(const char *text, size_t len)
{
	/* There is nobody left to tell when stderr itself fails. */
	if (write(STDERR_FILENO, text, len) < 0)
		return;
}

bool
progress_wanted(const struct plan *p)
{
	const char *term = getenv("TERM");

	if (p->nsources != 1 || p->sources[0].input != PLAN_READ || p->quiet ||
	    p->watch != NULL || !isatty(STDERR_FILENO) || term == NULL ||
	    strcmp(term, "dumb") == 0)
		return false;
	for (size_t i = 0; isatty(STDOUT_FILENO) && i < p->nsinks; i++)
		if (sinks_is_stdout(&p->sinks[i]))
			return false;
	return true;
}

static void
hide_locked(struct progress *p)
{
	if (p->is_drawn)
		write_stderr(ERASE, sizeof(ERASE) - 1);
	p->is_drawn = false;
}

/* A log_writer; in one write, so that lines of several threads never mix. */
static void
log_above(void *self, enum log_level level, const char *line)
{
	struct progress *p = self;
	char text[1280];
	int n = snprintf(text, sizeof(text), "teeline: %s\n", line);

	(void)level;
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text)) {
		n = (int)sizeof(text) - 1;
		text[n - 1] = '\n';
	}
	(void)pthread_mutex_lock(&p->lock);
	hide_locked(p);
	write_stderr(text, (size_t)n);
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_start(struct progress *p, const struct source *src, uint64_t mono_ns)
{
	/* A default mutex cannot fail on the systems this runs on. */
	(void)pthread_mutex_init(&p->lock, NULL);
	p->src = src;
	p->start_ns = mono_ns;
	p->is_drawn = false;
	log_set_writer(log_above, p);
}

static size_t
columns(void)
{
	struct winsize ws;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) != 0 || ws.ws_col < 2)
		return COLUMNS;
	return ws.ws_col < COLUMNS_MAX ? ws.ws_col : COLUMNS_MAX;
}

void
progress_draw(struct progress *p, uint64_t mono_ns)
{
	char text[COLUMNS_MAX + sizeof(ERASE)] = ERASE;
	size_t head = sizeof(ERASE) - 1;
	struct savefile_progress at;

	if (p->src == NULL || mono_ns - p->start_ns < CLOCK_NS_PER_S)
		return;
	savefile_progress(p->src, &at);
	/* The last column stays free: some terminals wrap behind it. */
	progress_line(text + head, columns(), &at);
	(void)pthread_mutex_lock(&p->lock);
	write_stderr(text, strlen(text));
	p->is_drawn = true;
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_hide(struct progress *p)
{
	if (p->src == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	hide_locked(p);
	(void)pthread_mutex_unlock(&p->lock);
}

void
progress_stop(struct progress *p)
{
	if (p->src == NULL)
		return;
	log_set_writer(NULL, NULL);
	hide_locked(p);
	(void)pthread_mutex_destroy(&p->lock);
	p->src = NULL;
}

static void
path_put(struct obuf *o, const char *path)
{
	size_t len = strlen(path);

	if (strcmp(path, "-") == 0) {
		obuf_puts(o, "standard input");
		return;
	}
	if (len > PATH_SHOWN) {
		obuf_puts(o, "...");
		path += len - PATH_SHOWN;
	}
	text_escape_put(o, path, TEXT_ASCII);
}

static void
amount_put(struct obuf *o, const struct savefile_progress *at)
{
	uint64_t done = at->done;
	char text[TEXT_NUMBER_MAX];

	if (at->total > 0) {
		/* A file that grows is read beyond what it once was. */
		if (done > at->total)
			done = at->total;
		obuf_printf(o, "   %u %%",
		    (unsigned)((double)done / (double)at->total * 100));
	}
	obuf_printf(o, "   %s", text_number(done / MEGABYTE, text));
	if (at->total > 0)
		obuf_printf(
		    o, " of %s", text_number(at->total / MEGABYTE, text));
	obuf_puts(o, " MB");
	obuf_printf(o, "   %s packet%s", text_number(at->packets, text),
	    at->packets == 1 ? "" : "s");
}

void
progress_line(char *out, size_t size, const struct savefile_progress *at)
{
	struct obuf o = { 0 };
	size_t len;

	if (at->path != NULL)
		path_put(&o, at->path);
	amount_put(&o, at);
	len = o.failed ? 0 : o.len;
	if (len >= size)
		len = size - 1;
	if (len > 0)
		memcpy(out, o.data, len);
	out[len] = '\0';
	obuf_done(&o);
}
