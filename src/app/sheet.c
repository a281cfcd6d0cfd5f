#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/sheet.h"
#include "base/err.h"
#include "base/obuf.h"
#include "base/text.h"
#include "core/fanout.h"
#include "core/sink.h"

static void
add_totals(struct sheet *sh, struct fanout *f)
{
	const struct fanout_totals *t = fanout_totals(f);

	sh->sessions += count_get(&t->opened);
	for (int i = 0; i < HOW_NHOWS; i++)
		sh->ended[i] += count_get(&t->ended[i]);
	for (int d = 0; d < DIR_NDIRS; d++) {
		sh->bytes[d] += count_get(&t->bytes[d]);
		sh->gap_bytes[d] += count_get(&t->gap_bytes[d]);
		sh->lost_bytes[d] += count_get(&t->lost_bytes[d]);
	}
	sh->conflicts += count_get(&t->conflicts);
}

static void
add_lane(struct sheet_sink *s, const struct sink_lane *lane)
{
	s->name = lane->sink->name;
	s->kind = lane->sink->ops->kind;
	s->offered += count_get(&lane->count.offered);
	s->written += count_get(&lane->count.written);
	s->missed += count_get(&lane->count.missed);
	for (int r = 0; r < DROP_NREASONS; r++) {
		s->drop_bytes[r] += count_get(&lane->count.drop_bytes[r]);
		s->drop_chunks[r] += count_get(&lane->count.drop_chunks[r]);
	}
}

/* What was offered and has not come out at either end. */
static uint64_t
queued(const struct sheet_sink *s)
{
	uint64_t out = s->written;

	for (int r = 0; r < DROP_NREASONS; r++)
		out += s->drop_bytes[r];
	/* Counters of other threads may run ahead of the one read first. */
	return s->offered > out ? s->offered - out : 0;
}

int
sheet_take(struct sheet *sh, struct fanout *const *fans, size_t n)
{
	uint64_t closed = 0;

	memset(sh, 0, sizeof(*sh));
	sh->nsinks = fanout_count(fans[0]);
	sh->sinks = calloc(sh->nsinks + 1, sizeof(*sh->sinks));
	if (sh->sinks == NULL)
		return -ENOMEM;
	for (size_t w = 0; w < n; w++) {
		add_totals(sh, fans[w]);
		for (size_t i = 0; i < sh->nsinks; i++)
			add_lane(&sh->sinks[i], fanout_lane(fans[w], i));
	}
	for (size_t i = 0; i < sh->nsinks; i++)
		sh->sinks[i].queued = queued(&sh->sinks[i]);
	for (int i = 0; i < HOW_NHOWS; i++)
		closed += sh->ended[i];
	sh->open = sh->sessions > closed ? sh->sessions - closed : 0;
	return 0;
}

void
sheet_done(struct sheet *sh)
{
	free(sh->sinks);
	sh->sinks = NULL;
	sh->nsinks = 0;
}

bool
sheet_has_loss(const struct sheet *sh)
{
	for (int d = 0; d < DIR_NDIRS; d++)
		if (sh->gap_bytes[d] > 0 || sh->lost_bytes[d] > 0)
			return true;
	for (size_t i = 0; i < sh->nsinks; i++) {
		if (sh->sinks[i].missed > 0 || sh->sinks[i].queued > 0)
			return true;
		for (int r = 0; r < DROP_NREASONS; r++)
			if (sh->sinks[i].drop_chunks[r] > 0 ||
			    sh->sinks[i].drop_bytes[r] > 0)
				return true;
	}
	return false;
}

bool
sheet_has_failure(const struct sheet *sh)
{
	for (size_t i = 0; i < sh->nsinks; i++)
		if (sh->sinks[i].drop_chunks[DROP_WRITE_ERROR] > 0 ||
		    sh->sinks[i].drop_bytes[DROP_WRITE_ERROR] > 0)
			return true;
	return false;
}

/* --- for people -------------------------------------------------------- */

static void
put_number(struct obuf *o, const char *before, uint64_t n, const char *after)
{
	char number[TEXT_NUMBER_MAX];

	obuf_printf(o, "%s%s%s", before, text_number(n, number), after);
}

static void
put_sessions(const struct sheet *sh, size_t width, struct obuf *o)
{
	obuf_printf(o, "%-*s  ", (int)width, "sessions");
	put_number(o, "", sh->sessions, "");
	for (int i = 0; i < HOW_NHOWS; i++)
		if (sh->ended[i] > 0) {
			obuf_printf(o, "  %s ", event_how_name((enum how)i));
			put_number(o, "", sh->ended[i], "");
		}
	if (sh->open > 0)
		put_number(o, "  open ", sh->open, "");
	obuf_putc(o, '\n');
}

static void
put_direction(const struct sheet *sh, enum dir d, size_t width, struct obuf *o)
{
	obuf_printf(o, "%-*s  ", (int)width, dir_name(d));
	put_number(o, "", sh->bytes[d], " bytes");
	if (sh->gap_bytes[d] > 0)
		put_number(o, ", ", sh->gap_bytes[d], " missing");
	if (sh->lost_bytes[d] > 0)
		put_number(o, ", ", sh->lost_bytes[d],
		    " not delivered (the receiver was gone)");
	obuf_putc(o, '\n');
}

