#ifndef RECORDER_H
#define RECORDER_H

#include "../net/loopback.h"

#include "base/err.h"
#include "core/fanout.h"
#include "core/session.h"
#include "net/pipe.h"

/*
 * A sink that checks what it is told, byte by byte: each direction carries a
 * pattern of its own, so that a byte that is lost, doubled, out of place or
 * of the other direction is found where it happens.
 */

/** recorder_byte() - The byte at @off of direction @dir. */
static inline uint8_t
recorder_byte(enum dir dir, uint64_t off)
{
	uint64_t x = (off + 1) * 0x9E3779B97F4A7C15ULL;

	return (uint8_t)((x >> 56) + dir);
}

/**
 * struct recorder - See above
 * @off:	Bytes that came, by direction
 * @chunks:	How often they came in memory, or as a count
 * @takes:	How often in a pipe
 * @full:	What the sink says of its queue
 * @wants:	What it says when it is asked by session (recorder_ask())
 * @refuses:	It does not want sessions
 */
struct recorder {
	struct sink sink;
	struct sink_ops ops;
	uint64_t off[DIR_NDIRS];
	unsigned chunks;
	unsigned takes;
	unsigned opened;
	unsigned ends;
	unsigned closed;
	struct end end[DIR_NDIRS];
	enum how reason;
	enum party first;
	uint64_t lost[DIR_NDIRS];
	bool full;
	bool wants;
};

static inline int
recorder_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	(void)w;
	(void)err;
	lane->self = lane->sink->self;
	return 0;
}

static inline void
recorder_lane_free(struct sink_lane *lane)
{
	(void)lane;
}

static inline int
recorder_open(struct sink_lane *lane, void *st, const struct session *s)
{
	struct recorder *r = lane->self;

	(void)st;
	(void)s;
	assert_int_equal(r->opened, 0);
	r->opened++;
	return 0;
}

/* Nothing comes after an end, and nothing is left out or said twice. */
static inline void
recorder_expect(struct recorder *r, const struct chunk *c)
{
	assert_int_equal(c->off, r->off[c->dir]);
	assert_true(c->len > 0);
	assert_int_equal(r->closed, 0);
	r->off[c->dir] += c->len;
}

static inline void
recorder_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct recorder *r = lane->self;

	(void)st;
	(void)s;
	recorder_expect(r, c);
	r->chunks++;
	if (c->data == NULL) {
		assert_int_equal(r->ops.need, NEED_NOTHING);
		assert_false(r->wants);
		return;
	}
	for (size_t i = 0; i < c->len; i++)
		if (c->data[i] != recorder_byte(c->dir, c->off + i))
			fail_msg("%s: a wrong byte at %ju", dir_name(c->dir),
			    (uintmax_t)(c->off + i));
}

static inline void
recorder_take(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c, void *pipe)
{
	struct recorder *r = lane->self;
	struct pipe *p = pipe;
	uint64_t off = c->off;
	uint8_t buf[4096];
	ssize_t n;

	(void)st;
	(void)s;
	recorder_expect(r, c);
	r->takes++;
	assert_int_equal(p->fill, c->len);
	while ((n = read(p->rd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++, off++)
			if (buf[i] != recorder_byte(c->dir, off))
				fail_msg("%s: a wrong byte at %ju",
				    dir_name(c->dir), (uintmax_t)off);
	}
	assert_int_equal(off, c->off + c->len);
	p->fill = 0;
	pipe_return(p);
}

static inline void
recorder_discard(struct sink_lane *lane, void *pipe)
{
	(void)lane;
	pipe_return(pipe);
}

static inline void
recorder_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	struct recorder *r = lane->self;

	(void)st;
	(void)s;
	assert_int_equal(e->off, r->off[e->dir]);
	r->end[e->dir] = *e;
	r->ends++;
}

static inline void
recorder_close(struct sink_lane *lane, void *st, const struct session *s)
{
	struct recorder *r = lane->self;

	(void)st;
	r->closed++;
	r->reason = (enum how)s->reason;
	r->first = (enum party)s->first;
	for (int d = 0; d < DIR_NDIRS; d++)
		r->lost[d] = session_lost_bytes(s, (enum dir)d);
}

static inline bool
recorder_full(const struct sink_lane *lane)
{
	const struct recorder *r = lane->self;

	return r->full;
}

static inline enum need
recorder_need_session(const struct sink_lane *lane, const void *st)
{
	const struct recorder *r = lane->self;

	(void)st;
	return r->wants ? NEED_MEMORY : NEED_NOTHING;
}

/** recorder_init() - With what it needs of the bytes; pauses when full. */
static inline void
recorder_init(struct recorder *r, enum need need)
{
	memset(r, 0, sizeof(*r));
	r->ops = (struct sink_ops){
		.kind = "recorder",
		.need = need,
		.lane_new = recorder_lane_new,
		.lane_free = recorder_lane_free,
		.open = recorder_open,
		.data = recorder_data,
		.take = recorder_take,
		.discard = recorder_discard,
		.end = recorder_end,
		.close = recorder_close,
		.full = recorder_full,
	};
	r->sink.ops = &r->ops;
	r->sink.on_full = ON_FULL_PAUSE;
	r->sink.self = r;
}

/** recorder_ask() - One that needs bytes of its session now and then. */
static inline void
recorder_ask(struct recorder *r)
{
	recorder_init(r, NEED_NOTHING);
	r->ops.need_session = recorder_need_session;
}

/**
 * recorder_send() - Send what @fd takes of the stream of @dir, up to @most
 *
 * Return: bytes sent, 0 when none are taken at the moment
 */
static inline size_t
recorder_send(int fd, enum dir dir, uint64_t off, size_t most)
{
	static uint8_t buf[256 * 1024];
	size_t len = most < sizeof(buf) ? most : sizeof(buf);
	ssize_t n;

	for (size_t i = 0; i < len; i++)
		buf[i] = recorder_byte(dir, off + i);
	n = send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	return n > 0 ? (size_t)n : 0;
}

/**
 * recorder_recv() - Receive up to @most bytes of @dir and check them
 *
 * Return: bytes; 0 at the end of the stream; -1 when there are none yet,
 *	   else -errno
 */
static inline ssize_t
recorder_recv(int fd, enum dir dir, uint64_t off, size_t most)
{
	static uint8_t buf[256 * 1024];
	size_t len = most < sizeof(buf) ? most : sizeof(buf);
	ssize_t n = recv(fd, buf, len, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? -1 : -errno;
	for (ssize_t i = 0; i < n; i++)
		if (buf[i] != recorder_byte(dir, off + (uint64_t)i))
			fail_msg("%s: a wrong byte arrived at %ju",
			    dir_name(dir), (uintmax_t)off + (uintmax_t)i);
	return n;
}

#endif /* RECORDER_H */
