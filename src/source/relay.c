#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/fanout.h"
#include "net/pipe.h"
#include "net/socket.h"
#include "source/relay.h"

/* Reads of one direction before the others of this worker get their turn. */
#define READS_PER_TURN 8

/* How often an emptying send queue is looked at: the kernel tells no one. */
#define ABORT_POLL_NS (2 * CLOCK_NS_PER_MS)

/* Doubled bytes wait this long at most before their sink gets them. */
#define COPY_AGE_NS (50 * CLOCK_NS_PER_MS)

static void on_ready(struct poller_fd *f, unsigned events);
static void step(struct relay *r);

void
relay_env_init(struct relay_env *e)
{
	list_init(&e->copies);
	deadline_queue_init(&e->polls, ABORT_POLL_NS);
}

static void
on_room(struct worker_waiter *waiter)
{
	step(ATTR_CONTAINER(waiter, struct relay, room));
}

void
relay_init(struct relay *r, struct relay_env *env, struct session *s)
{
	memset(r, 0, sizeof(*r));
	r->env = env;
	r->session = s;
	list_init(&r->poll_wait.node);
	list_init(&r->room.node);
	r->room.room = on_room;
	for (int d = 0; d < DIR_NDIRS; d++) {
		r->side[d].fd = -1;
		r->side[d].relay = r;
		r->side[d].poll.ready = on_ready;
		flow_init(&r->flow[d]);
		mover_init(&r->mover[d], s, env->worker, (enum dir)d);
		r->mover[d].zero_copy = env->zero_copy;
		r->mover[d].copies = &env->copies;
	}
}

/* --- sides ------------------------------------------------------------- */

static struct poller *
poller_of(const struct relay *r)
{
	return worker_poller(r->env->worker);
}

static int
watch(struct relay *r, enum dir d, int fd, unsigned interest)
{
	struct relay_side *side = &r->side[d];
	int rc = poller_open(poller_of(r), &side->poll, fd, interest);

	side->watched = rc == 0;
	return rc;
}

static void
set_interest(struct relay_side *side, unsigned interest)
{
	if (side->watched)
		poller_set(poller_of(side->relay), &side->poll, interest);
}

static void
on_unwatched(struct poller_fd *f)
{
	struct relay *r = ATTR_CONTAINER(f, struct relay_side, poll)->relay;

	if (--r->closing == 0 && r->forgotten != NULL)
		r->forgotten(r);
}

static void
close_side(struct relay *r, enum dir d, bool reset)
{
	struct relay_side *side = &r->side[d];

	if (side->watched) {
		side->watched = false;
		r->closing++;
		poller_close(poller_of(r), &side->poll, on_unwatched);
	}
	if (side->fd < 0)
		return;
	if (reset)
		socket_reset(side->fd);
	else
		close(side->fd);
	side->fd = -1;
}

/* --- ends -------------------------------------------------------------- */

static void
end_flow(struct relay *r, enum dir d, enum how how, enum party by)
{
	mover_settle(&r->mover[d]);
	worker_touch(r->env->worker);
	session_end(r->session, d, clock_event_ns(), how, by);
}

static void
bury(struct relay *r, enum dir d)
{
	session_lose(r->session, d, mover_done(&r->mover[d]));
	flow_kill(&r->flow[d]);
}

static void
become_over(struct relay *r)
{
	r->phase = RELAY_OVER;
	deadline_cancel(&r->poll_wait);
	list_remove(&r->room.node);
	for (int d = 0; d < DIR_NDIRS; d++) {
		bury(r, (enum dir)d);
		close_side(r, (enum dir)d, false);
	}
	worker_touch(r->env->worker);
	r->env->over(r);
}

/* Which of our two ways to end a connection that we, not its peer, cut? */
static bool
wants_reset(const struct relay *r)
{
	bool ours = r->by == PARTY_US;

	return !(ours && r->env->orderly);
}

/* Has all that the receiver of @d can still get reached it? */
static bool
is_flushed(const struct relay *r, enum dir d, size_t unsent)
{
	if (r->side[dir_other(d)].error != 0)
		return true;
	return flow_is_final(&r->flow[d]) && unsent == 0;
}

/* A connection that was reset is closed already. */
static bool
is_reset(const struct relay_side *side)
{
	return side->error == ECONNRESET;
}

/*
 * After a cut: flush, wait for the send queues, close.  Called whenever a
 * socket became writable and every ABORT_POLL_NS.
 */
