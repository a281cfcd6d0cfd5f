#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hexdump.h"
#include "base/obuf.h"
#include "base/table.h"
#include "config/plan.h"
#include "config/sink_text.h"
#include "core/fanout.h"
#include "core/sink.h"
#include "core/source.h"
#include "run/kinds.h"
#include "run/sinks.h"

#include "scenario.h"
#include "whole.h"

/* Nothing here takes longer, however slow the machine. */
#define DRAIN_NS (60 * CLOCK_NS_PER_S)

static void
on_time(void *self, uint64_t ts_ns)
{
	/* When it wants to be called again: the scenario tells. */
	(void)fanout_turn(self, ts_ns);
}

static void
on_event(void *self)
{
	(void)self;
}

static void
on_full(void *self, int is_full)
{
	(void)self;
	(void)is_full;
	(void)fprintf(stderr, "player: \"full\" is for formats\n");
	abort();
}

static int
play(const char *path, const struct sinks *sinks, struct err *err)
{
	struct fanout *fan = fanout_new(sinks->v, sinks->n, NULL, err);
	struct scenario_hooks hooks = {
		.time = on_time,
		.event = on_event,
		.full = on_full,
		.self = fan,
	};
	int rc;

	if (fan == NULL)
		return -ENOMEM;
	rc = scenario_play(path, fan, &hooks, err);
	for (size_t i = 0; i < sinks->n; i++) {
		struct sink *sink = sinks->v[i];

		if (sink->ops->drain == NULL)
			continue;
		if (sink->ops->drain(sink, clock_mono_ns() + DRAIN_NS) != 0)
			abort();
	}
	fanout_free(fan);
	return rc;
}

/* The plan's only sink is made as the program itself would. */
static int
make_and_play(const char *path, const struct plan *plan, struct err *err)
{
	static const struct source_ops ops = { .name = "proxy" };
	struct source source = { .ops = &ops };
	struct source *const sources[] = { &source };
	struct sink_env env = { .start_ns = SCENARIO_START_NS };
	const struct sinks_from from = { plan, sources, &env };
	struct sinks sinks;
	int rc = sinks_make(&sinks, &from, err);

	if (rc != 0)
		return rc;
	rc = play(path, &sinks, err);
	sinks_free(&sinks);
	return rc;
}

static bool
is_text(const struct obuf *o)
{
	for (size_t i = 0; i < o->len; i++) {
		if (!TABLE_IS_PRINT(o->data[i]) && o->data[i] != '\n')
			return false;
	}
	return o->len == 0 || o->data[o->len - 1] == '\n';
}

static int
read_file(const char *name, struct obuf *o)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0) {
		uint8_t *room = obuf_room(o, 65536);

		n = room == NULL ? -1 : read(fd, room, 65536);
		if (n > 0)
			o->len += (size_t)n;
	}
	if (fd >= 0)
		(void)close(fd); /* only read */
	return n < 0 ? -EIO : 0;
}

static int
show_file(const char *name)
{
	struct obuf file = { 0 };
	struct obuf dump = { 0 };
	const struct obuf *shown = &file;
	int rc = read_file(name, &file);

	(void)printf("== %s, %zu bytes\n", name, file.len);
	if (!is_text(&file)) {
		hexdump_put(&dump, 0, file.data, file.len);
		shown = &dump;
	}
	if (shown->len > 0 && fwrite(shown->data, shown->len, 1, stdout) != 1)
		rc = -EIO;
	obuf_done(&dump);
	obuf_done(&file);
	return rc;
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int
show_folder(struct err *err)
{
	char here[] = ".";
	char *roots[] = { here, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *e;
	int rc = 0;

	if (fts == NULL)
		return err_set(err, -errno, "the folder cannot be read");
	while (rc == 0 && (e = fts_read(fts)) != NULL) {
		if (e->fts_info == FTS_F)
			rc = show_file(e->fts_path + 2);
	}
	(void)fts_close(fts); /* nothing is left to fail */
	return rc == 0 ? 0 : err_set(err, rc, "a file cannot be read");
}

int
whole_play(const char *path, const char *spec, struct err *err)
{
	struct sink_text_kinds kinds = { 0 };
	struct sink_spec wanted;
	struct plan plan;
	int rc;

	clock_init();
	kinds.kinds = kinds_all(&kinds.n);
	rc = sink_text_parse(&wanted, spec, &kinds, err);
	if (rc != 0)
		return rc;
	plan_init(&plan);
	rc = plan_add_sink(&plan, &wanted);
	if (rc == 0 && plan_add_source(&plan, PLAN_PROXY, NULL) == NULL)
		rc = err_set(err, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = make_and_play(path, &plan, err);
	plan_done(&plan);
	return rc == 0 ? show_folder(err) : rc;
}
