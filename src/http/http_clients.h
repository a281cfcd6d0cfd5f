#ifndef HTTP_HTTP_CLIENTS_H
#define HTTP_HTTP_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/list.h"

/*
 * http_clients.h - the connections of the control plane, and how many and how
 * slow they may be.
 *
 * There is room for HTTP_CLIENTS_MAX.  When it is full, the connection that has
 * waited longest for its (next) request makes place: whoever opens connections
 * and says nothing keeps nobody out.  A request must be whole HTTP_REQUEST_NS
 * after the connection opened or the last answer was sent, and an answer that
 * ends must be taken within HTTP_ANSWER_NS.
 *
 * A connection is ended by shutting its socket down; whoever reads it closes
 * it then.
 */

/* Pages, streams, metrics servers and people with curl, with room to spare. */
#define HTTP_CLIENTS_MAX 64

#define HTTP_REQUEST_NS UINT64_C(30000000000)
#define HTTP_ANSWER_NS  UINT64_C(120000000000)

/**
 * enum http_client_state - What it does
 * @HTTP_CLIENT_ASKS:	A request is awaited, or half of it is here
 * @HTTP_CLIENT_HEARS:	It is being answered
 * @HTTP_CLIENT_FOLLOWS: It has a stream
 * @HTTP_CLIENT_SHUT:	Its socket was shut down
 */
enum http_client_state {
	HTTP_CLIENT_ASKS,
	HTTP_CLIENT_HEARS,
	HTTP_CLIENT_FOLLOWS,
	HTTP_CLIENT_SHUT,
};

/**
 * struct http_client - A connection
 * @node:	Private
 * @fd:		Its socket; not owned
 * @local:	Our end of it
 * @state:	See enum http_client_state
 * @since_ns:	When it came into this state, monotonic
 */
struct http_client {
	struct list node;
	int fd;
	struct addr local;
	enum http_client_state state;
	uint64_t since_ns;
};

/** struct http_clients - All of them; @n counts those not shut down. */
struct http_clients {
	struct list all;
	size_t n;
};

/** http_clients_init() - None yet. */
void http_clients_init(struct http_clients *cs);

/**
 * http_clients_add() - One more has come
 *
 * Return: NULL: there is no room for it, or no memory
 */
struct http_client *http_clients_add(
    struct http_clients *cs, int fd, uint64_t mono_ns) ATTR_WUNRES;

/** http_clients_find() - Whose socket is this?  NULL: nobody's. */
struct http_client *http_clients_find(const struct http_clients *cs, int fd);

/** http_clients_set() - It is in another state now. */
void http_clients_set(struct http_clients *cs, struct http_client *c,
    enum http_client_state state, uint64_t mono_ns);

/** http_clients_remove() - Its socket is about to be closed. */
void http_clients_remove(struct http_clients *cs, struct http_client *c);

/** http_clients_expire() - Shut down whoever was too slow, or gave up. */
void http_clients_expire(struct http_clients *cs, uint64_t mono_ns);

/** http_clients_look_gone() - It has at least stopped sending. */
bool http_clients_look_gone(const struct http_client *c);

#endif /* HTTP_HTTP_CLIENTS_H */
