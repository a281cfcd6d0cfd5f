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
#include "sink/outq.h"
#include "sink/outq_lane.h"

/*
 * How it works.  All but the ports runs on the first worker's thread.  A
 * client takes a seat at each port when it comes (sink/hub_seat.h), which says
 * which batches it gets, and is freed when all its seats are empty again.
 *
 * The hub has a box of its own, since the worker's closes as soon as that one
 * is told to end, when other workers may still have batches to post.  When all
 * ports have finished, or time is up, clients are ended and the box closes.
 */

/*
 * Most bytes between the workers and the hub: 64 chunks of a relay's largest
 * read, so that a busy first worker does not cost the others anything.
 */
#define TRANSIT_MAX ((size_t)16 << 20)

/* After which a client that takes nothing is not waited for at the end. */
#define LINGER_NS (2 * CLOCK_NS_PER_S)

/* Longest words about the listener: some addresses and a name. */
#define WORDS_MAX 512

/**
 * struct hub - See hub.h
 * @door:	Listeners
 * @box:	Batches and letters from the ports
 * @late:	Fires when whatever is left is cut off, at @deadline_ns
 * @outq:	Queues of the clients
 * @scratch:	For what the clients put together
 * @clients:	All of them; @nliving have a queue
 * @ndone:	Ports that have finished
 * @started:	The first worker's port is open
 * @over:	Nobody is served any more
 * @transit:	Bytes under way to the hub
 * @crowded:	Some port waits for less of them
 * @full:	PAUSE: some client has to catch up,
 * @waiter:	and this tells when one has
 */
struct hub {
	struct hub_opts o;
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
	size_t ndone;
	bool started;
	bool over;
	_Atomic size_t transit;
	_Atomic bool crowded;
	_Atomic bool full;
	struct worker *worker;
	struct worker_waiter waiter;
};

/** struct block - A batch on its way, with its shares and bytes behind it. */
struct block {
	struct mail mail;
	struct hub_port *port;
	struct hub_batch batch;
	struct hub_share shares[];
};

/* --- room -------------------------------------------------------------- */

static void
tell_room(const struct hub *h)
{
	for (size_t i = 0; i < h->nports; i++)
		worker_room(h->ports[i]->worker);
}

/* Whether traffic has to wait is asked by all workers, and decided here. */
static void
update_full(struct hub *h)
{
	if (h->o.on_full != ON_FULL_PAUSE)
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

	if (atomic_load(&h->full))
		return true;
	if (!hub_port_behind(p))
		return false;
	/* In this order: whoever makes room looks at it afterwards. */
	atomic_store(&h->crowded, true);
	return hub_port_behind(p);
}

bool
hub_port_behind(const struct hub_port *p)
{
	return !p->direct && atomic_load(&p->hub->transit) >= TRANSIT_MAX;
}

static void
leave_transit(struct hub *h, size_t len)
{
	size_t left = atomic_fetch_sub(&h->transit, len) - len;

	if (left < TRANSIT_MAX / 2 && atomic_exchange(&h->crowded, false))
		tell_room(h);
}

/* --- clients ----------------------------------------------------------- */

/* Freed when no letter is under way any more. */
static void
free_if_empty(struct hub_client *c)
{
	for (size_t i = 0; i < c->nseats; i++)
		if (c->seats[i].state != HUB_SEAT_EMPTY)
			return;
	list_remove(&c->node);
	hub_client_free(c);
}

/* It has gone; @c may be freed. */
static void
clear_seats(const struct hub *h, struct hub_client *c)
{
	for (size_t i = 0; i < c->nseats; i++)
		if (c->seats[i].state == HUB_SEAT_SEATED)
			hub_seat_give_up(&c->seats[i], h->over);
	free_if_empty(c);
}

static void
on_home(struct hub_seat *seat)
{
	struct hub_client *c = seat->client;

	if (c->q == NULL)
		clear_seats(c->hub, c);
}

