#ifndef FEED_SCENE_H
#define FEED_SCENE_H

#include "live_rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/session.h"
#include "core/sink_spec.h"
#include "sink/feed.h"
#include "sink/outq_lane.h"

/** struct scene - The client's direction of session 7, and its consumer. */
struct scene {
	struct live live;
	struct outq_lane lane;
	struct session s;
	struct feed_opts o;
	struct feed feed;
	int consumer;
	unsigned gone;
	struct news_tally *tally;
	char news[256];
};

/* What the feed tells of its consumers, as words. */
static inline void
on_news(void *self, const struct news *n)
{
	struct scene *sc = self;
	size_t len = strlen(sc->news);

	(void)snprintf(sc->news + len, sizeof(sc->news) - len,
	    "%s %s %" PRIu64 " %s%s%s\n", n->kind,
	    n->type == NEWS_CAME ? "came" : "gone", n->session,
	    news_stream_name(n->stream), n->ended ? " ended" : "",
	    n->retry_ns != 0 ? " retries" : "");
	assert_int_equal(n->peer.family, AF_INET);
	assert_int_not_equal(n->peer.port, 0);
}

static inline int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	live_init(&sc->live);
	outq_lane_init(&sc->lane, sc->live.w, &sc->live.count, 0);
	sc->consumer = -1;
	sc->o = (struct feed_opts){
		.limit = 1000,
		.startup = { 8, 8 },
		.header = true,
		.kind = "connect",
		.retry_ns = 5,
		.tell = on_news,
		.tell_self = sc,
	};
	sc->s.id = 7;
	sc->s.client = loopback_addr(AF_INET);
	sc->s.client.port = 40112;
	sc->s.server = loopback_addr(AF_INET6);
	sc->s.server.port = 80;
	*state = sc;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct scene *sc = *state;

	if (sc->feed.q != NULL)
		feed_cut(&sc->feed);
	feed_done(&sc->feed);
	outq_lane_finish(&sc->lane, 0);
	(void)outq_lane_turn(&sc->lane, clock_mono_ns());
	if (sc->consumer >= 0)
		close(sc->consumer);
	assert_int_equal(live_settled(&sc->live), sc->s.bytes[DIR_CLIENT]);
	live_done(&sc->live);
	news_tally_unref(sc->tally);
	free(sc);
	return 0;
}

static inline void
make(struct scene *sc)
{
	const struct feed_what what = {
		.s = &sc->s,
		.dir = DIR_CLIENT,
		.stream = NEWS_RESPONSES,
		.tally = sc->tally,
	};

	assert_int_equal(feed_open(&sc->feed, &sc->lane, &sc->o, &what), 0);
}

/* The totals of a session include what its sinks are told. */
static inline void
say(struct scene *sc, const char *text)
{
	struct chunk c = {
		.dir = DIR_CLIENT,
		.off = sc->s.off[DIR_CLIENT],
		.len = strlen(text),
		.data = (const uint8_t *)text,
	};

	sc->s.off[DIR_CLIENT] += c.len;
	sc->s.bytes[DIR_CLIENT] += c.len;
	feed_put(&sc->feed, &c);
}

/* A gap: bytes that nobody has. */
static inline void
miss(struct scene *sc, uint64_t len)
{
	sc->s.off[DIR_CLIENT] += len;
}

static inline void
attach(struct scene *sc)
{
	int fd[2];

	loopback_pair(fd);
	sc->consumer = fd[1];
	assert_int_equal(outq_attach(sc->feed.q, fd[0]), 0);
}

/* What comes next; 0 at the end. */
static inline size_t
hear_some(struct scene *sc, char *buf, size_t size)
{
	ssize_t n = 0;

	/* What is short goes out when the turn ends. */
	(void)outq_lane_turn(&sc->lane, clock_mono_ns());
	LOOPBACK_STEP_UNTIL(
	    sc->live.w, (n = recv(sc->consumer, buf, size, MSG_DONTWAIT)) >= 0);
	return (size_t)n;
}

static inline void
hear(struct scene *sc, const char *want)
{
	char got[512];
	size_t n = 0, more = 1;

	while (more > 0 && n < strlen(want)) {
		more = hear_some(sc, got + n, sizeof(got) - 1 - n);
		n += more;
	}
	got[n] = '\0';
	assert_string_equal(got, want);
}

#define HEADER(offset)                                                         \
	"{\"v\":1,\"session\":7,\"dir\":\"c2s\",\"offset\":" offset            \
	",\"client\":\"127.0.0.1:40112\",\"server\":\"[::1]:80\"}\n"

#endif /* FEED_SCENE_H */
