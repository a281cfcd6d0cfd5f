#ifndef FANOUT_SCENE_H
#define FANOUT_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "core/fanout.h"
#include "fake_sink.h"

#define MAX_FAKES 8

/* Up to MAX_FAKES sinks, and sessions that they watch. */
struct scene {
	struct fake fake[MAX_FAKES];
	struct sink *sink[MAX_FAKES];
	size_t n;
	struct fanout *fan;
	struct session s;
	void *slots;
};

static inline void
add(struct scene *sc, enum need need, enum on_full on_full)
{
	assert_true(sc->n < MAX_FAKES);
	fake_init(&sc->fake[sc->n], need, on_full);
	sc->sink[sc->n] = &sc->fake[sc->n].sink;
	sc->n++;
}

static inline void
start(struct scene *sc)
{
	struct err err;

	sc->fan = fanout_new(sc->sink, sc->n, NULL, &err);
	assert_non_null(sc->fan);
}

static inline void
begin(struct scene *sc)
{
	if (sc->fan == NULL)
		start(sc);
	free(sc->slots);
	sc->slots = calloc(1, fanout_session_size(sc->fan));
	assert_non_null(sc->slots);
	session_init(&sc->s, sc->fan, sc->slots);
	sc->s.id = 7;
	session_open(&sc->s);
}

static inline void
feed(struct scene *sc, enum dir dir, size_t len, uint64_t ts_ns)
{
	static const uint8_t bytes[4096];
	struct chunk c = {
		.dir = dir,
		.off = sc->s.off[dir],
		.ts_ns = ts_ns,
		.len = len,
	};

	if (fanout_need(&sc->s) != NEED_NOTHING)
		c.data = bytes;
	session_data(&sc->s, &c);
}

static inline void
take(struct scene *sc, enum dir dir, size_t len)
{
	struct chunk c = { .dir = dir, .off = sc->s.off[dir], .len = len };

	session_take(&sc->s, &c, sc);
}

static inline void
lose(struct scene *sc, enum dir dir, uint64_t len, uint64_t ts_ns)
{
	struct gap g = { dir, sc->s.off[dir], ts_ns, len, GAP_LOST };

	session_gap(&sc->s, &g);
}

static inline void
finish(struct scene *sc)
{
	session_close(&sc->s, 99, HOW_FIN, PARTY_US);
}

static inline const struct sink_count *
counts(struct scene *sc, size_t i)
{
	return &fanout_lane(sc->fan, i)->count;
}

/* Offered, dropped in all, and chunks dropped, for one reason. */
static inline void
assert_drops(struct scene *sc, size_t i, enum drop_reason r, uint64_t bytes,
    uint64_t chunks)
{
	assert_int_equal(count_get(&counts(sc, i)->drop_bytes[r]), bytes);
	assert_int_equal(count_get(&counts(sc, i)->drop_chunks[r]), chunks);
}

#define ENDS0 "end c2s 0 fin by us;end s2c 0 fin by us;close fin;"

static inline int
set_up(void **state)
{
	*state = calloc(1, sizeof(struct scene));
	return *state == NULL ? -1 : 0;
}

static inline int
tear_down(void **state)
{
	struct scene *sc = *state;

	fanout_free(sc->fan);
	for (size_t i = 0; i < sc->n; i++)
		assert_int_equal(sc->fake[i].lanes, 0);
	free(sc->slots);
	free(sc);
	return 0;
}

#endif /* FANOUT_SCENE_H */
