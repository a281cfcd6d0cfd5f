#ifndef OUTQ_SCENE_H
#define OUTQ_SCENE_H

#include "live_rig.h"

#include "sink/outq.h"
#include "sink/outq_lane.h"

/*
 * A queue in a lane, its consumer at the other end of a socket, and the proof
 * that nothing that was put in has got lost between the counters.
 */

/** struct scene - A queue towards a consumer, and what it has told. */
struct scene {
	struct live live;
	struct outq_lane lane;
	struct outq *q;
	int consumer;
	unsigned gone;
	int error;
	unsigned answered;
	char answer[64];
	uint64_t put;
	const char *head;
	bool abort_on_answer;
};

static inline void
scene_on_gone(void *self, int error)
{
	struct scene *sc = self;

	sc->gone++;
	sc->error = error;
}

static inline void
scene_on_answer(void *self, const uint8_t *data, size_t len)
{
	struct scene *sc = self;
	size_t n = strlen(sc->answer);

	assert_true(n + len < sizeof(sc->answer));
	memcpy(sc->answer + n, data, len);
	if (sc->abort_on_answer) {
		outq_abort(sc->q);
		sc->q = NULL;
	}
}

static inline void
scene_on_answered(void *self)
{
	((struct scene *)self)->answered++;
}

static inline int
scene_set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	live_init(&sc->live);
	sc->consumer = -1;
	outq_lane_init(&sc->lane, sc->live.w, &sc->live.count, 0);
	*state = sc;
	return 0;
}

static inline uint64_t
scene_dropped(const struct scene *sc, enum drop_reason why)
{
	return live_dropped(&sc->live, why);
}

static inline int
scene_tear_down(void **state)
{
	struct scene *sc = *state;

	if (sc->q != NULL)
		outq_finish(sc->q, OUTQ_RST);
	outq_lane_finish(&sc->lane, 0);
	(void)outq_lane_turn(&sc->lane, clock_mono_ns());
	if (sc->consumer >= 0)
		close(sc->consumer);
	/* Nothing that was put in may have got lost between the counters. */
	assert_int_equal(live_settled(&sc->live), sc->put);
	live_done(&sc->live);
	free(sc);
	return 0;
}

static inline void
scene_put_head(void *self, struct obuf *out)
{
	obuf_puts(out, ((struct scene *)self)->head);
}

static inline void
scene_make(
    struct scene *sc, size_t limit, size_t startup, enum outq_absent absent)
{
	sc->q = outq_new(&sc->lane, &(struct outq_opts){
					.limit = limit,
					.startup = startup,
					.absent = absent,
					.head = scene_put_head,
					.gone = scene_on_gone,
					.answer = scene_on_answer,
					.answered = scene_on_answered,
					.self = sc,
				    });
	assert_non_null(sc->q);
}

static inline void
scene_attach(struct scene *sc, const char *head)
{
	int fd[2];

	loopback_pair(fd);
	loopback_small(fd[0]);
	loopback_small(fd[1]);
	if (sc->consumer >= 0)
		close(sc->consumer);
	sc->head = head;
	sc->consumer = fd[1];
	assert_int_equal(outq_attach(sc->q, fd[0]), 0);
}

static inline void
scene_put(struct scene *sc, const void *data, size_t len)
{
	(void)outq_put(sc->q, data, len, len);
	sc->put += len;
}

/* A record of text that stands for so many bytes. */
static inline void
scene_put_framed(struct scene *sc, const char *text, size_t payload)
{
	(void)outq_put(sc->q, text, strlen(text), payload);
	sc->put += payload;
}

/* Byte @i of an endless stream; its period is no power of two. */
static inline uint8_t
scene_byte_at(uint64_t i)
{
	return (uint8_t)(i % 251);
}

static inline void
scene_put_stream(struct scene *sc, uint64_t from, size_t len)
{
	uint8_t *data = malloc(len);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = scene_byte_at(from + i);
	scene_put(sc, data, len);
	free(data);
}

/* The end of a turn of the loop. */
static inline void
scene_end_turn(struct scene *sc)
{
	(void)outq_lane_turn(&sc->lane, clock_mono_ns());
}

/* What the consumer has got, up to @max; -1 after its end. */
static inline ssize_t
scene_hear(struct scene *sc, void *buf, size_t max)
{
	scene_end_turn(sc);

	ssize_t n = recv(sc->consumer, buf, max, MSG_DONTWAIT);

	if (n > 0)
		return n;
	return n == 0 ? -1 : 0;
}

static inline void
scene_hear_text(struct scene *sc, const char *want)
{
	char got[256] = "";
	size_t n = 0;

	LOOPBACK_STEP_UNTIL(sc->live.w,
	    (n += (size_t)scene_hear(sc, got + n, sizeof(got) - 1 - n)) >=
		strlen(want));
	assert_string_equal(got, want);
}

static inline void
scene_hear_stream(struct scene *sc, uint64_t from, uint64_t len)
{
	uint8_t buf[4096];
	uint64_t got = 0;

	while (got < len) {
		size_t want = len - got < sizeof(buf) ? len - got : sizeof(buf);
		ssize_t n = 0;

		LOOPBACK_STEP_UNTIL(
		    sc->live.w, (n = scene_hear(sc, buf, want)) != 0);
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(
			    buf[i], scene_byte_at(from + got + (uint64_t)i));
		got += (uint64_t)n;
	}
	assert_int_equal(got, len);
}

static inline void
scene_hear_end(struct scene *sc)
{
	char c;
	ssize_t n = 0;

	LOOPBACK_STEP_UNTIL(sc->live.w, (n = scene_hear(sc, &c, 1)) != 0);
	assert_int_equal(n, -1);
}

#endif /* OUTQ_SCENE_H */
