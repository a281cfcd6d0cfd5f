#ifndef LINE_RIG_H
#define LINE_RIG_H

#include "../net/loopback.h"
#include "watch_rig.h"

#include <jansson.h>

#include "control/line.h"
#include "control/line_client.h"
#include "core/news.h"

/*
 * A server of lines, on the sessions of watch_rig.h, and clients that the test
 * is.  The local end is the sessions' client.
 */

/* More than any one line that is read. */
#define CALLER_ROOM ((size_t)1 << 20)

/**
 * struct line_rig - See above
 * @fds:	Descriptors before
 * @nlogged:	Events that were logged,
 * @logged:	and what the last one was
 */
struct line_rig {
	struct rig r;
	struct line *line;
	struct addr at;
	unsigned fds;
	unsigned nlogged;
	char logged[64];
};

/** struct caller - A client; @in holds @n bytes that it has not looked at. */
struct caller {
	int fd;
	bool over;
	char *in;
	size_t n;
};

static inline void
line_rig_stats(void *self, json_t *object)
{
	(void)self;
	(void)json_object_set_new(object, "pcap", json_object());
}

static inline void
line_rig_log(void *self, const char *what, const char *json)
{
	struct line_rig *lr = self;

	assert_int_equal(json[0], '{');
	lr->nlogged++;
	(void)snprintf(lr->logged, sizeof(lr->logged), "%s", what);
}

/* @stall_ns: see struct line_opts */
static inline void
line_rig_start_with(struct line_rig *lr, const char *token, uint64_t stall_ns)
{
	struct line_opts o = {
		.token = token,
		.stall_ns = stall_ns,
		.cats = 1U << NEWS_SESSION | 1U << NEWS_PORTS |
			1U << NEWS_OUTPUT | 1U << NEWS_CONTROL,
		.idle_ns = 120 * CLOCK_NS_PER_S,
		.stats = line_rig_stats,
		.log = line_rig_log,
		.self = lr,
	};
	struct err err = { "" };
	uv_loop_t first;
	int fd;

	memset(lr, 0, sizeof(*lr));
	/* The first loop of a process opens what all have in common. */
	assert_int_equal(uv_loop_init(&first), 0);
	assert_int_equal(uv_loop_close(&first), 0);
	lr->fds = loopback_fds();
	rig_start(&lr->r, 0, 0);
	lr->at = loopback_addr(AF_INET);
	fd = loopback_listen(&lr->at, 100);
	o.loop = &lr->r.loop;
	o.box = &lr->r.box;
	o.roster = lr->r.roster;
	o.watch = lr->r.watch;
	assert_int_equal(locals_parse(&o.locals, "192.0.2.1", &err), 0);
	lr->line = line_open(&o, fd, &err);
	assert_non_null(lr->line);
}

static inline void
line_rig_start(struct line_rig *lr, const char *token)
{
	line_rig_start_with(lr, token, 0);
}

static inline void
line_rig_turn(struct line_rig *lr)
{
	rig_turn_worker(&lr->r);
	loopback_turn(&lr->r.loop);
}

/** LINE_RIG_UNTIL() - Turn both loops until it holds; fails when late. */
#define LINE_RIG_UNTIL(lr, condition)                                          \
	do {                                                                   \
		uint64_t late_ = clock_mono_ns() + LOOPBACK_DEADLINE_NS;       \
		while (!(condition)) {                                         \
			if (clock_mono_ns() > late_)                           \
				fail_msg("never happened: %s", #condition);    \
			line_rig_turn(lr);                                     \
		}                                                              \
	} while (0)

/* Sessions that are still open are closed after the clients have gone. */
static inline void
line_rig_stop(struct line_rig *lr)
{
	line_close(lr->line);
	for (size_t i = 0; i < RIG_SESSIONS; i++)
		if (lr->r.session[i].open)
			rig_close(&lr->r, i);
	rig_settle(&lr->r);
	line_free(lr->line);
	rig_stop(&lr->r);
	assert_int_equal(loopback_fds(), lr->fds);
}

/* --- clients ------------------------------------------------------------ */

static inline void
caller_join(struct caller *c, const struct line_rig *lr)
{
	*c = (struct caller){ .fd = loopback_connect(&lr->at) };
	loopback_nonblock(c->fd);
	c->in = malloc(CALLER_ROOM);
	assert_non_null(c->in);
}

static inline void
caller_leave(struct caller *c)
{
	assert_int_equal(close(c->fd), 0);
	free(c->in);
}

/* All of it, while the server takes it. */
static inline void
caller_put(struct caller *c, struct line_rig *lr, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			line_rig_turn(lr);
			continue;
		}
		at += n;
		len -= (size_t)n;
	}
}

static inline void
caller_say(struct caller *c, struct line_rig *lr, const char *line)
{
	caller_put(c, lr, line, strlen(line));
	caller_put(c, lr, "\n", 1);
}

static inline void
caller_read(struct caller *c)
{
	ssize_t n = recv(c->fd, c->in + c->n, CALLER_ROOM - c->n, 0);

	if (n > 0)
		c->n += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		c->over = true;
}

static inline bool
caller_has_line(struct caller *c)
{
	if (memchr(c->in, '\n', c->n) == NULL)
		caller_read(c);
	return memchr(c->in, '\n', c->n) != NULL;
}

/* The next line, which is an object; NULL: the server has hung up. */
static inline json_t *
caller_hear(struct caller *c, struct line_rig *lr)
{
	json_error_t error;
	json_t *object;
	size_t len;

	LINE_RIG_UNTIL(lr, caller_has_line(c) || c->over);
	if (!caller_has_line(c)) {
		assert_int_equal(c->n, 0);
		return NULL;
	}
	len = (size_t)((char *)memchr(c->in, '\n', c->n) - c->in);
	object = json_loadb(c->in, len, 0, &error);
	if (!json_is_object(object))
		fail_msg("%.*s: %s", (int)len, c->in, error.text);
	c->n -= len + 1;
	memmove(c->in, c->in + len + 1, c->n);
	return object;
}

static inline const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* The next one is this event. */
static inline json_t *
caller_event(struct caller *c, struct line_rig *lr, const char *event)
{
	json_t *object = caller_hear(c, lr);

	assert_non_null(object);
	assert_string_equal(text_of(object, "event"), event);
	return object;
}

static inline void
caller_expect(struct caller *c, struct line_rig *lr, const char *event)
{
	json_decref(caller_event(c, lr, event));
}

/* The reply; nothing else comes before it. */
static inline json_t *
caller_ask(struct caller *c, struct line_rig *lr, const char *line)
{
	caller_say(c, lr, line);
	return caller_event(c, lr, "control_reply");
}

/* What it is, but for the time: compact, keys in order. */
static inline void
assert_object(json_t *object_take, const char *want)
{
	char *text;

	(void)json_object_del(object_take, "ts");
	text = json_dumps(object_take, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, want);
	free(text);
	json_decref(object_take);
}

static inline void
assert_reply(
    struct caller *c, struct line_rig *lr, const char *line, const char *want)
{
	assert_object(caller_ask(c, lr, line), want);
}

static inline void
assert_error(struct caller *c, struct line_rig *lr, const char *error)
{
	json_t *event = caller_event(c, lr, "control_error");

	assert_string_equal(text_of(event, "error"), error);
	json_decref(event);
}

/* A client that was greeted. */
static inline void
caller_come(struct caller *c, struct line_rig *lr)
{
	caller_join(c, lr);
	caller_expect(c, lr, "control_connected");
}

#endif /* LINE_RIG_H */
