#ifndef SOURCE_PROXY_H
#define SOURCE_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/endpoint.h"

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
struct fanout;
struct proxy;
struct worker;

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
 * @zero_copy:	Pipes may be used
 * @orderly:	Sessions that we cut end with FIN instead of RST
 * @names:	Look names up before a session opens
 * @max_sessions: Accept no more than so many; 0: no limit
 * @max_bytes:	Per session, both directions; 0: no limit
 * @idle_timeout_ns: 0: none
 * @finished:	@max_sessions are over.  Not called after proxy_stop().
 * @stopped:	After proxy_stop(): no session is left, nothing will come.
 * @self:	Passed to these two.  Each is called at most once, on some
 *		worker's thread.
 */
struct proxy_opts {
	const struct proxy_pair *pairs;
	size_t npairs;
	uint64_t connect_timeout_ns;
	struct addr source;
	bool reuse_port;
	int backlog;
	bool zero_copy;
	bool orderly;
	bool names;
	uint64_t max_sessions;
	uint64_t max_bytes;
	uint64_t idle_timeout_ns;
	void (*finished)(void *self);
	void (*stopped)(void *self);
	void *self;
};

/**
 * proxy_new() - Open all listeners
 *
 * What needs privileges happens here and nowhere else.  Return: NULL with
 * @err filled in
 */
struct proxy *proxy_new(
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
    const struct proxy *p, struct proxy_listening *out, size_t max);

/**
 * proxy_limit() - So many sessions at once; others wait in the kernel's queue
 * @max_concurrent: > 0
 *
 * Before proxy_start().
 */
void proxy_limit(struct proxy *p, uint64_t max_concurrent);

/**
 * proxy_attach() - Give it the workers, before they are started
 * @workers:	@n of them, @n > 0; they outlive the proxy
 * @fans:	The fan-out of each
 *
 * Names of targets are looked up, and must exist.  Sets the workers' turn
 * hooks.  Return: 0 or -errno with @err
 */
int proxy_attach(struct proxy *p, struct worker *const *workers,
    struct fanout *const *fans, size_t n, struct err *err) ATTR_WUNRES;

/** proxy_start() - Accept; before or after the workers are started. */
void proxy_start(struct proxy *p);

/**
 * proxy_stop() - Accept no more, end every session
 * @linger_ns:	How long bytes under way may take to be delivered
 *
 * From any thread, once.  @stopped is called when the last one is over.
 */
void proxy_stop(struct proxy *p, uint64_t linger_ns);

/** proxy_live() - Sessions at the moment; from any thread. */
uint64_t proxy_live(const struct proxy *p);

/**
 * proxy_close() - Close all listeners when the workers will never run
 *
 * Or when they have ended without proxy_stop(): never while one runs.  Then
 * free the workers, then the proxy.
 */
void proxy_close(struct proxy *p);

/** proxy_free() - After the workers were freed; NULL is a no-op. */
void proxy_free(struct proxy *p);

#endif /* SOURCE_PROXY_H */
