#ifndef SINK_HUB_H
#define SINK_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#include "core/sink.h"

#include "net/mail.h"

#include "sink/hub_batch.h"
#include "sink/hub_ifaces.h"

/*
 * hub.h - a live capture that anybody may connect to, several at a time.
 *
 *	worker 0   port ─────────────┐        ┌─ client (queue, socket)
 *	worker 1   port ──(mail)──► hub ──────┼─ client
 *	worker n   port ──(mail)──►  │        └─ client
 *	             ▲               │
 *	             └── who listens ┘
 *
 * The hub lives on the first worker: listener, clients and their queues.  Each
 * worker has a port, which posts batches of whole records.  A client listens
 * to each port from a batch of its own on (join()), in which the port says what
 * somebody who comes in the middle has to know; so nothing is told twice, and
 * nothing is left out.  A port that nobody listens to need not make records at
 * all.
 *
 * Counted are the bytes that records stand for, once for each client that was
 * there to get them; once as no_consumer if none was.
 */

struct endpoint;
struct err;
struct hub;
struct sink_count;
struct worker;

/* Most clients at a time, however many descriptors there are. */
#define HUB_CLIENTS_MAX 64

/**
 * struct hub_opts - What a hub is made from
 * @at:		An ENDPOINT_LISTEN; lives as long as the hub, as do all texts
 * @name:	Of the sink, for messages
 * @limit:	Of each client's queue, bytes
 * @max_clients: Others wait in the kernel's queue
 * @on_full:	DROP: it misses batches; PAUSE: hub_full(); CLOSE: it is reset
 * @own:	Its connections are entered as ours (net/own.h)
 * @replay:	What is heard lies in the past
 * @known:	Interfaces known from the start, @nknown of them
 * @notice, @remark, @self: As in struct sink_env
 */
struct hub_opts {
	const struct endpoint *at;
	const char *name;
	size_t limit;
	unsigned max_clients;
	enum on_full on_full;
	bool own;
	bool replay;
	const struct packet_iface *known;
	size_t nknown;
	void (*notice)(void *self, const char *text);
	void (*remark)(void *self, const char *text);
	void *self;
};

/**
 * hub_new() - Listen; nobody is let in before the workers run
 *
 * A port that the system has chosen is told as a notice.
 *
 * Return: 0 or -errno with @err
 */
int hub_new(
    struct hub **hub, const struct hub_opts *o, struct err *err) ATTR_WUNRES;

/** hub_free() - All workers are gone, and all ports closed; NULL is a no-op. */
void hub_free(struct hub *h);

/** hub_ifaces() - Numbers of interfaces; see there which thread may add. */
struct hub_ifaces *hub_ifaces(struct hub *h);

/**
 * struct hub_port - Where one worker posts; private but for
 * @listeners:	Clients that listen to it; read-only
 * @join:	Set before hub_port_open(): @client begins to listen, post what
 *		it must know, with hub_batch.only.  Runs on the worker's thread,
 *		from its loop.
 * @flush:	Likewise: post what is collected; before @join
 * @self:	Passed to both
 */
struct hub_port {
	unsigned listeners;
	void (*join)(void *self, struct hub_client *client);
	void (*flush)(void *self);
	void *self;
	struct hub *hub;
	struct worker *worker;
	struct mail_box *box;
	size_t index;
	bool direct;
	bool finished;
	struct mail done;
};

/**
 * hub_port_open() - The port of @w; before any worker runs
 * @count:	Of its lane.  The first worker's is where the hub counts.
 *
 * Return: 0 or -errno
 */
int hub_port_open(struct hub_port *p, struct hub *h, struct worker *w,
    struct sink_count *count) ATTR_WUNRES;

/**
 * hub_port_close() - The worker runs no more, or never will
 *
 * The first worker's before those of others that have run.
 */
void hub_port_close(struct hub_port *p);

/**
 * hub_port_behind() - Is so much under way to the hub that no more may follow?
 *
 * Only where that is on another worker.
 */
bool hub_port_behind(const struct hub_port *p);

/**
 * hub_port_post() - To every client that listens
 * @b:		Borrowed
 *
 * Return: 0; -ENOMEM: it was not sent
 */
int hub_port_post(struct hub_port *p, const struct hub_batch *b) ATTR_WUNRES;

/** hub_port_full() - PAUSE: has any client to catch up? */
bool hub_port_full(const struct hub_port *p);

/** hub_port_turn() - See sink_ops.turn. */
uint64_t hub_port_turn(struct hub_port *p, uint64_t mono_ns);

/**
 * hub_port_finish() - Nothing more will be posted
 * @deadline_ns: Monotonic; for the queues of the clients
 *
 * When all ports have said so, each client gets its last statistics and FIN.
 */
void hub_port_finish(struct hub_port *p, uint64_t deadline_ns);

#endif /* SINK_HUB_H */
