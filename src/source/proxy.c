#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/fanout.h"
#include "net/gate.h"
#include "net/pipe.h"
#include "net/socket.h"
#include "net/worker.h"
#include "source/caller.h"
#include "source/proxy.h"
#include "source/proxy_room.h"
#include "source/proxy_session.h"

/**
 * struct side_worker - What the proxy keeps per worker
 * @lane:	The sessions' part
 * @live:	Sessions dealt to it that are not over; read by all workers
 * @stop_mail:	stop()
 * @stopped:	Nothing new is taken any more
 * @limit_mail:	limit(); in the box while @limit_sent
 */
struct side_worker {
	struct proxy *proxy;
	struct proxy_lane lane;
	_Atomic uint64_t live;
	struct mail stop_mail;
	bool stopped;
	struct mail limit_mail;
	_Atomic bool limit_sent;
};

/**
 * struct run_pair - A pair at work, on one worker
 * @owner:	That worker; its thread alone touches the rest
 * @gate:	Where clients come in; unused when we call them
 * @caller:	Calls the client (dial:); unused when they come
 * @back_gate:	Where the server comes in (listen:)
 * @waiting:	Sessions that wait for a server
 * @calling:	A call is under way, or its session is not over
 * @lift_mail:	"A session is over: there may be room"; in the box while
 *		@lift_sent
 * @parked:	@has_parked: a client that was accepted when another pair had
 *		just taken the last place; the first to get the next one
 * @target, @client: Both ends, as their user wrote them
 */
struct run_pair {
	struct proxy *proxy;
	struct proxy_pair ends;
	struct side_worker *owner;
	struct gate gate;
	struct caller caller;
	struct gate back_gate;
	bool has_gate;
	bool has_caller;
	bool has_back_gate;
	struct list waiting;
	_Atomic bool calling;
	struct mail lift_mail;
	_Atomic bool lift_sent;
	struct proxy_arrival parked;
	bool has_parked;
	char target[ADDR_TEXT_MAX];
	char client[ADDR_TEXT_MAX];
};

/**
 * struct proxy - See proxy.h
 * @source:	What others see of it
 * @room:	How many sessions there are, of all workers, and may be
 * @max_bytes, @idle_ns: See struct source_limits
 * @unstopped:	Workers that have not heard of stop() yet
 * @told_finished, @told_stopped: The callback has been called
 */
struct proxy {
	struct source source;
	struct proxy_opts o;
	struct proxy_room room;
	_Atomic uint64_t max_bytes;
	_Atomic uint64_t idle_ns;
	struct run_pair *pairs;
	size_t npairs;
	struct side_worker *workers;
	size_t nworkers;
	_Atomic bool stopping;
	_Atomic size_t unstopped;
	_Atomic bool told_finished;
	_Atomic bool told_stopped;
	_Atomic uint64_t linger_ns;
};

/** struct handoff - A client on its way to another worker. */
struct handoff {
	struct mail mail;
	struct side_worker *to;
	struct proxy_arrival arrival;
};

static struct proxy *
proxy_of(struct source *src)
{
	return ATTR_CONTAINER(src, struct proxy, source);
}

static const struct proxy *
const_proxy_of(const struct source *src)
{
	return ATTR_CONST_CONTAINER(src, struct proxy, source);
}

static void
tell_if_over(struct proxy *p)
{
	if (!atomic_load(&p->room.closed) || atomic_load(&p->room.live) > 0)
		return;
	if (!atomic_load(&p->stopping)) {
		if (!atomic_exchange(&p->told_finished, true))
			p->o.events.finished(p->o.events.self);
	} else if (atomic_load(&p->unstopped) == 0 &&
		   !atomic_exchange(&p->told_stopped, true)) {
		p->o.events.stopped(p->o.events.self);
	}
}

static void arrived(struct run_pair *rp, const struct proxy_arrival *a);

/* --- on the pair's own worker ------------------------------------------ */

static void
drop_parked(struct run_pair *rp)
{
	if (rp->has_parked)
		socket_reset(rp->parked.fd);
	rp->has_parked = false;
}

static void
pair_shut(struct run_pair *rp)
{
	if (rp->has_gate)
		gate_shut(&rp->gate);
}

