#ifndef CONTROL_LINE_STATE_H
#define CONTROL_LINE_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <jansson.h>

#include "base/list.h"
#include "control/line.h"
#include "control/line_book.h"
#include "control/line_client.h"
#include "control/roster.h"
#include "core/news.h"

/*
 * line_state.h - the server of control/line.h, as its parts see it.
 *
 *	line.c		clients come and go, letters of sinks
 *	line_command.c	what clients ask for
 *	line_event.c	what they are told
 */

/**
 * struct line - The server
 * @door:	Where clients come in
 * @clients:	@nclients of them
 * @roster:	Tells when sessions come and go
 * @book:	What is known of them beside that
 * @timer:	Looks for what there is to note of sessions
 * @letters:	News on their way here; any thread
 * @bytes_out:	Said to clients
 * @refused:	Clients that were turned away
 * @is_full:	The last one was
 * @events_dropped: That nobody was told, for want of memory or time; any thread
 * @is_closed:	Nobody is served any more
 */
struct line {
	struct line_opts o;
	uv_tcp_t door;
	struct list clients;
	size_t nclients;
	struct roster_listener listener;
	struct line_book book;
	uv_timer_t timer;
	_Atomic size_t letters;
	uint64_t bytes_out;
	uint64_t refused;
	bool is_full;
	_Atomic uint64_t events_dropped;
	bool is_closed;
};

/** line_command() - Carry out a line of a client, and reply. */
void line_command(
    struct line *l, struct line_client *c, char *text, size_t len);

/** line_say() - Say @object to @c alone; takes the reference. */
void line_say(struct line *l, struct line_client *c, json_t *object_take);

/**
 * line_event() - A new event: {ts, cat, event}
 *
 * NULL without memory; then nothing is told.
 */
json_t *line_event(enum news_cat cat, const char *event);

/** line_publish() - To all who have subscribed, and to the log; takes it. */
void line_publish(struct line *l, json_t *event_take);

/**
 * line_sessions() - Those that are open, as list_sessions gives them
 * @most:	So many of them, the oldest first
 *
 * Return: NULL without memory
 */
json_t *line_sessions(struct line *l, size_t most);

/** line_stats() - The object of figures; NULL without memory. */
json_t *line_stats(struct line *l);

/** line_event_listen() - Tell what happens to sessions from now on. */
void line_event_listen(struct line *l);

/** line_event_news() - News of a sink, on the main thread. */
void line_event_news(struct line *l, const struct news *n);

/** line_event_notes() - Tell what happened to streams since the last time. */
void line_event_notes(struct line *l);

#endif /* CONTROL_LINE_STATE_H */
