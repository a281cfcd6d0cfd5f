#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/obuf.h"

#include "core/count.h"

#include "net/socket.h"
#include "net/worker.h"

#include "sink/hub.h"
#include "sink/hub_client.h"
#include "sink/hub_door.h"
#include "sink/hub_transit.h"
#include "sink/outq.h"
#include "sink/outq_lane.h"

/*
 * How it works.  All but the ports runs on the first worker's thread.  A
 * client takes a seat at each port when it comes (sink/hub_seat.h), which says
 * which batches it gets, and is freed when all its seats are empty again.
 *
 * The hub has a box of its own, since the worker's closes as soon as that one
 * is told to end, when other workers may still have batches to post.  It is
 * open until the last port has finished: whatever was posted is counted.
 *
 * How it ends.  Workers go on when a sink is taken out of a run, so that each
 * port has to know when no letter for it is under way: the last is a farewell,
 * sent when all ports have finished.  Letters of seats that were before it on
 * that way have been answered then, into the hub's box; that has closed, and
 * they are taken out of it with the first port, which frees their clients.  At
 * the end of a run a worker may be gone before such letters reach it; they are
 * delivered with what is left of the worker, and take the same way.
 */

/* After which a client that takes nothing is not waited for at the end. */
#define LINGER_NS (2 * CLOCK_NS_PER_S)

/**
 * enum hub_state - What it does
 *
 * IDLE	Its worker does not run yet: letters wait.  SERVES; or DEAF.
 * SERVES Clients come, listen and go.  ENDS when its own port has finished.
 * ENDS	Nobody is let in.  Those who are there get what other ports still have
 *	to say, until all have finished or time is up: OVER.
 * OVER	Nobody listens any more; queues go out.  When all ports have finished:
 *	CLOSES.
 * CLOSES The box is closed, the ports have their farewell.  GONE when the loop
 *	has let go of the handles.
 * GONE	Nothing but queues is on the loop.
 * DEAF	The worker never ran, or its loop refused the box: nobody ever came.
 */
enum hub_state {
	HUB_IDLE,
	HUB_SERVES,
	HUB_ENDS,
	HUB_OVER,
	HUB_CLOSES,
	HUB_GONE,
	HUB_DEAF,
};

/**
 * struct hub - See hub.h
 * @door:	Listeners
 * @box:	Batches and letters from the ports
 * @late:	Fires when whatever is left is cut off, at @deadline_ns
 * @outq:	Queues of the clients
 * @scratch:	For what the clients put together
 * @clients:	All of them; @nliving have a queue
 * @nstarted:	Ports whose workers run,
 * @ndone:	and that have finished
 * @transit:	Bytes in the box
 * @full:	PAUSE: some client has to catch up,
 * @waiter:	and this tells when one has
 */
struct hub {
	struct hub_opts o;
	enum hub_state state;
	struct hub_door door;
	struct mail_box box;
	uv_timer_t late;
	uint64_t deadline_ns;
	struct outq_lane outq;
	struct sink_count *count;
	struct hub_ifaces ifaces;
	struct obuf scratch;
	struct list clients;
	unsigned nliving;
	struct hub_port **ports;
	size_t nports;
	_Atomic size_t nstarted;
	size_t ndone;
	struct hub_transit transit;
	_Atomic bool full;
	struct worker *worker;
	struct worker_waiter waiter;
};

static void
set_state(struct hub *h, enum hub_state to)
{
	static const unsigned leads_to[] = {
		[HUB_IDLE] = 1U << HUB_SERVES | 1U << HUB_DEAF,
		[HUB_SERVES] = 1U << HUB_ENDS,
		[HUB_ENDS] = 1U << HUB_OVER,
		[HUB_OVER] = 1U << HUB_CLOSES,
		[HUB_CLOSES] = 1U << HUB_GONE,
		[HUB_GONE] = 0,
		[HUB_DEAF] = 0,
	};

	assert((leads_to[h->state] & 1U << to) != 0);
	h->state = to;
}

/* Nobody listens any more. */
static bool
is_over(const struct hub *h)
{
	return h->state >= HUB_OVER;
}

/* --- room -------------------------------------------------------------- */

/* When it is over they may be gone, and nobody waits for it. */
static void
tell_room(const struct hub *h)
{
	for (size_t i = 0; i < h->nports && !is_over(h); i++)
		worker_room(h->ports[i]->worker);
}

/* Whether traffic has to wait is asked by all workers, and decided here. */
static void
update_full(struct hub *h)
{
	if (h->o.on_full != ON_FULL_PAUSE || is_over(h))
		return;
	if (outq_lane_full(&h->outq)) {
		atomic_store(&h->full, true);
		worker_wait_room(h->worker, &h->waiter);
	} else if (atomic_exchange(&h->full, false)) {
		tell_room(h);
	}
}

