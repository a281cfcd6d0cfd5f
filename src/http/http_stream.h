#ifndef HTTP_HTTP_STREAM_H
#define HTTP_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "base/obuf.h"

/*
 * http_stream.h - an answer that does not end: server-sent events
 * (text/event-stream, WHATWG HTML, section 9.2).
 *
 *	http_stream_put() ──► queue ──► connection, as it takes it
 *	                                └─ sleeps while the queue is empty
 *
 * The queue is bounded: what does not fit is not taken, and its owner says
 * later what was left out.  A client that takes nothing for HTTP_STALL_NS
 * while there is something for it is cut off; one that has gone is found out
 * by a comment line that is sent now and then.
 */

struct MHD_Connection;
struct MHD_Response;
struct http_server;
struct http_stream;

#define HTTP_STREAM_TYPE "text/event-stream; charset=utf-8"

/* Bytes that may wait for a client; the last event may exceed it. */
#define HTTP_STREAM_QUEUE ((size_t)256 * 1024)

/* How often the owner is asked whether it has something to do. */
#define HTTP_STREAM_TICK_MS 50

/* Silence after which a comment is sent. */
#define HTTP_STREAM_QUIET_NS UINT64_C(15000000000)

/**
 * struct http_stream_ops - What its owner does
 * @tick:	Every HTTP_STREAM_TICK_MS
 * @gone:	The connection is over, or the server closes: nothing is called
 *		any more, and the stream is not to be touched
 */
struct http_stream_ops {
	void (*tick)(void *self, uint64_t mono_ns);
	void (*gone)(void *self);
};

/**
 * http_stream_new() - A stream that nobody gets yet
 *
 * It is given to a request with http_reply_stream(), in the same call.  Return:
 * NULL without memory
 */
struct http_stream *http_stream_new(struct http_server *server,
    const struct http_stream_ops *ops, void *self) ATTR_WUNRES;

/**
 * http_stream_put() - Send an event
 * @event:	Its name
 * @json:	@len bytes without a newline, save one that may end it
 *
 * Return: false: there is no room
 */
bool http_stream_put(struct http_stream *st, const char *event,
    const uint8_t *json, size_t len) ATTR_WUNRES;

/**
 * http_stream_widen() - The next events must get through: ends and their like
 *
 * For events that come a few times in a stream's life.
 */
void http_stream_widen(struct http_stream *st);

/** http_stream_waiting() - Bytes that the client has not taken. */
size_t http_stream_waiting(const struct http_stream *st);

/** http_stream_end() - When what waits is sent, the answer is over. */
void http_stream_end(struct http_stream *st);

/* --- the server's ------------------------------------------------------ */

/** http_stream_response() - What the library sends; NULL without memory. */
struct MHD_Response *http_stream_response(struct http_stream *st);

/** http_stream_attach() - The connection on which it is sent. */
void http_stream_attach(struct http_stream *st, struct MHD_Connection *c);

/**
 * http_stream_tick() - Time has passed
 * @looks_gone:	The client has at least stopped sending
 */
void http_stream_tick(
    struct http_stream *st, uint64_t mono_ns, bool looks_gone);

/** http_stream_of() - The stream whose @node, in the server's list, this is. */
struct http_stream *http_stream_of(struct list *node);

/** http_stream_connection() - NULL: it has none yet. */
struct MHD_Connection *http_stream_connection(const struct http_stream *st);

/** http_stream_cut() - The server closes: the answer ends where it is. */
void http_stream_cut(struct http_stream *st);

#endif /* HTTP_HTTP_STREAM_H */