/* Its queue is not its any more; @c may be freed. */
static void
let_go(struct hub *h, struct hub_client *c)
{
	c->q = NULL;
	h->nliving--;
	clear_seats(h, c);
	if (!h->over)
		gate_lift(&h->door.gate);
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
seat(struct hub *h, struct hub_client *c)
{
	list_append(&h->clients, &c->node);
	h->nliving++;
	for (size_t i = 0; i < h->nports; i++) {
		c->seats[i].client = c;
		c->seats[i].port = h->ports[i];
		c->seats[i].home = on_home;
	}
	/* It may be gone already by what the first of them posts. */
	for (size_t i = 0; i < h->nports && c->q != NULL; i++)
		hub_seat_ask(&c->seats[i]);
	if (c->q == NULL)
		clear_seats(h, c);
}

static void
on_accept(
    void *self, int fd, const struct addr *peer, const struct addr *listener)
{
	struct hub *h = self;
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
	seat(h, c);
	if (h->nliving == h->o.max_clients)
		gate_shut(&h->door.gate);
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
	if (hub_client_give(c, b) == 0)
		return;
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
		count_drop(h, h->over ? DROP_CLOSING : DROP_NO_CONSUMER, b);
	else
		count_add(&h->count->offered, (n - 1) * b->payload);
	update_full(h);
}

static void
on_block(struct mail *m)
{
	struct block *k = ATTR_CONTAINER(m, struct block, mail);
	struct hub *h = k->port->hub;

	take(h, k->port->index, &k->batch);
	leave_transit(h, k->batch.len);
	free(k);
}

int
hub_port_post(struct hub_port *p, const struct hub_batch *b)
{
	size_t shares = b->nshares * sizeof(b->shares[0]);
	struct block *k;
	uint8_t *data;

	if (p->direct) {
		take(p->hub, p->index, b);
		return 0;
	}
	k = malloc(sizeof(*k) + shares + b->len);
	if (k == NULL)
		return -ENOMEM;
	data = (uint8_t *)k->shares + shares;
	k->mail.deliver = on_block;
	k->port = p;
	k->batch = *b;
	k->batch.shares = k->shares;
	k->batch.data = data;
	if (shares > 0)
		memcpy(k->shares, b->shares, shares);
	if (b->len > 0)
		memcpy(data, b->data, b->len);
	(void)atomic_fetch_add(&p->hub->transit, b->len);
	mail_send(&p->hub->box, &k->mail);
	return 0;
}

/* --- the end ----------------------------------------------------------- */

/* Whatever was there for the clients has come. */
static void
end(struct hub *h)
{
	struct list *at, *next;

	if (h->over)
		return;
	h->over = true;
	for (at = h->clients.next; at != &h->clients; at = next) {
		struct hub_client *c = LIST_ENTRY(at, struct hub_client, node);

		next = at->next;
		if (c->q == NULL)
			continue;
		hub_client_stats(c);
		outq_finish(c->q, OUTQ_FIN);
		let_go(h, c);
	}
	uv_close((uv_handle_t *)&h->late, NULL);
	mail_close(&h->box);
	/* Holds the loop until the last of them is out. */
	if (!list_is_empty(&h->outq.all))
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
	if (++h->ndone == h->nports)
		end(h);
}

static void
on_done(struct mail *m)
{
	port_is_done(ATTR_CONTAINER(m, struct hub_port, done)->hub);
}

/* The hub's own worker ends: the others have until the deadline. */
static void
begin_end(struct hub *h, uint64_t deadline_ns)
{
	uint64_t now_ns = clock_mono_ns();
	uint64_t ms = deadline_ns > now_ns
			  ? (deadline_ns - now_ns) / CLOCK_NS_PER_MS + 1
			  : 0;

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
	begin_end(h, deadline_ns);
	port_is_done(h);
}

uint64_t
hub_port_turn(struct hub_port *p, uint64_t mono_ns)
{
	if (!p->direct)
		return CLOCK_NEVER;
	return outq_lane_turn(&p->hub->outq, mono_ns);
}

/* --- life -------------------------------------------------------------- */

/* At the end, one for which traffic waits may take its time, as it takes. */
static void
start_queues(struct hub *h, struct worker *w, struct sink_count *count)
{
	bool waits = h->o.on_full == ON_FULL_PAUSE;

	outq_lane_init(&h->outq, w, count, waits ? LINGER_NS : 0);
	h->outq.patient = waits;
	h->outq.own = h->o.own;
}

/* On the first worker's loop; 0 or -errno. */
static int
start(struct hub *h, struct worker *w, struct sink_count *count)
{
	uv_loop_t *loop = worker_loop(w);
	int rc = mail_init(&h->box, loop);

	if (rc != 0)
		return rc;
	rc = gate_start(&h->door.gate, loop, on_accept, h);
	if (rc != 0) {
		mail_close(&h->box);
		mail_done(&h->box);
		return rc;
	}
	(void)uv_timer_init(loop, &h->late); /* always 0 */
	h->late.data = h;
	h->worker = w;
	h->count = count;
	h->waiter.room = on_room;
	start_queues(h, w, count);
	gate_lift(&h->door.gate);
	h->started = true;
	return 0;
}

int
hub_port_open(struct hub_port *p, struct hub *h, struct worker *w,
    struct sink_count *count)
{
	struct hub_port **ports =
	    realloc(h->ports, (h->nports + 1) * sizeof(struct hub_port *));
	int rc = 0;

	if (ports == NULL)
		return -ENOMEM;
	h->ports = ports;
	p->hub = h;
	p->worker = w;
	p->box = &h->box;
	p->index = h->nports;
	p->direct = p->index == 0;
	if (p->direct)
		rc = start(h, w, count);
	if (rc == 0)
		h->ports[h->nports++] = p;
	return rc;
}

/* No worker runs: batches and letters that came too late, of any port. */
static void
empty_box(struct hub *h)
{
	if (!h->over) {
		h->over = true;
		hub_door_close(&h->door);
		uv_close((uv_handle_t *)&h->late, NULL);
		mail_close(&h->box);
	}
	mail_done(&h->box);
	h->started = false;
}

void
hub_port_close(struct hub_port *p)
{
	struct hub *h = p->hub;

	/* The first is closed first, unless others were never used. */
	if (p->direct)
		empty_box(h);
	else if (h->started)
		h->nports--;
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
	char words[WORDS_MAX];

	hub_door_words(&h->door, h->o.name, words, sizeof(words));
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
	list_init(&h->clients);
	list_init(&h->waiter.node);
	if (hub_ifaces_init(&h->ifaces, o->known, o->nknown) != 0) {
		(void)err_set(err, rc, "no memory for a sink");
		goto fail;
	}
	rc = hub_door_open(&h->door, o->at, o->own, err);
	if (rc != 0)
		goto fail;
	say_where(h);
	*hub = h;
	return 0;

fail:
	hub_ifaces_done(&h->ifaces);
	free(h);
	return rc;
}

void
hub_free(struct hub *h)
{
	if (h == NULL)
		return;
	hub_door_close(&h->door);
	assert(list_is_empty(&h->clients));
	hub_ifaces_done(&h->ifaces);
	obuf_done(&h->scratch);
	free(h->ports);
	free(h);
}