static void
on_room(struct worker_waiter *waiter)
{
	update_full(ATTR_CONTAINER(waiter, struct hub, waiter));
}

bool
hub_port_full(const struct hub_port *p)
{
	struct hub *h = p->hub;

	return atomic_load(&h->full) ||
	       (!p->direct && hub_transit_wait(&h->transit));
}

bool
hub_port_behind(const struct hub_port *p)
{
	return !p->direct && hub_transit_is_full(&p->hub->transit);
}

/* --- clients ----------------------------------------------------------- */

static void
let_in(struct hub *h)
{
	if (h->state == HUB_SERVES && h->nliving < h->o.max_clients)
		hub_door_lift(&h->door);
}

/* Its queue is not its any more; @c may be freed. */
static void
let_go(struct hub *h, struct hub_client *c)
{
	c->q = NULL;
	h->nliving--;
	hub_client_leave(c);
	let_in(h);
	update_full(h);
}

static void
throw_out(struct hub *h, struct hub_client *c)
{
	outq_abort(c->q);
	let_go(h, c);
}

static void
on_gone(void *self, int error)
{
	struct hub_client *c = self;

	(void)error;
	throw_out(c->hub, c);
}

/*
 * It has ended its side: only talking to it tells whether it still listens.
 * Otherwise those who have gone would keep their places in quiet times.
 */
static void
on_answered(void *self)
{
	hub_client_stats(self);
}

/* Return: 0; or -errno, and @fd is closed */
static int
plug_in(struct hub *h, struct hub_client *c, int fd)
{
	int rc;

	c->hub = h;
	c->q = outq_new(&h->outq, &(struct outq_opts){
				      .limit = h->o.limit,
				      .absent = OUTQ_DROP,
				      .gone = on_gone,
				      .answered = on_answered,
				      .self = c,
				  });
	if (c->q == NULL) {
		socket_reset(fd);
		return -ENOMEM;
	}
	rc = outq_attach(c->q, fd);
	if (rc == 0)
		rc = hub_client_greet(c);
	if (rc != 0)
		outq_abort(c->q);
	return rc;
}

static void
on_accept(
    void *self, int fd, const struct addr *peer, const struct addr *listener)
{
	struct hub *h = self;
	uint64_t from_ns = clock_mono_ns();
	struct hub_client *c =
	    hub_client_new(&h->ifaces, &h->scratch, h->o.replay, h->nports);

	(void)listener;
	if (c == NULL) {
		socket_reset(fd);
		return;
	}
	socket_tune_accepted(fd, peer);
	if (plug_in(h, c, fd) != 0) {
		hub_client_free(c);
		return;
	}
	list_append(&h->clients, &c->node);
	h->nliving++;
	hub_client_sit(c, h->ports);
	hub_door_pause(&h->door, from_ns);
	worker_touch(h->worker);
}

/* --- batches ----------------------------------------------------------- */

static void
count_drop(const struct hub *h, enum drop_reason why, const struct hub_batch *b)
{
	count_add(&h->count->drop_bytes[why], b->payload);
	count_add(&h->count->drop_chunks[why], b->chunks);
}

static void
give(struct hub *h, struct hub_client *c, const struct hub_batch *b)
{
	int rc = hub_client_give(c, b);

	if (rc == 0)
		return;
	if (rc == -ENOMEM)
		count_drop(h, DROP_QUEUE_FULL, b);
	throw_out(h, c);
}

static void
offer(struct hub *h, struct hub_client *c, const struct hub_batch *b)
{
	if (h->o.on_full == ON_FULL_PAUSE || !outq_full(c->q)) {
		give(h, c, b);
		return;
	}
	count_drop(h, DROP_QUEUE_FULL, b);
	if (h->o.on_full == ON_FULL_CLOSE)
		throw_out(h, c);
	else
		hub_client_miss(c, b);
}

/* To all that listen to a port; how many. */
static size_t
spread(struct hub *h, size_t port, const struct hub_batch *b)
{
	struct list *at, *next;
	size_t n = 0;

	for (at = h->clients.next; at != &h->clients; at = next) {
		struct hub_client *c = LIST_ENTRY(at, struct hub_client, node);

		next = at->next;
		if (c->q == NULL || c->seats[port].state != HUB_SEAT_SEATED)
			continue;
		n++;
		offer(h, c, b);
	}
	return n;
}

