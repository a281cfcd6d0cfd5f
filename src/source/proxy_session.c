#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/fanout.h"
#include "net/socket.h"
#include "source/names.h"
#include "source/proxy_session.h"

enum state {
	STATE_RESOLVE,
	STATE_DIAL,
	STATE_WAIT,
	STATE_NAMES,
	STATE_RELAY,
	STATE_GONE,
};

/* How long the server's side goes without the options for a long life. */
#define YOUNG_NS CLOCK_NS_PER_S

/**
 * struct proxy_session - See proxy_session.h
 * @s:		What the sinks see
 * @client_fd, @server_fd: Ours until RELAY, then the relay's; -1 if none
 * @held:	The relay has @client_fd already
 * @node:	On the lane's list until GONE
 * @unsent:	What readers had yet to take when it was last silent for so
 *		long; 0: something has been said since
 * @wait:	On the queue of those who wait for a server
 * @later:	Larger slots, for sinks that came after it; NULL: none did
 * @slots:	The sinks' state; as large as the fan-out says
 */
struct proxy_session {
	struct session s;
	struct session_more more;
	struct relay relay;
	struct proxy_lane *lane;
	size_t pair;
	enum state state;
	int client_fd;
	int server_fd;
	bool held;
	struct list node;
	struct list wait;
	struct deadline idle;
	struct deadline young;
	size_t unsent;
	struct resolve_waiter resolve;
	struct dial *dial;
	struct names *names;
	void *later;
	max_align_t slots[];
};

static void
free_session(struct proxy_session *ps)
{
	names_free(ps->names);
	free(ps->later);
	free(ps);
}

static void
on_forgotten(struct relay *r)
{
	free_session(ATTR_CONTAINER(r, struct proxy_session, relay));
}

/*
 * The session is closed.  The lane's owner may look at its counts now; the
 * memory goes when the loop has let go of the relay's handles.
 */
static void
leave(struct proxy_session *ps)
{
	struct proxy_lane *lane = ps->lane;
	size_t pair = ps->pair;

	ps->state = STATE_GONE;
	list_remove(&ps->node);
	list_remove(&ps->wait);
	deadline_cancel(&ps->idle);
	deadline_cancel(&ps->young);
	if (relay_forget(&ps->relay, on_forgotten))
		free_session(ps);
	lane->over(lane->self, pair);
}

static enum how
how_of_connect(int rc)
{
	switch (rc) {
	case -ECONNREFUSED:
		return HOW_REFUSED;
	case -ETIMEDOUT:
		return HOW_TIMEOUT;
	default:
		return HOW_ERROR;
	}
}

/*
 * Sinks may have come while the server let wait.  Without memory they lose the
 * session, and count that.
 */
static void
open_session(struct proxy_session *ps)
{
	if (session_lacks_slots(&ps->s)) {
		ps->later = calloc(1, fanout_session_size(ps->lane->fan));
		if (ps->later != NULL)
			session_use_slots(&ps->s, ps->later);
	}
	worker_touch(ps->lane->worker);
	session_open(&ps->s);
}

/*
 * Never connected: a record of it, and a reset before the client has heard a
 * byte, as the server itself would have done.
 */
static void
give_up(struct proxy_session *ps, enum how how, enum party by, const char *why)
{
	ps->more.error = why;
	open_session(ps);
	session_close(&ps->s, clock_event_ns(), how, by);
	if (ps->held)
		relay_drop(&ps->relay);
	else
		socket_reset(ps->client_fd);
	if (ps->server_fd >= 0)
		socket_reset(ps->server_fd);
	leave(ps);
}

/* The server lets wait: a client that leaves meanwhile is to be noticed. */
static void
hold_client(struct proxy_session *ps)
{
	if (!ps->held)
		ps->held = relay_hold(&ps->relay, ps->client_fd) == 0;
}

static void
begin_relay(struct proxy_session *ps)
{
	int rc;

	ps->state = STATE_RELAY;
	if (ps->names != NULL)
		names_get(ps->names, ps->more.name);
	open_session(ps);
	deadline_arm(&ps->lane->idle, &ps->idle, clock_mono_ns());
	rc = relay_start(&ps->relay, ps->client_fd, ps->server_fd);
	if (rc == 0) {
		deadline_arm(&ps->lane->young, &ps->young, clock_mono_ns());
		/* The turn's hook knows of it. */
		worker_touch(ps->lane->worker);
		return;
	}
	ps->more.error = uv_strerror(rc);
	session_close(&ps->s, clock_event_ns(), HOW_ERROR, PARTY_US);
	leave(ps);
}

static void
on_names(void *self)
{
	begin_relay(self);
}

static void
connected(struct proxy_session *ps, int fd, const struct addr *peer)
{
	ps->server_fd = fd;
	ps->s.server = *peer;
	socket_tune_young(fd, peer);
	socket_local(fd, &ps->more.local);
	if (ps->lane->names) {
		ps->state = STATE_NAMES;
		ps->names = names_start(worker_loop(ps->lane->worker),
		    &ps->s.client, &ps->s.server, on_names, ps);
		if (ps->names != NULL) {
			hold_client(ps);
			return;
		}
	}
	begin_relay(ps);
}