static void
abort_step(struct relay *r)
{
	uint64_t now_ns = clock_mono_ns();
	bool late = now_ns >= r->abort_ns;
	bool open = false;

	for (int d = 0; d < DIR_NDIRS; d++) {
		enum dir to = dir_other((enum dir)d);
		struct relay_side *side = &r->side[to];
		unsigned want =
		    flow_want(&r->flow[d], mover_held(&r->mover[d]));
		size_t unsent;

		if (side->fd < 0)
			continue;
		if (late || (want & FLOW_WANT_BURY))
			bury(r, (enum dir)d);
		unsent = socket_unsent(side->fd);
		if (is_flushed(r, (enum dir)d, unsent) || late) {
			session_lose(r->session, (enum dir)d, unsent);
			close_side(r, to, wants_reset(r) && !is_reset(side));
			continue;
		}
		open = true;
		if (want & FLOW_WANT_WRITE)
			set_interest(side, POLLER_OUT);
		else
			set_interest(side, side->parked ? 0 : POLLER_PRI);
	}
	if (!open) {
		become_over(r);
		return;
	}
	deadline_arm(&r->env->polls, &r->poll_wait, now_ns);
	worker_touch(r->env->worker);
}

static void
begin_abort(struct relay *r, enum how how, enum party by, uint64_t linger_ns)
{
	r->phase = RELAY_ABORT;
	r->how = (uint8_t)how;
	r->by = (uint8_t)by;
	r->abort_ns = clock_mono_ns() + linger_ns;
	list_remove(&r->room.node);
	for (int d = 0; d < DIR_NDIRS; d++) {
		end_flow(r, (enum dir)d, how, by);
		flow_cut(&r->flow[d]);
	}
	abort_step(r);
}

static enum how
how_of(int error)
{
	switch (error) {
	case ECONNRESET:
	case EPIPE:
		return HOW_RST;
	case ETIMEDOUT:
		return HOW_TIMEOUT;
	default:
		return HOW_ERROR;
	}
}

/*
 * The peer of @d is gone.  What it sent before may still be unread; what the
 * other side sends has nowhere to go any more.
 */
static void
side_failed(struct relay *r, enum dir d, int error)
{
	struct relay_side *side = &r->side[d];

	if (side->error == 0)
		side->error = error;
	if (r->side[dir_other(d)].error == 0)
		r->first = (uint8_t)d;
	bury(r, dir_other(d));
}

/* All that a failed side had sent has been read: pass its end on. */
static void
side_ended(struct relay *r, enum dir d)
{
	enum party by = d == DIR_CLIENT ? PARTY_CLIENT : PARTY_SERVER;

	begin_abort(r, how_of(r->side[d].error), by, RELAY_LINGER_NS);
}

/* --- bytes ------------------------------------------------------------- */

static void
pass_fin(struct relay *r, enum dir d)
{
	struct relay_side *to = &r->side[dir_other(d)];

	if (shutdown(to->fd, SHUT_WR) != 0) {
		/* ENOTCONN: reset in this very moment. */
		side_failed(r, dir_other(d), ECONNRESET);
		return;
	}
	flow_shut(&r->flow[d]);
}

static void
got_fin(struct relay *r, enum dir d)
{
	if (r->side[d].error != 0)
		return; /* no FIN, but the end behind a saved error */
	end_flow(r, d, HOW_FIN, d == DIR_CLIENT ? PARTY_CLIENT : PARTY_SERVER);
	flow_fin(&r->flow[d]);
}

static bool
over_limit(const struct relay *r)
{
	uint64_t read = 0;

	if (r->env->max_bytes == 0)
		return false;
	for (int d = 0; d < DIR_NDIRS; d++)
		read += r->session->bytes[d] + mover_pending(&r->mover[d]);
	return read >= r->env->max_bytes;
}

static void
note_activity(struct relay *r)
{
	if (r->env->active != NULL)
		r->env->active(r);
}

/* Has a failed side been read to its end?  Its bytes lie in the kernel. */
static bool
is_read_out(enum mover_result result)
{
	return result == MOVER_EMPTY || result == MOVER_FIN ||
	       result == MOVER_READ;
}

/* All before the error that was told has been read; recv() may say which. */
static void
reach_error(struct relay *r, enum dir d, enum mover_result result)
{
	int error = result == MOVER_READ ? r->mover[d].error
					 : -socket_error(r->side[d].fd);

	side_failed(r, d, error != 0 ? error : ECONNRESET);
	flow_cut(&r->flow[d]);
}

/* Return: true to read again at once */
static bool
handle(struct relay *r, enum dir d, enum mover_result result)
{
	int error = r->mover[d].error;

	if (r->side[d].told && is_read_out(result)) {
		reach_error(r, d, result);
		return false;
	}
	switch (result) {
	case MOVER_MORE:
		return true;
	case MOVER_FIN:
		got_fin(r, d);
		break;
	case MOVER_READ:
		side_failed(r, d, error);
		break;
	case MOVER_WRITTEN:
		side_failed(r, dir_other(d), error);
		break;
	case MOVER_ENOUGH:
	case MOVER_EMPTY:
	case MOVER_HELD:
		break;
	}
	return false;
}