/* The fan-out has counted @b as offered once. */
static void
take(struct hub *h, size_t port, const struct hub_batch *b)
{
	size_t n;

	if (b->only != NULL) {
		/* Never too much: it is bounded by the sessions there are. */
		if (b->only->q != NULL)
			give(h, b->only, b);
		return;
	}
	n = spread(h, port, b);
	if (n == 0)
		count_drop(h, is_over(h) ? DROP_CLOSING : DROP_NO_CONSUMER, b);
	else
		count_add(&h->count->offered, (n - 1) * b->payload);
	update_full(h);
}

static void
on_block(struct mail *m)
{
	struct hub_block *k = ATTR_CONTAINER(m, struct hub_block, mail);
	struct hub *h = k->port->hub;

	take(h, k->port->index, &k->batch);
	if (hub_transit_leave(&h->transit, k->batch.len))
		tell_room(h);
	free(k);
}

int
hub_port_post(struct hub_port *p, const struct hub_batch *b)
{
	struct hub_block *k;

	if (p->direct) {
		take(p->hub, p->index, b);
		return 0;
	}
	k = hub_batch_copy(b);
	if (k == NULL)
		return -ENOMEM;
	k->mail.deliver = on_block;
	k->port = p;
	hub_transit_enter(&p->hub->transit, b->len);
	mail_send(&p->hub->box, &k->mail);
	return 0;
}

/* --- the end ----------------------------------------------------------- */

/*
 * The loop lets go of handles in its own time, of all that were closed in a
 * turn at once; the next turn is asked whether it is over.
 */
static void
on_closed(uv_handle_t *handle)
{
	struct hub *h = handle->data;

	set_state(h, HUB_GONE);
	worker_touch(h->worker);
}

static void
on_farewell(struct mail *m)
{
	struct hub_port *p = ATTR_CONTAINER(m, struct hub_port, farewell);

	p->over = true;
	worker_touch(p->worker);
}

/* No letter will be sent to a port any more. */
static void
say_farewell(const struct hub *h)
{
	for (size_t i = 0; i < h->nports; i++) {
		struct hub_port *p = h->ports[i];

		p->farewell.deliver = on_farewell;
		if (!p->direct)
			worker_post(p->worker, &p->farewell);
	}
}

/* All ports have finished: no letter comes that matters. */
static void
close_hub(struct hub *h)
{
	set_state(h, HUB_CLOSES);
	mail_close(&h->box);
	uv_close((uv_handle_t *)&h->late, on_closed);
	say_farewell(h);
}

/* Whatever was there for the clients has come, or there is no more time. */
static void
end(struct hub *h)
{
	struct list *at, *next;

	set_state(h, HUB_OVER);
	list_remove(&h->waiter.node);
	(void)uv_timer_stop(&h->late); /* cannot fail */
	for (at = h->clients.next; at != &h->clients; at = next) {
		struct hub_client *c = LIST_ENTRY(at, struct hub_client, node);

		next = at->next;
		c->over = true;
		if (c->q == NULL)
			continue;
		hub_client_stats(c);
		outq_finish(c->q, OUTQ_FIN);
		let_go(h, c);
	}
	/* Holds the loop until the last of them is out. */
	outq_lane_finish(&h->outq, h->deadline_ns);
}

static void
on_late(uv_timer_t *timer)
{
	end(timer->data);
}

static void
port_is_done(struct hub *h)
{
	if (++h->ndone < atomic_load(&h->nstarted))
		return;
	if (h->state == HUB_ENDS)
		end(h);
	if (h->state == HUB_OVER)
		close_hub(h);
}

static void
on_done(struct mail *m)
{
	port_is_done(ATTR_CONTAINER(m, struct hub_port, done)->hub);
}

/* The hub's own port has finished: the others have until the deadline. */
static void
begin_end(struct hub *h, uint64_t deadline_ns)
{
	uint64_t now_ns = clock_mono_ns();
	uint64_t ms = deadline_ns > now_ns
			  ? (deadline_ns - now_ns) / CLOCK_NS_PER_MS + 1
			  : 0;

	set_state(h, HUB_ENDS);
	h->deadline_ns = deadline_ns;
	hub_door_close(&h->door);
	/* The others end without being waited for by anybody. */
	if (deadline_ns == CLOCK_NEVER)
		return;
	uv_update_time(worker_loop(h->worker));
	(void)uv_timer_start(&h->late, on_late, ms, 0); /* has a callback */
}

void
hub_port_finish(struct hub_port *p, uint64_t deadline_ns)
{
	struct hub *h = p->hub;

	p->flush(p->self);
	p->finished = true;
	if (!p->direct) {
		p->done.deliver = on_done;
		mail_send(&h->box, &p->done);
		return;
	}
	if (h->state == HUB_SERVES)
		begin_end(h, deadline_ns);
	else
		say_farewell(h);
	port_is_done(h);
}

