#ifndef HTTP_HTTP_REQUEST_H
#define HTTP_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "base/obuf.h"
#include "http/http_route.h"

/*
 * http_request.h - a request, and the one answer that it gets.
 *
 * A handler answers by one of http_reply_...(), within the call or later, after
 * http_request_hold().  Headers are added after that, in the same call.  A
 * request that memory ran out for is closed without an answer.
 *
 * All of it happens on the main thread.
 */

struct MHD_Connection;
struct MHD_Response;
struct backend;
struct http_server;
struct http_stream;

/**
 * enum http_request_state - How far it is
 * @HTTP_REQUEST_COMES:	  Its body is being read.  Leaves when it is whole.
 * @HTTP_REQUEST_HANDLED: The handler runs.  Leaves by an answer or by
 *			  http_request_hold().
 * @HTTP_REQUEST_HELD:	  Its connection sleeps.  Leaves by an answer.
 * @HTTP_REQUEST_ANSWERED: There is an answer, which goes out.
 */
enum http_request_state {
	HTTP_REQUEST_COMES,
	HTTP_REQUEST_HANDLED,
	HTTP_REQUEST_HELD,
	HTTP_REQUEST_ANSWERED,
};

/**
 * struct http_request - To be read by handlers; written by the server alone
 * @backend:	What can be had done
 * @server:	Whose request it is
 * @match:	The route, and what stands for its "{}"
 * @body:	All of it, not ended by NUL
 * @path:	As asked for, without the query
 * @is_head:	HEAD: the answer's head is wanted
 * @is_change:	It is meant to change something
 * @state:	Private, and the rest
 * @node:	Among the held ones
 * @is_asleep:	Its connection is suspended
 * @read:	Bytes of the body that have come
 * @too_long:	They were more than is kept
 */
struct http_request {
	const struct backend *backend;
	struct http_server *server;
	struct http_route_match match;
	struct obuf body;
	const char *path;
	bool is_head;
	bool is_change;
	enum http_request_state state;
	struct MHD_Connection *connection;
	struct MHD_Response *response;
	unsigned status;
	bool is_sent;
	bool is_asleep;
	size_t read;
	bool too_long;
	struct list node;
	void (*cancel)(void *self);
	void *cancel_self;
};

/** http_request_param() - What the query says; NULL: nothing. */
const char *http_request_param(struct http_request *rq, const char *name);

/**
 * http_request_number() - A number in the query
 * @n:		Changed only if it is there
 *
 * Return: false: there is something that is no number of this range, and the
 *	   request has its answer (400)
 */
bool http_request_number(struct http_request *rq, const char *name,
    uint64_t min, uint64_t max, uint64_t *n) ATTR_WUNRES;

/**
 * http_request_word() - One of several words in the query
 * @words:	Ended by NULL
 * @i:		Changed only if it is there
 *
 * Return: as above
 */
bool http_request_word(struct http_request *rq, const char *name,
    const char *const *words, size_t *i) ATTR_WUNRES;

/**
 * http_request_hold() - The answer comes later; within the handler only
 * @cancel:	Called when the server closes: there will be no answer, @rq is
 *		not to be touched any more
 */
void http_request_hold(
    struct http_request *rq, void (*cancel)(void *self), void *self);

#endif /* HTTP_HTTP_REQUEST_H */