static void
pair_close(struct run_pair *rp)
{
	drop_parked(rp);
	if (rp->has_gate)
		gate_close(&rp->gate);
	if (rp->has_caller)
		caller_close(&rp->caller);
	if (rp->has_back_gate)
		gate_close(&rp->back_gate);
}

static void
on_lift(struct mail *m)
{
	struct run_pair *rp = ATTR_CONTAINER(m, struct run_pair, lift_mail);

	atomic_store(&rp->lift_sent, false);
	if (atomic_load(&rp->proxy->room.closed)) {
		/* Sessions of it may still wait behind the back gate. */
		drop_parked(rp);
		if (rp->has_gate)
			gate_close(&rp->gate);
		if (rp->has_caller)
			caller_close(&rp->caller);
		return;
	}
	if (rp->has_parked) {
		rp->has_parked = false;
		arrived(rp, &rp->parked);
	}
	if (!proxy_room_is_free(&rp->proxy->room))
		return;
	if (rp->has_gate)
		gate_lift(&rp->gate);
	if (rp->has_caller && !atomic_exchange(&rp->calling, true))
		caller_next(&rp->caller);
}

/* From any worker: look again whether there is room. */
static void
send_lift(struct run_pair *rp)
{
	if (!atomic_exchange(&rp->lift_sent, true))
		worker_post(rp->owner->lane.worker, &rp->lift_mail);
}

static void
lift_all(struct proxy *p)
{
	for (size_t i = 0; i < p->npairs; i++)
		send_lift(&p->pairs[i]);
}

/*
 * A server has come: to the session that has waited longest.  With none
 * waiting the gate is shut and the others stay in the kernel's queue.
 */
static void
on_server(
    void *self, int fd, const struct addr *peer, const struct addr *listener)
{
	struct run_pair *rp = self;
	struct list *node = list_shift(&rp->waiting);

	(void)listener;
	assert(node != NULL);
	if (list_is_empty(&rp->waiting))
		gate_shut(&rp->back_gate);
	proxy_session_server(proxy_session_of_wait(node), fd, peer);
}

/* --- sessions ---------------------------------------------------------- */

static void
begin(struct side_worker *sw, const struct proxy_arrival *a)
{
	struct run_pair *rp = &sw->proxy->pairs[a->pair];
	struct proxy_session *ps;

	ps = proxy_session_new(&sw->lane, a);
	if (ps == NULL)
		return;
	list_append(&rp->waiting, proxy_session_wait_node(ps));
	gate_lift(&rp->back_gate);
}

static void
on_over(void *self, size_t pair)
{
	struct side_worker *sw = self;
	struct proxy *p = sw->proxy;
	struct run_pair *rp = &p->pairs[pair];
	bool was_full;

	/* It may have been the last that waited for a server. */
	if (rp->has_back_gate && list_is_empty(&rp->waiting))
		gate_shut(&rp->back_gate);
	atomic_fetch_sub(&sw->live, 1);
	was_full = proxy_room_leave(&p->room);
	if (rp->has_caller) {
		atomic_store(&rp->calling, false);
		send_lift(rp);
	}
	if (was_full)
		lift_all(p);
	tell_if_over(p);
}

static void
on_handoff(struct mail *m)
{
	struct handoff *h = ATTR_CONTAINER(m, struct handoff, mail);
	struct side_worker *sw = h->to;

	if (sw->stopped)
		proxy_session_turn_away(&sw->lane, &h->arrival);
	else
		begin(sw, &h->arrival);
	free(h);
}

/*
 * The worker with the fewest sessions; ours wins a tie, it needs no hand-off.
 * A pair whose server comes to us keeps its sessions: they queue up with it.
 */
static struct side_worker *
choose(struct run_pair *rp)
{
	struct proxy *p = rp->proxy;
	struct side_worker *best = rp->owner;
	uint64_t least = atomic_load(&best->live), live;

	if (rp->has_back_gate)
		return best;
	for (size_t i = 0; i < p->nworkers; i++) {
		live = atomic_load(&p->workers[i].live);
		if (live < least) {
			least = live;
			best = &p->workers[i];
		}
	}
	return best;
}