static void
put_sink(const struct sheet_sink *s, size_t width, struct obuf *o)
{
	obuf_printf(o, "%-*s  ", (int)width, s->name);
	put_number(o, "offered ", s->offered, "");
	put_number(o, "  written ", s->written, "");
	for (int r = 0; r < DROP_NREASONS; r++)
		if (s->drop_chunks[r] > 0 || s->drop_bytes[r] > 0) {
			obuf_printf(
			    o, "  %s ", count_drop_name((enum drop_reason)r));
			put_number(o, "", s->drop_bytes[r], "");
		}
	if (s->queued > 0)
		put_number(o, "  queued ", s->queued, "");
	if (s->missed > 0)
		put_number(o, "  sessions missed ", s->missed, "");
	obuf_putc(o, '\n');
}

void
sheet_print(const struct sheet *sh)
{
	struct obuf o = { 0 };
	size_t width = strlen("sessions");

	for (size_t i = 0; i < sh->nsinks; i++)
		if (strlen(sh->sinks[i].name) > width)
			width = strlen(sh->sinks[i].name);
	put_sessions(sh, width, &o);
	put_direction(sh, DIR_CLIENT, width, &o);
	put_direction(sh, DIR_SERVER, width, &o);
	for (size_t i = 0; i < sh->nsinks; i++)
		put_sink(&sh->sinks[i], width, &o);
	/* There is nobody left to tell when stderr itself fails. */
	if (!o.failed && write(STDERR_FILENO, o.data, o.len) < 0)
		o.failed = true;
	obuf_done(&o);
}

/* --- for machines ------------------------------------------------------ */

static json_t *
json_of(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
ends_json(const struct sheet *sh)
{
	json_t *ends = json_object();

	/* A failed set leaves NULL in the tree; dumping then fails. */
	for (int i = 0; i < HOW_NHOWS; i++)
		(void)json_object_set_new(
		    ends, event_how_name((enum how)i), json_of(sh->ended[i]));
	return ends;
}

/* Decision 40's names; what only captures have is null or zero here. */
static json_t *
direction_json(const struct sheet *sh, enum dir d)
{
	uint64_t delivered = sh->bytes[d];

	return json_pack("{s:o, s:o, s:i, s:i, s:i, s:i, s:i, s:o, s:o}",
	    "received", json_of(delivered), "delivered", json_of(delivered),
	    "duplicate", 0, "differing", 0, "late", 0, "strays", 0, "held", 0,
	    "gap", json_of(sh->gap_bytes[d]), "undelivered",
	    json_of(sh->lost_bytes[d]));
}

static json_t *
sink_json(const struct sheet_sink *s)
{
	json_t *dropped = json_object();

	for (int r = 0; r < DROP_NREASONS; r++) {
		if (s->drop_chunks[r] == 0 && s->drop_bytes[r] == 0)
			continue;
		(void)json_object_set_new(dropped,
		    count_drop_name((enum drop_reason)r),
		    json_pack("{s:o, s:o}", "chunks",
			json_of(s->drop_chunks[r]), "bytes",
			json_of(s->drop_bytes[r])));
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "name", s->name,
	    "kind", s->kind, "offered", json_of(s->offered), "written",
	    json_of(s->written), "queued", json_of(s->queued),
	    "missed_sessions", json_of(s->missed), "dropped", dropped);
}

static json_t *
process_json(void)
{
	struct rusage ru;
	uint64_t ns;

	if (getrusage(RUSAGE_SELF, &ru) != 0)
		return json_null();
	ns = ((uint64_t)ru.ru_utime.tv_sec + (uint64_t)ru.ru_stime.tv_sec) *
	     1000000000;
	ns += ((uint64_t)ru.ru_utime.tv_usec + (uint64_t)ru.ru_stime.tv_usec) *
	      1000;
	return json_pack("{s:o, s:o}", "cpu_ns", json_of(ns), "max_rss_bytes",
	    json_of((uint64_t)ru.ru_maxrss * 1024));
}

static json_t *
sheet_json(const struct sheet *sh)
{
	json_t *sinks = json_array();

	for (size_t i = 0; i < sh->nsinks; i++)
		(void)json_array_append_new(sinks, sink_json(&sh->sinks[i]));
	return json_pack("{s:n, s:n, s:{s:o, s:o}, s:{s:o, s:o, s:o}, s:o, "
			 "s:o, s:o}",
	    "packets", "kernel", "bytes", "c2s", direction_json(sh, DIR_CLIENT),
	    "s2c", direction_json(sh, DIR_SERVER), "sessions", "total",
	    json_of(sh->sessions), "open", json_of(sh->open), "ends",
	    ends_json(sh), "conflicts", json_of(sh->conflicts), "sinks", sinks,
	    "process", process_json());
}

static int
write_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int
sheet_write(const struct sheet *sh, const char *path, struct err *err)
{
	json_t *root = sheet_json(sh);
	char *text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
	int fd, rc = -ENOMEM;

	json_decref(root);
	if (text == NULL)
		return err_set(err, rc, "--stats %s: out of memory", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = -errno;
		goto out;
	}
	rc = write_all(fd, text, strlen(text));
	if (rc == 0)
		rc = write_all(fd, "\n", 1);
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
out:
	free(text);
	if (rc != 0)
		return err_set(err, rc, "--stats %s: %s", path, strerror(-rc));
	return 0;
}
