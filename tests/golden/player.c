#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/obuf.h"
#include "core/fanout.h"
#include "core/session.h"
#include "core/sink.h"
#include "sink/formats.h"

#include "scenario.h"
#include "whole.h"

/*
 * player - plays a scenario into a format, or into a whole sink.
 *
 *	player SCENARIO FORMAT[,utf8][,ascii][,color]
 *	player SCENARIO KIND:ARG[,key=value...]
 *
 * The sessions and the fan-out are the real ones.  Between them and a format
 * stands the smallest sink that there can be, whose clock is that of the
 * scenario; what the format writes is printed.  For whole sinks see whole.h.
 * Status 0: done; 1: a fault in the scenario or the sink; 2: usage.
 */

#define SESSIONS_MAX 64

/* What the sink keeps for a session; the format's state follows. */
struct slot {
	const struct session *s;
	uint64_t due; /* when idle() wants to be called; 0: not at all */
	_Alignas(max_align_t) uint8_t st[];
};

struct probe {
	struct sink_ops ops;
	const struct format *format;
	struct format_opts opts;
	struct obuf out;
	bool full;
	struct slot *slots[SESSIONS_MAX];
	size_t nslots;
};

static struct probe *
probe_of(const struct sink_lane *lane)
{
	return lane->sink->self;
}

static int
probe_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	(void)lane;
	(void)w;
	(void)err;
	return 0;
}

static void
probe_lane_free(struct sink_lane *lane)
{
	(void)lane;
}

static void
probe_free(struct sink *sink)
{
	(void)sink;
}

static int
probe_open(struct sink_lane *lane, void *st, const struct session *s)
{
	struct probe *p = probe_of(lane);
	struct slot *slot = st;

	if (p->nslots == SESSIONS_MAX)
		return -ENOMEM;
	p->slots[p->nslots++] = slot;
	slot->s = s;
	if (p->format->open != NULL)
		p->format->open(&p->opts, slot->st, s, &p->out);
	return 0;
}

static void
probe_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct probe *p = probe_of(lane);
	struct slot *slot = st;
	uint64_t silence = 0;

	if (p->format->data != NULL)
		silence = p->format->data(&p->opts, slot->st, s, c, &p->out);
	slot->due = silence == 0 ? 0 : c->ts_ns + silence;
}

static void
probe_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	struct probe *p = probe_of(lane);
	struct slot *slot = st;

	if (p->format->gap != NULL)
		p->format->gap(&p->opts, slot->st, s, g, &p->out);
}

static void
probe_conflict(struct sink_lane *lane, void *st, const struct session *s,
    const struct conflict *c)
{
	struct probe *p = probe_of(lane);
	struct slot *slot = st;

	if (p->format->conflict != NULL)
		p->format->conflict(&p->opts, slot->st, s, c, &p->out);
}

static void
probe_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	struct probe *p = probe_of(lane);
	struct slot *slot = st;

	if (p->format->end != NULL)
		p->format->end(&p->opts, slot->st, s, e, &p->out);
}

static void
probe_close(struct sink_lane *lane, void *st, const struct session *s)
{
	struct probe *p = probe_of(lane);
	struct slot *slot = st;

	if (p->format->close != NULL)
		p->format->close(&p->opts, slot->st, s, &p->out);
	for (size_t i = 0; i < p->nslots; i++) {
		if (p->slots[i] == slot)
			p->slots[i] = p->slots[--p->nslots];
	}
}

static bool
probe_full(const struct sink_lane *lane)
{
	return probe_of(lane)->full;
}

static const struct sink_ops probe_ops = {
	.kind = "probe",
	.lane_new = probe_lane_new,
	.lane_free = probe_lane_free,
	.free = probe_free,
	.open = probe_open,
	.data = probe_data,
	.gap = probe_gap,
	.conflict = probe_conflict,
	.end = probe_end,
	.close = probe_close,
	.full = probe_full,
};

static void
on_time(void *self, uint64_t ts_ns)
{
	struct probe *p = self;

	for (size_t i = 0; i < p->nslots; i++) {
		struct slot *slot = p->slots[i];

		if (slot->due == 0 || slot->due > ts_ns)
			continue;
		slot->due = 0;
		p->format->idle(&p->opts, slot->st, slot->s, &p->out);
	}
}

/* Formats get a buffer that others have written to, or an empty one. */
static void
on_event(void *self)
{
	struct probe *p = self;

	if (p->out.len > 0 && fwrite(p->out.data, p->out.len, 1, stdout) != 1)
		abort();
	obuf_clear(&p->out);
}

static void
on_full(void *self, int is_full)
{
	struct probe *p = self;

	p->full = is_full != 0;
}

/* FORMAT[,OPTION...]; changes @text. */
static int
parse(struct probe *p, char *text, struct err *err)
{
	char *rest = NULL;
	char *word = strtok_r(text, ",", &rest);

	p->format = word == NULL ? NULL : formats_find(word);
	if (p->format == NULL)
		return err_set(err, -EINVAL, "no format %s", text);
	while ((word = strtok_r(NULL, ",", &rest)) != NULL) {
		if (strcmp(word, "utf8") == 0)
			p->opts.utf8 = true;
		else if (strcmp(word, "ascii") == 0)
			p->opts.ascii = true;
		else if (strcmp(word, "color") == 0)
			p->opts.color = true;
		else
			return err_set(err, -EINVAL, "no option %s", word);
	}
	p->opts.start_ns = SCENARIO_START_NS;
	p->ops = probe_ops;
	p->ops.need = p->format->need;
	p->ops.session_size = sizeof(struct slot) + p->format->session_size;
	return 0;
}

static int
play(const char *path, struct probe *p, struct err *err)
{
	char name[] = "probe";
	struct sink sink = {
		.ops = &p->ops,
		.name = name,
		.on_full = ON_FULL_DROP,
		.self = p,
	};
	struct sink *sinks[] = { &sink };
	struct scenario_hooks hooks = {
		.time = on_time,
		.event = on_event,
		.full = on_full,
		.self = p,
	};
	struct fanout *fan = fanout_new(sinks, 1, NULL, err);
	int rc;

	if (fan == NULL)
		return -ENOMEM;
	rc = scenario_play(path, fan, &hooks, err);
	fanout_free(fan);
	obuf_done(&p->out);
	return rc;
}

static int
format_play(const char *path, char *spec, struct err *err)
{
	struct probe probe = { 0 };
	int rc = parse(&probe, spec, err);

	return rc == 0 ? play(path, &probe, err) : rc;
}

int
main(int argc, char **argv)
{
	struct err err = { "" };
	int rc;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: player SCENARIO SPEC\n");
		return 2;
	}
	/* Local times are those of the machine, but for this. */
	if (setenv("TZ", "UTC", 1) != 0)
		return 1;
	tzset();
	rc = strchr(argv[2], ':') == NULL ? format_play(argv[1], argv[2], &err)
					  : whole_play(argv[1], argv[2], &err);
	if (rc != 0)
		(void)fprintf(stderr, "player: %s\n", err.text);
	return rc == 0 && fflush(stdout) == 0 ? 0 : 1;
}