static void
deal(struct run_pair *rp, const struct proxy_arrival *a)
{
	struct side_worker *to = choose(rp);
	struct handoff *h = NULL;

	if (to != rp->owner)
		h = malloc(sizeof(*h));
	if (h == NULL)
		to = rp->owner;
	atomic_fetch_add(&to->live, 1);
	if (h == NULL) {
		begin(to, a);
		return;
	}
	h->mail.deliver = on_handoff;
	h->to = to;
	h->arrival = *a;
	worker_post(to->lane.worker, &h->mail);
}

/* @a has everything but its number. */
static void
arrived(struct run_pair *rp, const struct proxy_arrival *a)
{
	struct proxy_arrival next = *a;
	struct proxy *p = rp->proxy;

	switch (proxy_room_enter(&p->room)) {
	case PROXY_ROOM_FULL:
		rp->parked = next;
		rp->has_parked = true;
		pair_shut(rp);
		return;
	case PROXY_ROOM_NO_MORE:
		socket_reset(next.fd);
		tell_if_over(p);
		return;
	case PROXY_ROOM_LAST:
		lift_all(p);
		pair_shut(rp);
		break;
	case PROXY_ROOM_ENTERED:
		if (!proxy_room_is_free(&p->room))
			pair_shut(rp);
		break;
	}
	next.id = source_number_session(p->o.place.numbers);
	deal(rp, &next);
}

static struct proxy_arrival
arrival_of(const struct run_pair *rp, int fd, const struct addr *peer)
{
	return (struct proxy_arrival){
		.pair = (size_t)(rp - rp->proxy->pairs),
		.fd = fd,
		.peer = *peer,
		.target = rp->target,
		.ts_ns = clock_event_ns(),
	};
}

static void
on_client(
    void *self, int fd, const struct addr *peer, const struct addr *listener)
{
	struct run_pair *rp = self;
	struct proxy_arrival a = arrival_of(rp, fd, peer);

	a.listen = *listener;
	arrived(rp, &a);
}

static void
on_answer(void *self, int fd, const struct addr *peer)
{
	struct run_pair *rp = self;
	struct proxy_arrival a = arrival_of(rp, fd, peer);

	socket_tune(fd, peer); /* no listener did it */
	arrived(rp, &a);
}

/* --- making ------------------------------------------------------------ */

static int
open_pair(struct proxy *p, struct run_pair *rp, struct err *err)
{
	struct socket_listen_opts lo = {
		.reuse_port = p->o.reuse_port,
		.backlog = p->o.backlog,
	};
	int rc;

	if (rp->ends.label != NULL)
		(void)snprintf(
		    rp->target, sizeof(rp->target), "%s", rp->ends.label);
	else
		(void)endpoint_format(rp->ends.server, rp->target);
	(void)endpoint_format(rp->ends.client, rp->client);
	if (rp->ends.client->how == ENDPOINT_LISTEN) {
		rc = gate_open(&rp->gate, rp->ends.client, &lo, err);
		if (rc != 0)
			return rc;
		rp->has_gate = true;
	}
	if (rp->ends.server->how == ENDPOINT_LISTEN) {
		rc = gate_open(&rp->back_gate, rp->ends.server, &lo, err);
		if (rc != 0)
			return rc;
		rp->has_back_gate = true;
	}
	return 0;
}

static uint64_t
on_turn(void *self, uint64_t mono_ns)
{
	struct side_worker *sw = self;

	return proxy_session_lane_turn(&sw->lane, mono_ns);
}

static void
on_stop(struct mail *m)
{
	struct side_worker *sw =
	    ATTR_CONTAINER(m, struct side_worker, stop_mail);
	struct proxy *p = sw->proxy;

	sw->stopped = true;
	for (size_t i = 0; i < p->npairs; i++)
		if (p->pairs[i].owner == sw)
			pair_close(&p->pairs[i]);
	for (size_t i = 0; i < p->npairs; i++)
		if (sw->lane.targets[i].endpoint != NULL)
			resolve_stop(&sw->lane.targets[i]);
	proxy_session_lane_stop(&sw->lane, atomic_load(&p->linger_ns));
	worker_touch(sw->lane.worker);
	atomic_fetch_sub(&p->unstopped, 1);
	tell_if_over(p);
}

