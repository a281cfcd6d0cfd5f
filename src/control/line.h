#ifndef CONTROL_LINE_H
#define CONTROL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/addr.h"
#include "base/attr.h"
#include "core/locals.h"

/*
 * line.h - control by lines of JSON, as stethoscope's clients speak it.
 *
 *	{"cmd":"list_sessions"}		──►
 *	◄──	{"cat":"control","event":"control_reply","ok":true,...}
 *	◄──	{"cat":"session","event":"tcp_open","flow":{...},...}
 *
 * stethoscope(1) has the commands, their replies and the events.  On the main
 * thread, but for line_tell().
 *
 * Nobody holds it up, or keeps others out: a client that does not read is
 * dropped when too much waits for it (control/line_client.h), a line has at
 * most LINE_MAX_BYTES, and there are at most LINE_CLIENTS clients, of whom
 * LINE_STRANGERS may come from elsewhere, LINE_ALIKE from one address there.
 */

struct err;
struct line;
struct mail_box;
struct news;
struct roster;
struct sink_count;
struct uv_loop_s;
struct watch;

/* Longest command. */
#define LINE_MAX_BYTES ((size_t)64 * 1024)

/* Who comes then is turned away. */
#define LINE_CLIENTS   64
#define LINE_STRANGERS 48
#define LINE_ALIKE     16

/* Sessions that a client is told of when it comes, the oldest. */
#define LINE_SNAPSHOT 1000

/**
 * struct line_opts - What it is made from; all of it outlives it
 * @token:	For changes by clients from elsewhere; NULL: they cannot
 * @cats:	Bits of enum news_cat that a client gets at first
 * @locals:	Which end is the local one
 * @is_server:	It is the server
 * @idle_ns:	For "idle_timeout_120s"
 * @stall_ns:	Silence of one end that is noted while the other sends; 0:
 *		never
 * @loop:	The main thread's
 * @box:	Letters to it
 * @roster:	Of all sessions
 * @watch:	Likewise; to end them
 * @stats:	Adds what is not known here to the object of figures
 * @log:	An event or a line of figures: "session.tcp_open", {...}
 * @self:	Passed to both
 */
struct line_opts {
	const char *token;
	unsigned cats;
	struct locals locals;
	bool is_server;
	uint64_t idle_ns;
	uint64_t stall_ns;
	struct uv_loop_s *loop;
	struct mail_box *box;
	struct roster *roster;
	struct watch *watch;
	void (*stats)(void *self, json_t *object);
	void (*log)(void *self, const char *what, const char *json);
	void *self;
};

/**
 * line_open() - Listen; clients are served once the loop runs
 * @fd:		Listening socket, which is given away
 *
 * Return: NULL with @err
 */
struct line *line_open(
    const struct line_opts *o, int fd, struct err *err) ATTR_WUNRES;

/** line_started() - The service has: an event, with these fields; taken. */
void line_started(struct line *l, json_t *fields_take);

/** line_stopping() - ... is about to end. */
void line_stopping(struct line *l);

/** line_log_stats() - Log a line of figures now. */
void line_log_stats(struct line *l);

/** line_tell() - News of a sink; any thread.  NULL is a no-op. */
void line_tell(struct line *l, const struct news *n);

/**
 * line_close() - Let all clients go; before the loop ends; idempotent
 *
 * What happens later, when workers send what they have left, is logged.
 */
void line_close(struct line *l);

/** line_free() - After the loop, and its letters.  NULL is a no-op. */
void line_free(struct line *l);

#endif /* CONTROL_LINE_H */