static void
connect_failed(struct proxy_session *ps, int rc, const struct addr *to)
{
	enum party by = rc == -ECONNREFUSED ? PARTY_SERVER : PARTY_US;

	ps->s.server = *to;
	give_up(ps, how_of_connect(rc), by, strerror(-rc));
}

static void
on_dialled(void *self, int fd, const struct addr *to)
{
	struct proxy_session *ps = self;

	ps->dial = NULL;
	if (fd >= 0)
		connected(ps, fd, to);
	else
		connect_failed(ps, fd, to);
}

static void
dial_server(struct proxy_session *ps)
{
	const struct resolve *target = &ps->lane->targets[ps->pair];
	struct dial_opts o = ps->lane->dial;
	struct addr to;
	int fd;

	ps->state = STATE_DIAL;
	o.addrs = target->addrs;
	o.naddrs = target->naddrs;
	fd = dial_start(&ps->dial, worker_loop(ps->lane->worker), &o, &to);
	if (fd != -EINPROGRESS) {
		on_dialled(ps, fd, &to);
		return;
	}
	dial_on_done(ps->dial, on_dialled, ps);
	hold_client(ps);
}

static void
on_resolved(struct resolve_waiter *w, int rc)
{
	struct proxy_session *ps =
	    ATTR_CONTAINER(w, struct proxy_session, resolve);

	if (rc == 0)
		dial_server(ps);
	else
		give_up(ps, HOW_ERROR, PARTY_US, uv_strerror(rc));
}

static void
find_server(struct proxy_session *ps)
{
	struct resolve *target = &ps->lane->targets[ps->pair];
	int rc;

	if (resolve_now(target)) {
		dial_server(ps);
		return;
	}
	ps->state = STATE_RESOLVE;
	rc = resolve_wait(target, &ps->resolve);
	if (rc == 0)
		hold_client(ps);
	else
		give_up(ps, HOW_ERROR, PARTY_US, uv_strerror(rc));
}

/* NULL without memory: then the client has been reset. */
static struct proxy_session *
make(struct proxy_lane *lane, const struct proxy_arrival *a)
{
	struct proxy_session *ps =
	    calloc(1, sizeof(*ps) + fanout_session_size(lane->fan));

	if (ps == NULL) {
		socket_reset(a->fd);
		lane->over(lane->self, a->pair);
		return NULL;
	}
	session_init(&ps->s, lane->fan, ps->slots);
	session_use_more(&ps->s, &ps->more);
	relay_init(&ps->relay, &lane->relay, &ps->s);
	ps->lane = lane;
	ps->pair = a->pair;
	ps->client_fd = a->fd;
	ps->server_fd = -1;
	list_init(&ps->wait);
	list_init(&ps->idle.node);
	list_init(&ps->young.node);
	list_init(&ps->resolve.node);
	ps->resolve.done = on_resolved;
	list_init(&ps->node);
	list_append(&lane->sessions, &ps->node);
	ps->s.id = a->id;
	ps->s.source = "proxy";
	ps->s.input = lane->input;
	ps->s.no_packets = true;
	ps->s.client = a->peer;
	ps->more.target = a->target;
	ps->s.open_ns = a->ts_ns;
	/* The listener says it all, unless it listens at every address. */
	ps->more.listen = a->listen;
	if (addr_is_any(&a->listen))
		socket_local(a->fd, &ps->more.listen);
	return ps;
}

struct proxy_session *
proxy_session_new(struct proxy_lane *lane, const struct proxy_arrival *a)
{
	struct proxy_session *ps = make(lane, a);

	if (ps == NULL)
		return NULL;
	socket_tune_accepted(a->fd, &a->peer);
	if (lane->targets[a->pair].endpoint == NULL) {
		ps->state = STATE_WAIT;
		hold_client(ps);
		return ps;
	}
	find_server(ps);
	return NULL;
}

void
proxy_session_turn_away(struct proxy_lane *lane, const struct proxy_arrival *a)
{
	struct proxy_session *ps = make(lane, a);

	if (ps != NULL)
		give_up(ps, HOW_STOP, PARTY_US, NULL);
}

void
proxy_session_server(struct proxy_session *ps, int fd, const struct addr *peer)
{
	assert(ps->state == STATE_WAIT);
	connected(ps, fd, peer);
}

struct list *
proxy_session_wait_node(struct proxy_session *ps)
{
	return &ps->wait;
}

struct proxy_session *
proxy_session_of_wait(struct list *node)
{
	return LIST_ENTRY(node, struct proxy_session, wait);
}