static void
on_limit(struct mail *m)
{
	struct side_worker *sw =
	    ATTR_CONTAINER(m, struct side_worker, limit_mail);
	struct proxy *p = sw->proxy;

	atomic_store(&sw->limit_sent, false);
	sw->lane.relay.max_bytes = atomic_load(&p->max_bytes);
	proxy_session_lane_idle(&sw->lane, atomic_load(&p->idle_ns));
	worker_touch(sw->lane.worker);
}

static int
make_lane(struct proxy *p, struct side_worker *sw, struct err *err)
{
	uv_loop_t *loop = worker_loop(sw->lane.worker);
	int rc = 0;

	sw->proxy = p;
	sw->stop_mail.deliver = on_stop;
	sw->limit_mail.deliver = on_limit;
	sw->lane.input = p->o.place.input;
	sw->lane.names = p->o.names;
	sw->lane.over = on_over;
	sw->lane.self = sw;
	sw->lane.dial.timeout_ns = p->o.connect_timeout_ns;
	sw->lane.dial.source = p->o.source;
	sw->lane.relay.worker = sw->lane.worker;
	sw->lane.relay.zero_copy = p->o.pipes > 0;
	pipe_pool_limit(worker_pipes(sw->lane.worker), p->o.pipes);
	sw->lane.relay.orderly = p->o.orderly;
	sw->lane.relay.max_bytes = p->o.max_bytes;
	proxy_session_lane_init(&sw->lane, p->o.idle_timeout_ns);
	sw->lane.targets = calloc(p->npairs, sizeof(*sw->lane.targets));
	if (sw->lane.targets == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < p->npairs && rc == 0; i++) {
		if (p->pairs[i].ends.server->how == ENDPOINT_DIAL)
			rc = resolve_init(&sw->lane.targets[i],
			    p->pairs[i].ends.server, loop, err);
	}
	worker_set_turn(sw->lane.worker, on_turn, sw);
	return rc;
}

static int
place_pair(struct proxy *p, size_t i, struct err *err)
{
	struct run_pair *rp = &p->pairs[i];
	uv_loop_t *loop;
	int rc = 0;

	rp->owner = &p->workers[i % p->nworkers];
	loop = worker_loop(rp->owner->lane.worker);
	if (rp->has_gate)
		rc = gate_start(&rp->gate, loop, on_client, rp);
	if (rc == 0 && rp->has_back_gate)
		rc = gate_start(&rp->back_gate, loop, on_server, rp);
	if (rc != 0)
		return err_set(
		    err, rc, "cannot watch the listener: %s", uv_strerror(rc));
	if (rp->ends.client->how == ENDPOINT_LISTEN)
		return 0;
	rc = caller_init(
	    &rp->caller, rp->ends.client, loop, p->o.connect_timeout_ns, err);
	if (rc != 0)
		return rc;
	rp->has_caller = true;
	caller_on_done(&rp->caller, on_answer, rp);
	return 0;
}

static int
attach(struct source *src, struct worker *const *workers,
    struct fanout *const *fans, size_t n, struct err *err)
{
	struct proxy *p = proxy_of(src);
	int rc = 0;

