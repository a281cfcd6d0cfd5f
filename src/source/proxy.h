#ifndef SOURCE_PROXY_H
#define SOURCE_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/endpoint.h"
#include "core/source.h"

/*
 * proxy.h - the source in the middle: accepts clients, connects them to
 * their servers, relays and has everything recorded.
 *
 * Threads.  Each pair of ends belongs to one worker, which accepts for it,
 * numbers the sessions, and deals them out to the worker with the fewest: a
 * session lives on one worker from its first byte to its last.  (A listener
 * that every worker polls would wake them all for each connection; one
 * descriptor per worker, by SO_REUSEPORT, would lose the connections queued
 * there when it is closed.)
 *
 *	listener ── gate ── worker 0 ─┬─ session, session, ...
 *	                              └─ mail ─► worker 1 ─ session, ...
 *
 * Life of a session: accepted, names looked up (if asked for), target
 * resolved, connected: then it is opened, relayed (source/relay.h), closed.  A
 * server that cannot be reached gets it opened and closed at once, and the
 * client is reset before it has heard a byte.
 */

struct err;

/**
 * struct proxy_pair - Two ends; all of it lives as long as the program
 * @label:	What records call the server; NULL: as endpoint_format() does
 */
struct proxy_pair {
	const struct endpoint *client;
	const struct endpoint *server;
	const char *label;
};

/**
 * struct proxy_opts - What a proxy is made from
 * @pairs:	@npairs of them, at least one; copied
 * @connect_timeout_ns: For each address of a target, > 0
 * @source:	Our address towards servers, port ignored; AF_UNSPEC: any
 * @reuse_port:	SO_REUSEPORT
 * @backlog:	listen(2)
 * @pipes:	That each worker may use; 0: bytes are copied
 * @orderly:	Sessions that we cut end with FIN instead of RST
 * @names:	Look names up before a session opens
 * @max_sessions: Accept no more than so many; 0: no limit
 * @max_bytes:	Per session, both directions; 0: no limit
 * @idle_timeout_ns: 0: none
 * @place:	See core/source.h
 * @events:	Likewise.  It is finished when @max_sessions are
 *		over; there is no trouble that is not some session's.
 */
struct proxy_opts {
	const struct proxy_pair *pairs;
	size_t npairs;
	uint64_t connect_timeout_ns;
	struct addr source;
	bool reuse_port;
	int backlog;
	unsigned pipes;
	bool orderly;
	bool names;
	uint64_t max_sessions;
	uint64_t max_bytes;
	uint64_t idle_timeout_ns;
	struct source_place place;
	struct source_events events;
};

/**
 * proxy_new() - Open all listeners
 *
 * What needs privileges happens here and nowhere else.  Names of targets are
 * looked up when workers are attached, and must exist.  Return: NULL with
 * @err filled in
 */
struct source *proxy_new(
    const struct proxy_opts *o, struct err *err) ATTR_WUNRES;

/**
 * struct proxy_listening - A listener, as it is shown at start
 * @addr:	With the port that the kernel chose
 * @for_server:	The server comes here (listen:), not the clients
 * @peer:	The other end of the pair, as its user wrote it; lives as long
 *		as the proxy
 */
struct proxy_listening {
	struct addr addr;
	bool for_server;
	const char *peer;
};

/**
 * proxy_listening() - What is listened at, in the order of the pairs
 * @out:	Room for @max of them
 *
 * Return: how many there are, which may be more than @max
 */
size_t proxy_listening(
    const struct source *src, struct proxy_listening *out, size_t max);

/**
 * proxy_limit() - So many sessions at once; others wait in the kernel's queue
 * @max_concurrent: > 0
 *
 * Before it is started.
 */
void proxy_limit(struct source *src, uint64_t max_concurrent);

/** proxy_live() - Sessions at the moment; from any thread. */
uint64_t proxy_live(const struct source *src);

#endif /* SOURCE_PROXY_H */
