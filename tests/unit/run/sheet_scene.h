#ifndef SHEET_SCENE_H
#define SHEET_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/fake_sink.h"
#include "base/err.h"
#include "core/fanout.h"
#include "core/session.h"
#include "core/source.h"
#include "run/sheet.h"

/*
 * Sinks and workers whose figures a sheet shows.
 */

#define NWORKERS 2

/** struct fake_source - Gives packets, and has counted so many. */
struct fake_source {
	struct source source;
	struct tally tally;
};

static inline void
fake_tally(const struct source *src, struct tally *t)
{
	tally_add(t, &((const struct fake_source *)src)->tally);
}

static const struct source_ops silent_ops = { .name = "proxy" };
static const struct source_ops fake_ops = {
	.name = "tap",
	.packets = true,
	.tally = fake_tally,
};

/** struct scene - Two sinks, two workers, a session on each. */
struct scene {
	struct fake paused;
	struct fake dropping;
	struct sink *sinks[2];
	struct fanout *fan[NWORKERS];
	void *slots[NWORKERS];
	struct session s[NWORKERS];
	struct session_more more[NWORKERS];
	struct fake_source src;
	struct sheet sh;
	char dir[32];
	char path[64];
};

static char paused_name[] = "flows";
static char dropping_name[] = "a-long-name";

static inline int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	sc->src.source.ops = &silent_ops;
	fake_init(&sc->paused, NEED_NOTHING, ON_FULL_PAUSE);
	fake_init(&sc->dropping, NEED_MEMORY, ON_FULL_DROP);
	sc->paused.sink.name = paused_name;
	sc->dropping.sink.name = dropping_name;
	sc->sinks[0] = &sc->paused.sink;
	sc->sinks[1] = &sc->dropping.sink;
	for (int i = 0; i < NWORKERS; i++) {
		sc->fan[i] = fanout_new(sc->sinks, 2, NULL, NULL);
		assert_non_null(sc->fan[i]);
		sc->slots[i] = calloc(1, fanout_session_size(sc->fan[i]));
		assert_non_null(sc->slots[i]);
		session_init(&sc->s[i], sc->fan[i], sc->slots[i]);
		session_use_more(&sc->s[i], &sc->more[i]);
		sc->s[i].id = (uint64_t)i + 1;
		session_open(&sc->s[i]);
	}
	strcpy(sc->dir, "/tmp/test_sheet.XXXXXX");
	assert_non_null(mkdtemp(sc->dir));
	(void)snprintf(sc->path, sizeof(sc->path), "%s/stats", sc->dir);
	*state = sc;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct scene *sc = *state;

	sheet_done(&sc->sh);
	sheet_done(&sc->sh); /* idempotent */
	for (int i = 0; i < NWORKERS; i++) {
		fanout_free(sc->fan[i]);
		free(sc->slots[i]);
	}
	(void)unlink(sc->path);
	assert_int_equal(rmdir(sc->dir), 0);
	free(sc);
	return 0;
}

static inline void
feed(struct session *s, enum dir dir, size_t len)
{
	static const uint8_t bytes[4096];
	struct chunk c = {
		.dir = dir,
		.off = s->off[dir],
		.data = bytes,
		.len = len,
	};

	session_data(s, &c);
}

static inline void
take(struct scene *sc)
{
	const struct sheet_from from = {
		.name = "web",
		.src = &sc->src.source,
		.fans = sc->fan,
		.nfans = NWORKERS,
	};

	sheet_done(&sc->sh);
	assert_int_equal(sheet_take(&sc->sh, &from, 1, sc->sinks, 2), 0);
}

/* What a writer's thread would count. */
static inline void
write_all(struct scene *sc, uint64_t n)
{
	struct sink_lane *lane =
	    (struct sink_lane *)(uintptr_t)fanout_lane(sc->fan[0], 1);

	count_add(&lane->count.written, n);
}

/* offered = written + dropped + queued, for each sink. */
static inline void
expect_sums(const struct scene *sc)
{
	for (size_t i = 0; i < sc->sh.nsinks; i++) {
		const struct sheet_sink *s = &sc->sh.sinks[i];
		uint64_t sum = s->written + s->queued;

		for (int r = 0; r < DROP_NREASONS; r++)
			sum += s->drop_bytes[r];
		assert_int_equal(s->offered, sum);
	}
}

/* Every class has a number of its own, so that no two can be mixed up. */
static inline void
count_packets(struct scene *sc)
{
	struct tally *t = &sc->src.tally;

	sc->src.source.ops = &fake_ops;
	*t = (struct tally){
		.received = 1000 + 200 + 30 + 4 + 50,
		.sessions = 1000,
		.not_tcp = 200,
		.strays = 30,
		.fragments = 4,
		.undecodable = { { "truncated", 48 }, { "never", 0 },
		    { "bad_header", 2 } },
		.nreasons = 3,
		.filtered = 12345,
		.bad_checksums = 7,
		.has_kernel = true,
		.kernel_received = 2000,
	};
	for (uint64_t d = 0; d < DIR_NDIRS; d++) {
		t->payload[d].duplicate = 10 + d;
		t->payload[d].differing = 20 + d;
		t->payload[d].late = 30 + d;
		t->payload[d].strays = 40 + d;
		t->payload[d].held = 50 + d;
		t->payload[d].received = 150 + 5 * d;
	}
	t->payload[DIR_CLIENT].received += 130;
}

static inline json_int_t
number(const json_t *o, const char *key)
{
	const json_t *n = json_object_get(o, key);

	if (!json_is_integer(n))
		fail_msg("%s is no number", key);
	return json_integer_value(n);
}

/* What sheet_print() writes to standard error. */
static inline void
printed(const struct scene *sc, char *out, size_t size)
{
	int fd = open(sc->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	int old = dup(STDERR_FILENO);
	ssize_t n;

	assert_true(fd >= 0 && old >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	sheet_print(&sc->sh);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	n = pread(fd, out, size - 1, 0);
	assert_true(n >= 0);
	out[n] = '\0';
	close(fd);
	close(old);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif /* SHEET_SCENE_H */