	p->workers = calloc(n, sizeof(*p->workers));
	if (p->workers == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	p->nworkers = n;
	for (size_t i = 0; i < n && rc == 0; i++) {
		p->workers[i].lane.worker = workers[i];
		p->workers[i].lane.fan = fans[i];
		rc = make_lane(p, &p->workers[i], err);
	}
	for (size_t i = 0; i < p->npairs && rc == 0; i++)
		rc = place_pair(p, i, err);
	return rc;
}

static void
start(struct source *src)
{
	lift_all(proxy_of(src));
}

static void
stop(struct source *src, uint64_t linger_ns)
{
	struct proxy *p = proxy_of(src);

	atomic_store(&p->linger_ns, linger_ns);
	atomic_store(&p->unstopped, p->nworkers);
	atomic_store(&p->stopping, true);
	proxy_room_close(&p->room);
	for (size_t i = 0; i < p->nworkers; i++)
		worker_post(
		    p->workers[i].lane.worker, &p->workers[i].stop_mail);
}

static void
limit(struct source *src, const struct source_limits *l)
{
	struct proxy *p = proxy_of(src);

	atomic_store(&p->max_bytes, l->bytes);
	atomic_store(&p->idle_ns, l->idle_ns);
	for (size_t i = 0; i < p->nworkers; i++)
		if (!atomic_exchange(&p->workers[i].limit_sent, true))
			worker_post(p->workers[i].lane.worker,
			    &p->workers[i].limit_mail);
	if (proxy_room_limit(&p->room, l->sessions, l->concurrent))
		tell_if_over(p);
	/* To whoever waits there may be room, or never any more. */
	lift_all(p);
}

static void
end_session(struct source *src, struct session *s)
{
	(void)src; /* it knows where it belongs */
	proxy_session_end(s);
}

/* Also when they have ended without stop(); never while one runs. */
static void
close_all(struct source *src)
{
	struct proxy *p = proxy_of(src);

	assert(p->pairs != NULL || p->npairs == 0);
	for (size_t i = 0; i < p->npairs; i++)
		pair_close(&p->pairs[i]);
}

static void
release(struct source *src)
{
	struct proxy *p;

	if (src == NULL)
		return;
	p = proxy_of(src);
	/* Those that were opened, but never given to a loop. */
	close_all(src);
	for (size_t i = 0; i < p->nworkers; i++)
		free(p->workers[i].lane.targets);
	free(p->workers);
	free(p->pairs);
	free(p);
}

static const struct source_ops ops = {
	.name = "proxy",
	.attach = attach,
	.start = start,
	.stop = stop,
	.limit = limit,
	.end_session = end_session,
	.close = close_all,
	.free = release,
};

struct source *
proxy_new(const struct proxy_opts *o, struct err *err)
{
	struct proxy *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	p->source.ops = &ops;
	p->o = *o;
	p->o.pairs = NULL;
	proxy_room_init(&p->room, o->max_sessions);
	atomic_init(&p->max_bytes, o->max_bytes);
	atomic_init(&p->idle_ns, o->idle_timeout_ns);
	p->pairs = calloc(o->npairs, sizeof(*p->pairs));
	if (p->pairs == NULL) {
		(void)err_set(err, -ENOMEM, "out of memory");
		goto fail;
	}
	for (size_t i = 0; i < o->npairs; i++) {
		struct run_pair *rp = &p->pairs[i];

		rp->proxy = p;
		rp->ends = o->pairs[i];
		rp->lift_mail.deliver = on_lift;
		list_init(&rp->waiting);
		p->npairs = i + 1;
		if (open_pair(p, rp, err) != 0)
			goto fail;
	}
	return &p->source;

fail:
	release(&p->source);
	return NULL;
}

static size_t
list_gate(const struct gate *g, const struct proxy_listening *as,
    struct proxy_listening *out, size_t max)
{
	for (size_t i = 0; i < g->n && i < max; i++) {
		out[i] = *as;
		out[i].addr = g->post[i].listener.addr;
	}
	return g->n;
}

size_t
proxy_listening(
    const struct source *src, struct proxy_listening *out, size_t max)
{
	const struct proxy *p = const_proxy_of(src);
	size_t n = 0;

	for (size_t i = 0; i < p->npairs; i++) {
		const struct run_pair *rp = &p->pairs[i];
		struct proxy_listening front = { .peer = rp->target };
		struct proxy_listening back = { .peer = rp->client,
			.for_server = true };

		if (rp->has_gate)
			n += list_gate(
			    &rp->gate, &front, out + n, max > n ? max - n : 0);
		if (rp->has_back_gate)
			n += list_gate(&rp->back_gate, &back, out + n,
			    max > n ? max - n : 0);
	}
	return n;
}

void
proxy_limit(struct source *src, uint64_t max_concurrent)
{
	atomic_store(&proxy_of(src)->room.concurrent, max_concurrent);
}

uint64_t
proxy_live(const struct source *src)
{
	return atomic_load(&const_proxy_of(src)->room.live);
}