/* Stop whatever is under way before the relay. */
static void
cancel(struct proxy_session *ps)
{
	switch (ps->state) {
	case STATE_RESOLVE:
		resolve_cancel(&ps->resolve);
		break;
	case STATE_DIAL:
		dial_cancel(ps->dial);
		break;
	case STATE_NAMES:
		names_free(ps->names);
		ps->names = NULL;
		break;
	case STATE_WAIT:
	case STATE_RELAY:
	case STATE_GONE:
		break;
	}
}

static void
stop(struct proxy_session *ps, uint64_t linger_ns)
{
	if (ps->state == STATE_RELAY) {
		relay_cut(&ps->relay, HOW_STOP, PARTY_US, linger_ns);
		return;
	}
	cancel(ps);
	give_up(ps, HOW_STOP, PARTY_US, NULL);
}

void
proxy_session_end(struct session *s)
{
	struct proxy_session *ps = ATTR_CONTAINER(s, struct proxy_session, s);

	assert(ps->state == STATE_RELAY);
	relay_cut(&ps->relay, HOW_STOP, PARTY_US, RELAY_LINGER_NS);
}

static void
on_gone(struct relay *r, int error)
{
	struct proxy_session *ps =
	    ATTR_CONTAINER(r, struct proxy_session, relay);

	(void)error; /* a client that was not read from: always a reset */
	cancel(ps);
	give_up(ps, HOW_RST, PARTY_CLIENT, NULL);
}

void
proxy_session_lane_stop(struct proxy_lane *lane, uint64_t linger_ns)
{
	struct list *node = lane->sessions.next, *next;

	for (; node != &lane->sessions; node = next) {
		next = node->next;
		stop(LIST_ENTRY(node, struct proxy_session, node), linger_ns);
	}
}

static void
on_over(struct relay *r)
{
	struct proxy_session *ps =
	    ATTR_CONTAINER(r, struct proxy_session, relay);
	enum how how = r->how;

	/* Both directions have ended by now: they say who and how. */
	session_close(&ps->s, clock_event_ns(), how, (enum party)r->by);
	leave(ps);
}

static void
on_active(struct relay *r)
{
	struct proxy_session *ps =
	    ATTR_CONTAINER(r, struct proxy_session, relay);

	if (r->phase == RELAY_RUN)
		deadline_arm(&ps->lane->idle, &ps->idle, clock_mono_ns());
	ps->unsent = 0;
}

void
proxy_session_lane_init(struct proxy_lane *lane, uint64_t idle_ns)
{
	list_init(&lane->sessions);
	deadline_queue_init(&lane->idle, idle_ns);
	deadline_queue_init(&lane->young, YOUNG_NS);
	relay_env_init(&lane->relay);
	lane->relay.over = on_over;
	lane->relay.gone = on_gone;
	lane->relay.active = idle_ns > 0 ? on_active : NULL;
}

void
proxy_session_lane_idle(struct proxy_lane *lane, uint64_t idle_ns)
{
	bool had = lane->idle.span_ns > 0;
	struct list *node = lane->sessions.next;

	deadline_queue_change(&lane->idle, idle_ns);
	lane->relay.active = idle_ns > 0 ? on_active : NULL;
	for (; !had && node != &lane->sessions; node = node->next)
		on_active(&LIST_ENTRY(node, struct proxy_session, node)->relay);
}

static void
grow_up(struct proxy_lane *lane, uint64_t mono_ns)
{
	struct deadline *d;

	while ((d = deadline_take(&lane->young, mono_ns)) != NULL) {
		struct proxy_session *ps =
		    ATTR_CONTAINER(d, struct proxy_session, young);
		int fd = ps->relay.side[DIR_SERVER].fd;

		if (fd >= 0) /* else it has been cut, and is flushing */
			socket_tune_old(fd, &ps->s.server);
	}
}

/* Nothing is said; but a slow reader may be taking what was, all the time. */
static bool
is_moving(struct proxy_session *ps)
{
	size_t before = ps->unsent;

	ps->unsent = relay_unsent(&ps->relay);
	return ps->unsent > 0 && ps->unsent != before;
}

uint64_t
proxy_session_lane_turn(struct proxy_lane *lane, uint64_t mono_ns)
{
	struct deadline *d;
	uint64_t due, next;

	while ((d = deadline_take(&lane->idle, mono_ns)) != NULL) {
		struct proxy_session *ps =
		    ATTR_CONTAINER(d, struct proxy_session, idle);

		if (is_moving(ps))
			deadline_arm(&lane->idle, &ps->idle, mono_ns);
		else
			relay_cut(
			    &ps->relay, HOW_TIMEOUT, PARTY_US, RELAY_LINGER_NS);
	}
	grow_up(lane, mono_ns);
	due = deadline_next(&lane->idle);
	next = deadline_next(&lane->young);
	if (next < due)
		due = next;
	next = relay_turn(&lane->relay, mono_ns);
	if (next < due)
		due = next;
	next = fanout_turn(lane->fan, mono_ns);
	return next < due ? next : due;
}