static bool
wants(const struct relay *r, enum dir d, enum flow_want what)
{
	return flow_want(&r->flow[d], mover_held(&r->mover[d])) & what;
}

static bool
is_blocked(struct relay *r)
{
	if (!fanout_blocked(r->session))
		return false;
	worker_wait_room(r->env->worker, &r->room);
	return true;
}

static void
pull_failed(struct relay *r, enum dir d)
{
	int from = r->side[d].fd, to = r->side[dir_other(d)].fd;
	enum mover_result result;

	while (wants(r, d, FLOW_WANT_READ) && !is_blocked(r)) {
		result = mover_pull(&r->mover[d], from, to);
		(void)handle(r, d, result);
		if (is_read_out(result))
			flow_cut(&r->flow[d]);
	}
}

/*
 * Read from @d until it has no more, or the receiver is full, or it has been
 * served long enough: the others of this worker want their turn.
 */
static void
pull(struct relay *r, enum dir d)
{
	int from = r->side[d].fd, to = r->side[dir_other(d)].fd;
	enum mover_result result;

	for (int i = 0; i < READS_PER_TURN; i++) {
		if (!wants(r, d, FLOW_WANT_READ) || is_blocked(r))
			return;
		result = mover_pull(&r->mover[d], from, to);
		if (result != MOVER_EMPTY)
			note_activity(r);
		if (!handle(r, d, result) || over_limit(r))
			return;
	}
}

static void
push(struct relay *r, enum dir d)
{
	size_t held = mover_held(&r->mover[d]);
	enum mover_result result;

	if (!wants(r, d, FLOW_WANT_WRITE))
		return;
	result = mover_push(&r->mover[d], r->side[dir_other(d)].fd);
	if (mover_held(&r->mover[d]) < held)
		note_activity(r);
	if (result != MOVER_MORE)
		(void)handle(r, d, result);
}

/* --- the machine ------------------------------------------------------- */

/* A failed side whose flow needs no more reading has come to its end. */
static bool
has_ended(const struct relay *r, enum dir d)
{
	return r->side[d].error != 0 && r->flow[d].state != FLOW_OPEN;
}

static void
update_interest(struct relay *r)
{
	bool blocked = is_blocked(r);

	for (int d = 0; d < DIR_NDIRS; d++) {
		struct relay_side *side = &r->side[d];
		unsigned interest = 0;

		if (side->error != 0) { /* stopped for good */
			set_interest(side, 0);
			continue;
		}
		if (wants(r, (enum dir)d, FLOW_WANT_READ) && !blocked)
			interest |= POLLER_IN;
		if (wants(r, dir_other((enum dir)d), FLOW_WANT_WRITE))
			interest |= POLLER_OUT;
		if (interest != 0)
			side->parked = false;
		else if (!side->parked)
			interest = POLLER_PRI;
		set_interest(side, interest);
	}
}

/* Both sides may have come to their end: the one that failed first counts. */
static bool
end_with_a_side(struct relay *r)
{
	enum dir first = r->first;

	if (has_ended(r, first))
		side_ended(r, first);
	else if (has_ended(r, dir_other(first)))
		side_ended(r, dir_other(first));
	return r->phase != RELAY_RUN;
}

/* Do all that can be done now; then wait for what is left. */
static void
step(struct relay *r)
{
	if (r->phase != RELAY_RUN)
		return;
	/* A FIN that cannot be passed on makes a failed side: FINs first. */
	for (int d = 0; d < DIR_NDIRS; d++)
		if (wants(r, (enum dir)d, FLOW_WANT_SHUTDOWN))
			pass_fin(r, (enum dir)d);
	for (int d = 0; d < DIR_NDIRS; d++)
		if (r->side[d].error != 0)
			pull_failed(r, (enum dir)d);
	if (end_with_a_side(r))
		return;
	if (over_limit(r)) {
		begin_abort(r, HOW_LIMIT, PARTY_US, RELAY_LINGER_NS);
		return;
	}
	if (flow_is_final(&r->flow[DIR_CLIENT]) &&
	    flow_is_final(&r->flow[DIR_SERVER])) {
		become_over(r);
		return;
	}
	update_interest(r);
}

/*
 * Only POLLER_PRI came: an error, a hang-up, or urgent data on a side
 * that we do not read at the moment.
 */