bool
hub_port_is_over(const struct hub_port *p)
{
	const struct hub *h = p->hub;

	if (!p->direct)
		return p->over;
	return h->state == HUB_DEAF ||
	       (h->state == HUB_GONE && outq_lane_finished(&h->outq));
}

uint64_t
hub_port_turn(struct hub_port *p, uint64_t mono_ns)
{
	struct hub *h = p->hub;
	uint64_t due, door;

	if (!p->direct)
		return CLOCK_NEVER;
	door = hub_door_due(&h->door, mono_ns);
	let_in(h);
	due = outq_lane_turn(&h->outq, mono_ns);
	return door < due ? door : due;
}

/* --- life -------------------------------------------------------------- */

/* At the end, one for which traffic waits may take its time, as it takes. */
static void
init_queues(struct hub *h)
{
	bool waits = h->o.on_full == ON_FULL_PAUSE;

	outq_lane_init(&h->outq, h->worker, h->count, waits ? LINGER_NS : 0);
	h->outq.patient = waits;
	h->outq.own = h->o.own;
}

int
hub_port_open(struct hub_port *p, struct hub *h, struct worker *w,
    struct sink_count *count)
{
	struct hub_port **ports =
	    realloc(h->ports, (h->nports + 1) * sizeof(struct hub_port *));

	if (ports == NULL)
		return -ENOMEM;
	h->ports = ports;
	p->hub = h;
	p->worker = w;
	p->box = &h->box;
	p->index = h->nports;
	p->direct = p->index == 0;
	if (p->direct) {
		h->worker = w;
		h->count = count;
		init_queues(h);
	}
	h->ports[h->nports++] = p;
	return 0;
}

static void
say_trouble(const struct hub *h, int error)
{
	char words[HUB_DOOR_WORDS];

	hub_door_trouble(h->o.name, error, words);
	h->o.notice(h->o.self, words);
}

/* On the first worker's thread. */
static void
start(struct hub *h)
{
	uv_loop_t *loop = worker_loop(h->worker);
	int rc = mail_open(&h->box, loop);

	if (rc != 0) {
		set_state(h, HUB_DEAF);
		say_trouble(h, rc);
		return;
	}
	(void)uv_timer_init(loop, &h->late); /* always 0 */
	h->late.data = h;
	set_state(h, HUB_SERVES);
	rc = gate_start(&h->door.gate, loop, on_accept, h);
	if (rc != 0)
		say_trouble(h, rc);
	gate_lift(&h->door.gate);
}

void
hub_port_start(struct hub_port *p)
{
	struct hub *h = p->hub;

	(void)atomic_fetch_add(&h->nstarted, 1);
	if (p->direct)
		start(h);
}

void
hub_port_close(struct hub_port *p)
{
	struct hub *h = p->hub;

	if (!p->direct)
		return;
	/* Batches that nobody hears, and seats that come home. */
	if (h->state == HUB_IDLE)
		set_state(h, HUB_DEAF);
	mail_done(&h->box);
}

struct hub_ifaces *
hub_ifaces(struct hub *h)
{
	return &h->ifaces;
}

static void
say_where(const struct hub *h)
{
	void (*say)(void *self, const char *text) =
	    h->o.at->port == 0 ? h->o.notice : h->o.remark;
	char words[HUB_DOOR_WORDS];

	hub_door_words(&h->door, h->o.name, words);
	say(h->o.self, words);
}

int
hub_new(struct hub **hub, const struct hub_opts *o, struct err *err)
{
	struct hub *h = calloc(1, sizeof(*h));
	int rc = -ENOMEM;

	if (h == NULL)
		return err_set(err, rc, "no memory for a sink");
	h->o = *o;
	h->waiter.room = on_room;
	list_init(&h->clients);
	list_init(&h->waiter.node);
	rc = mail_prepare(&h->box);
	if (rc != 0) {
		(void)err_set(err, rc, "no memory for a sink");
		goto fail;
	}
	rc = hub_ifaces_init(&h->ifaces, o->known, o->nknown);
	if (rc != 0) {
		(void)err_set(err, rc, "no memory for a sink");
		goto fail_ifaces;
	}
	rc = hub_door_open(&h->door, o->at, o->own, err);
	if (rc != 0)
		goto fail_ifaces;
	say_where(h);
	*hub = h;
	return 0;

fail_ifaces:
	hub_ifaces_done(&h->ifaces);
	mail_done(&h->box);
fail:
	free(h);
	return rc;
}

void
hub_free(struct hub *h)
{
	if (h == NULL)
		return;
	hub_door_close(&h->door);
	/* Else the first port has done that. */
	if (h->nports == 0)
		mail_done(&h->box);
	assert(list_is_empty(&h->clients));
	hub_ifaces_done(&h->ifaces);
	obuf_done(&h->scratch);
	free(h->ports);
	free(h);
}