static void
look_at(struct relay *r, enum dir d)
{
	int error = -socket_error(r->side[d].fd);

	if (error != 0) {
		side_failed(r, d, error);
		return;
	}
	/*
	 * No error: a UNIX peer has closed, or an urgent byte waits.  The
	 * condition stays until we read or write again, so polling for it
	 * would spin.  A write will find out, or the next read.
	 */
	r->side[d].parked = true;
	set_interest(&r->side[d], 0);
}

/*
 * An error waits.  Who reads is told it behind the last byte, which saves
 * asking for it.  Return: what is left to do
 */
static unsigned
meet_error(struct relay *r, enum dir d, unsigned events)
{
	struct relay_side *side = &r->side[d];
	int error;

	if (r->phase == RELAY_RUN && (events & POLLER_IN) &&
	    wants(r, d, FLOW_WANT_READ)) {
		side->told = true;
		return POLLER_IN;
	}
	error = -socket_error(side->fd);
	side_failed(r, d, error != 0 ? error : ECONNRESET);
	return 0;
}

static void
on_ready(struct poller_fd *f, unsigned events)
{
	struct relay_side *side = ATTR_CONTAINER(f, struct relay_side, poll);
	struct relay *r = side->relay;
	enum dir d = side == &r->side[DIR_CLIENT] ? DIR_CLIENT : DIR_SERVER;

	if (events & POLLER_PRI)
		look_at(r, d);
	else if (events & POLLER_ERR)
		events = meet_error(r, d, events);
	if (r->phase == RELAY_HOLD) {
		if (r->side[d].error != 0)
			r->env->gone(r, r->side[d].error);
		return;
	}
	if (events & POLLER_OUT)
		push(r, dir_other(d));
	if (r->phase == RELAY_ABORT) {
		abort_step(r);
		return;
	}
	if ((events & POLLER_IN) && r->side[d].error == 0)
		pull(r, d);
	step(r);
}

int
relay_hold(struct relay *r, int client_fd)
{
	int rc = watch(r, DIR_CLIENT, client_fd, POLLER_PRI);

	if (rc != 0)
		return rc;
	r->side[DIR_CLIENT].fd = client_fd;
	return 0;
}

void
relay_drop(struct relay *r)
{
	r->phase = RELAY_OVER;
	close_side(r, DIR_CLIENT, true);
}

int
relay_start(struct relay *r, int client_fd, int server_fd)
{
	int rc = 0;

	r->phase = RELAY_RUN;
	r->side[DIR_CLIENT].fd = client_fd;
	r->side[DIR_SERVER].fd = server_fd;
	if (!r->side[DIR_CLIENT].watched)
		rc = watch(r, DIR_CLIENT, client_fd, POLLER_IN);
	if (rc == 0)
		rc = watch(r, DIR_SERVER, server_fd, POLLER_IN);
	if (rc != 0) {
		close_side(r, DIR_CLIENT, true);
		close_side(r, DIR_SERVER, true);
		return rc;
	}
	update_interest(r);
	return 0;
}

void
relay_cut(struct relay *r, enum how how, enum party by, uint64_t linger_ns)
{
	if (r->phase == RELAY_RUN)
		begin_abort(r, how, by, linger_ns);
	else if (r->phase == RELAY_ABORT &&
		 r->abort_ns > clock_mono_ns() + linger_ns)
		r->abort_ns = clock_mono_ns() + linger_ns;
}

size_t
relay_unsent(const struct relay *r)
{
	size_t sum = 0;

	for (int d = 0; d < DIR_NDIRS; d++)
		if (r->side[d].fd >= 0)
			sum += socket_unsent(r->side[d].fd);
	return sum;
}

bool
relay_forget(struct relay *r, void (*forgotten)(struct relay *r))
{
	r->forgotten = forgotten;
	return r->closing == 0;
}

static void
flush_copies(struct relay_env *e, uint64_t mono_ns)
{
	while (!list_is_empty(&e->copies)) {
		struct mover *m =
		    LIST_ENTRY(e->copies.next, struct mover, copy_node);

		if (m->copy_ns + COPY_AGE_NS > mono_ns)
			return;
		mover_flush_copy(m);
	}
}

uint64_t
relay_turn(struct relay_env *e, uint64_t mono_ns)
{
	struct deadline *d;
	uint64_t due = CLOCK_NEVER, polls;

	while ((d = deadline_take(&e->polls, mono_ns)) != NULL)
		abort_step(ATTR_CONTAINER(d, struct relay, poll_wait));
	flush_copies(e, mono_ns);
	if (!list_is_empty(&e->copies))
		due = LIST_ENTRY(e->copies.next, struct mover, copy_node)
			  ->copy_ns +
		      COPY_AGE_NS;
	polls = deadline_next(&e->polls);
	return polls < due ? polls : due;
}
