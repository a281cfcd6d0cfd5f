#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "core/connection.h"
#include "core/connection_judge.h"
#include "core/fanout.h"
#include "core/flow_map.h"
#include "core/flow_table.h"
#include "core/glimpse.h"
#include "core/source.h"
#include "core/tombstone.h"

/*
 * A flow is a connection with its place in the table:
 *
 *	map	by its two ends; tombstones are in the same one
 *	idle	two lists by the time of the last segment, the one silent
 *		longest first: those that were answered, and those that were
 *		not
 *	due	those that linger, in the order of time, since all linger
 *		equally long
 *
 * so that whoever is due next is at a list's head, and time that passes
 * costs nothing when nobody is.
 *
 * Too many sessions: the one idle longest is evicted.  But a flood of SYNs
 * would drive out all that are real: so those never answered go first, as
 * soon as they take more than their share.  They have no bytes to lose.
 */

/* One place in 8 may be taken by those that nobody has answered. */
#define UNANSWERED_SHARE 8

/*
 * How often it is looked for what is due, in packet time: much finer than
 * anything that is waited for.
 */
#define TICK_NS UINT64_C(10000000)

enum flow_tag {
	FLOW_TAG_FLOW,
	FLOW_TAG_TOMBSTONE,
};

/* Which of the table's idle lists a flow is on. */
enum flow_rank {
	FLOW_UNANSWERED,
	FLOW_ANSWERED,
};
#define FLOW_NRANKS (FLOW_ANSWERED + 1)

/**
 * struct flow - See above; what the session has more, and its slots, follow
 * @seen_ns:	Packet time of the last segment
 * @due_ns:	When to act, if it waits
 * @rank:	A enum flow_rank
 * @waits:	A enum connection_wait: which due list it is on
 * @client_at:	Which end of the key is the client
 */
struct flow {
	struct flow_node node;
	struct list idle;
	struct list due;
	uint64_t seen_ns;
	uint64_t due_ns;
	uint8_t rank;
	uint8_t waits;
	uint8_t client_at;
	struct connection conn;
};

struct flow_table {
	struct flow_opts o;
	struct fanout *fan;
	struct flow_map map;
	struct tombstone_ring tombs;
	struct glimpse heard;
	struct connection_env env;
	struct list idle[FLOW_NRANKS];
	uint64_t live[FLOW_NRANKS];
	struct list lingering;
	uint64_t next_tick_ns;
};

/* A segment, its packet, and where it belongs. */
struct arrival {
	const struct segment *seg;
	const struct packet *p;
	struct flow_key key;
	uint32_t hash;
	unsigned at; /* which end of the key sent it */
};

#define ALIGN_UP(n) (((n) + alignof(max_align_t) - 1) & -alignof(max_align_t))

struct flow_table *
flow_table_new(const struct flow_opts *o, struct fanout *fan, struct err *err)
{
	struct flow_table *t = calloc(1, sizeof(*t));
	int rc = -ENOMEM;

	assert(o->max_concurrent > 0);
	if (t == NULL)
		goto fail;
	t->o = *o;
	t->fan = fan;
	for (unsigned i = 0; i < FLOW_NRANKS; i++)
		list_init(&t->idle[i]);
	list_init(&t->lingering);
	rc = flow_map_init(&t->map);
	if (rc != 0)
		goto fail;
	rc = tombstone_init(&t->tombs, &t->map, FLOW_TAG_TOMBSTONE);
	if (rc != 0)
		goto fail;
	t->env.pool = reasm_pool_new(&o->reasm);
	if (t->env.pool != NULL)
		return t;
	rc = -ENOMEM;
fail:
	(void)err_set(err, rc, "table of connections: %s", strerror(-rc));
	flow_table_free(t);
	return NULL;
}

void
flow_table_free(struct flow_table *t)
{
	if (t == NULL)
		return;
	assert(flow_table_live(t) == 0);
	reasm_pool_free(t->env.pool);
	tombstone_done(&t->tombs);
	flow_map_done(&t->map);
	free(t);
}

uint64_t
flow_table_live(const struct flow_table *t)
{
	return t->live[FLOW_UNANSWERED] + t->live[FLOW_ANSWERED];
}

const struct payload_count *
flow_table_payload(const struct flow_table *t)
{
	return reasm_pool_payload(t->env.pool);
}

static struct flow *
flow_of(struct flow_node *n)
{
	return ATTR_CONTAINER(n, struct flow, node);
}

/* Those that we forgot by ourselves may be heard again. */
static bool
is_buried(enum how how)
{
	return how == HOW_FIN || how == HOW_RST || how == HOW_REFUSED ||
	       how == HOW_LIMIT;
}

static struct tombstone *
bury(struct flow_table *t, const struct flow *f)
{
	const struct connection *c = &f->conn;
	struct tombstone *tomb =
	    tombstone_bury(&t->tombs, &f->node.key, f->node.hash);

	tomb->until_ns = t->env.now_ns + TOMBSTONE_NS;
	tomb->client_at = f->client_at;
	tomb->lasts = c->s.reason == HOW_LIMIT;
	for (unsigned d = 0; d < DIR_NDIRS; d++) {
		const struct half *h = &c->half[d];

		tomb->known[d] = half_is_started(h);
		tomb->start[d] = h->start;
		tomb->end[d] = h->start + (uint32_t)h->top;
	}
	return tomb;
}

static void
unlink_flow(struct flow_table *t, struct flow *f)
{
	flow_map_remove(&t->map, &f->node);
	list_remove(&f->idle);
	list_remove(&f->due);
	t->live[f->rank]--;
}

static void
free_flow(struct flow_table *t, struct flow *f)
{
	connection_done(&f->conn, &t->env);
	free(f);
}

/* Its session is closed; of one that may go on, the roles are kept. */
static void
remove_flow(struct flow_table *t, struct flow *f)
{
	unlink_flow(t, f);
	if (is_buried((enum how)f->conn.s.reason))
		(void)bury(t, f);
	else
		glimpse_note(&t->heard, f->node.hash, f->client_at);
	free_flow(t, f);
}

static void
end_flow(struct flow_table *t, struct flow *f, enum how how)
{
	connection_end(&f->conn, &t->env, how);
	remove_flow(t, f);
}

/* Its ends are used again: another flow takes its place in the map. */
static void
end_old_flow(struct flow_table *t, struct flow *f)
{
	connection_end(&f->conn, &t->env, HOW_TIMEOUT);
	unlink_flow(t, f);
	free_flow(t, f);
}

static struct flow *
idle_longest(const struct flow_table *t, enum flow_rank rank)
{
	const struct list *l = &t->idle[rank];

	return list_is_empty(l) ? NULL : LIST_ENTRY(l->next, struct flow, idle);
}

/* The one that is missed least. */
static void
evict_one(struct flow_table *t)
{
	struct flow *unanswered = idle_longest(t, FLOW_UNANSWERED);
	struct flow *answered = idle_longest(t, FLOW_ANSWERED);
	uint64_t share = t->o.max_concurrent / UNANSWERED_SHARE;
	bool is_flood = t->live[FLOW_UNANSWERED] > share;

	assert(unanswered != NULL || answered != NULL);
	if (answered == NULL ||
	    (unanswered != NULL &&
		(is_flood || unanswered->seen_ns < answered->seen_ns)))
		end_flow(t, unanswered, HOW_EVICTED);
	else
		end_flow(t, answered, HOW_EVICTED);
}

static void
make_room(struct flow_table *t)
{
	if (flow_table_live(t) >= t->o.max_concurrent)
		evict_one(t);
}

/* Which end of the key is the client, for a segment that opens a session? */
static unsigned
client_of(struct flow_table *t, const struct arrival *a)
{
	unsigned first = a->at;
	bool was_heard = glimpse_take(&t->heard, a->hash, &first);

	if (flow_map_key_is_self(&a->key) || (a->seg->flags & SEGMENT_SYN) == 0)
		return was_heard ? first : a->at;
	return (a->seg->flags & SEGMENT_ACK) != 0 ? 1 - a->at : a->at;
}

static enum dir
dir_of(const struct flow *f, unsigned at)
{
	return at == f->client_at ? DIR_CLIENT : DIR_SERVER;
}

static struct flow *
new_flow(struct flow_table *t, const struct arrival *a, unsigned client_at)
{
	bool by_client = a->at == client_at;
	/* Names are looked up for none of a table's sessions, or for all. */
	size_t more =
	    t->o.opening != NULL ? ALIGN_UP(sizeof(struct session_more)) : 0;
	struct flow *f = calloc(1,
	    ALIGN_UP(sizeof(struct flow)) + more + fanout_session_size(t->fan));
	struct session *s;
	uint8_t *room;
	uint64_t id;

	if (f == NULL)
		return NULL;
	id = t->o.next_id(t->o.self);
	if (id == 0) {
		free(f);
		return NULL;
	}
	make_room(t);
	room = (uint8_t *)f + ALIGN_UP(sizeof(struct flow));
	connection_init(&f->conn, t->fan, room + more);
	s = &f->conn.s;
	if (more > 0)
		session_use_more(s, (struct session_more *)(void *)room);
	s->id = id;
	s->source = t->o.source;
	s->input = t->o.input;
	s->client = by_client ? a->seg->src : a->seg->dst;
	s->server = by_client ? a->seg->dst : a->seg->src;
	f->conn.is_self = flow_map_key_is_self(&a->key);
	f->client_at = (uint8_t)client_at;
	f->node.tag = FLOW_TAG_FLOW;
	f->rank = FLOW_UNANSWERED;
	f->waits = CONNECTION_WAIT_NONE;
	list_init(&f->idle);
	list_init(&f->due);
	t->live[f->rank]++;
	flow_map_insert(&t->map, &f->node, &a->key, a->hash);
	if (t->o.opening != NULL)
		t->o.opening(t->o.self, s);
	return f;
}

/* Is it a connection of our own?  Then it is not asked again. */
static bool
is_own(struct flow_table *t, const struct arrival *a)
{
	struct tombstone *tomb;

	if (t->o.is_own == NULL || !t->o.is_own(t->o.self, a->seg))
		return false;
	tomb = tombstone_bury(&t->tombs, &a->key, a->hash);
	tomb->is_own = true;
	tomb->lasts = true;
	return true;
}

/* Return: NULL: it opens none */
static struct flow *
open_flow(struct flow_table *t, const struct arrival *a)
{
	struct flow *f;

	if (!connection_judge_opens(a->seg)) {
		glimpse_note(&t->heard, a->hash, a->at);
		return NULL;
	}
	if (is_own(t, a))
		return NULL;
	f = new_flow(t, a, client_of(t, a));
	if (f != NULL)
		connection_open(&f->conn, a->seg);
	return f;
}

/* The 4-tuple is used again: the old session ends, the rival's begins. */
static struct flow *
replace_flow(struct flow_table *t, struct flow *old, const struct arrival *a)
{
	struct connection_rival rival = old->conn.rival;
	unsigned at = old->client_at;
	unsigned client_at = at;
	struct flow *f;

	if (rival.dir == DIR_SERVER)
		at = 1 - at;
	if (rival.syn)
		client_at = rival.answers ? 1 - at : at;
	rival.dir = at == client_at ? DIR_CLIENT : DIR_SERVER;
	end_old_flow(t, old);
	f = new_flow(t, a, client_at);
	if (f != NULL)
		connection_succeed(&f->conn, &t->env, &rival);
	return f;
}

/* Return: the flow that @a belongs to; NULL: it is a stray */
static struct flow *
find_flow(struct flow_table *t, struct flow *f, const struct arrival *a)
{
	enum dir dir = dir_of(f, a->at);

	switch (connection_judge(&f->conn, dir, a->seg)) {
	case CONNECTION_ACCEPT:
		return f;
	case CONNECTION_STRAY:
		connection_stray(&f->conn, &t->env, dir, a->seg);
		return NULL;
	case CONNECTION_RENEW:
		end_old_flow(t, f);
		return open_flow(t, a);
	case CONNECTION_REPLACE:
		return replace_flow(t, f, a);
	}
	return NULL;
}

static struct flow *
pass_tombstone(
    struct flow_table *t, struct tombstone *tomb, const struct arrival *a)
{
	enum dir dir = tombstone_dir(tomb, a->at);

	if (tombstone_swallows(tomb, dir, a->seg, t->env.now_ns)) {
		if (!tomb->is_own)
			connection_count_stray(&t->env, dir, a->seg);
		return NULL;
	}
	glimpse_note(&t->heard, a->hash, tomb->client_at);
	tombstone_remove(&t->tombs, tomb);
	return open_flow(t, a);
}

static void
wait_for(struct flow_table *t, struct flow *f, enum connection_wait what)
{
	if (f->waits == what)
		return;
	list_remove(&f->due);
	f->waits = (uint8_t)what;
	if (what == CONNECTION_WAIT_LINGER) {
		f->due_ns = t->env.now_ns + CONNECTION_LINGER_NS;
		list_append(&t->lingering, &f->due);
	} else if (what == CONNECTION_WAIT_END) {
		/* Due at once: before the list's first. */
		f->due_ns = t->env.now_ns;
		list_append(t->lingering.next, &f->due);
	}
}

/* What the connection wants now; it may be gone then. */
static void
attend(struct flow_table *t, struct flow *f)
{
	enum connection_wait what = connection_wait(&f->conn);

	if (what == CONNECTION_WAIT_OVER)
		remove_flow(t, f);
	else if (what == CONNECTION_WAIT_END)
		end_flow(t, f, HOW_FIN);
	else
		wait_for(t, f, what);
}

/* It was heard: the last that will be forgotten. */
static void
touch(struct flow_table *t, struct flow *f)
{
	f->seen_ns = t->env.now_ns;
	if (f->rank == FLOW_UNANSWERED && f->conn.state != CONNECTION_SYN) {
		t->live[FLOW_UNANSWERED]--;
		f->rank = FLOW_ANSWERED;
		t->live[FLOW_ANSWERED]++;
	}
	list_remove(&f->idle);
	list_append(&t->idle[f->rank], &f->idle);
}

static bool
is_over_limit(const struct flow_table *t, const struct flow *f)
{
	const struct session *s = &f->conn.s;

	return t->o.max_bytes > 0 && f->conn.state != CONNECTION_OVER &&
	       s->bytes[DIR_CLIENT] + s->bytes[DIR_SERVER] >= t->o.max_bytes;
}

static void
follow(struct flow_table *t, struct flow *f, const struct arrival *a)
{
	enum dir dir = dir_of(f, a->at);

	f->conn.s.packets[dir]++;
	fanout_packet(t->fan, &f->conn.s, a->p);
	connection_segment(&f->conn, &t->env, dir, a->seg);
	touch(t, f);
	if (is_over_limit(t, f))
		end_flow(t, f, HOW_LIMIT);
	else
		attend(t, f);
}

/*
 * Did we send or get it ourselves?  Whoever keeps packets, and sends them on,
 * would feed on them.
 */
static bool
is_of_own(const struct flow_table *t, const struct arrival *a)
{
	struct flow_node *n;

	if (t->o.is_own == NULL)
		return false;
	n = flow_map_find(&t->map, &a->key, a->hash);
	if (n != NULL && n->tag == FLOW_TAG_TOMBSTONE &&
	    tombstone_of(n)->is_own)
		return true;
	return t->o.is_own(t->o.self, a->seg);
}

enum flow_verdict
flow_table_segment(
    struct flow_table *t, const struct segment *seg, const struct packet *p)
{
	struct arrival a = { .seg = seg, .p = p };
	struct flow_node *n;
	struct flow *f;

	if (seg->ts_ns > t->env.now_ns)
		t->env.now_ns = seg->ts_ns;
	if (t->env.now_ns >= t->next_tick_ns)
		flow_table_tick(t, t->env.now_ns);
	a.at = flow_map_key(&a.key, &seg->src, &seg->dst);
	a.hash = flow_map_hash(&t->map, &a.key);
	n = flow_map_find(&t->map, &a.key, a.hash);
	if (n == NULL)
		f = open_flow(t, &a);
	else if (n->tag == FLOW_TAG_TOMBSTONE)
		f = pass_tombstone(t, tombstone_of(n), &a);
	else
		f = find_flow(t, flow_of(n), &a);
	if (f == NULL) {
		if (!is_of_own(t, &a))
			fanout_packet(t->fan, NULL, p);
		return FLOW_STRAY;
	}
	follow(t, f, &a);
	return FLOW_SESSION;
}

/* Called from within reassembly: nothing may go away. */
static void
gave_up(void *self, struct reasm *r)
{
	struct flow_table *t = self;
	struct connection *c = connection_of(r);
	struct flow *f = ATTR_CONTAINER(c, struct flow, conn);

	connection_gave_up(c, &t->env);
	wait_for(t, f, connection_wait(c));
}

static struct flow *
next_due(const struct list *l, uint64_t now_ns)
{
	struct flow *f;

	if (list_is_empty(l))
		return NULL;
	f = LIST_ENTRY(l->next, struct flow, due);
	return f->due_ns <= now_ns ? f : NULL;
}

static void
forget_idle(struct flow_table *t, enum flow_rank rank)
{
	struct flow *f;

	if (t->o.idle_ns == 0)
		return;
	while ((f = idle_longest(t, rank)) != NULL &&
	       t->env.now_ns - f->seen_ns >= t->o.idle_ns)
		end_flow(t, f, HOW_TIMEOUT);
}

void
flow_table_tick(struct flow_table *t, uint64_t now_ns)
{
	struct flow *f;

	if (now_ns > t->env.now_ns)
		t->env.now_ns = now_ns;
	t->next_tick_ns = t->env.now_ns + TICK_NS;
	reasm_pool_tick(t->env.pool, t->env.now_ns, gave_up, t);
	while ((f = next_due(&t->lingering, t->env.now_ns)) != NULL)
		end_flow(t, f, HOW_FIN);
	for (unsigned i = 0; i < FLOW_NRANKS; i++)
		forget_idle(t, (enum flow_rank)i);
}

void
flow_table_jump(struct flow_table *t, int64_t jump_ns)
{
	uint64_t more = (uint64_t)jump_ns; /* modulo 2^64: it may be less */
	struct list *node;

	if (t->env.now_ns == 0)
		return;
	t->env.now_ns += more;
	t->next_tick_ns = 0;
	for (unsigned i = 0; i < FLOW_NRANKS; i++) {
		for (node = t->idle[i].next; node != &t->idle[i];
		     node = node->next) {
			struct flow *f = LIST_ENTRY(node, struct flow, idle);

			f->seen_ns += more;
			f->due_ns += more;
		}
	}
	tombstone_jump(&t->tombs, jump_ns);
	reasm_pool_jump(t->env.pool, jump_ns);
}

void
flow_table_limit(struct flow_table *t, const struct source_limits *l)
{
	assert(l->concurrent > 0);
	t->o.max_concurrent = l->concurrent;
	t->o.max_bytes = l->bytes;
	t->o.idle_ns = l->idle_ns;
	while (flow_table_live(t) > l->concurrent)
		evict_one(t);
}

void
flow_table_stop(struct flow_table *t, enum how how)
{
	for (unsigned i = 0; i < FLOW_NRANKS; i++) {
		struct flow *f;

		while ((f = idle_longest(t, (enum flow_rank)i)) != NULL)
			end_flow(t, f, how);
	}
}

void
flow_table_end(struct flow_table *t, struct session *s, enum how how)
{
	struct connection *c = ATTR_CONTAINER(s, struct connection, s);
	struct flow *f = ATTR_CONTAINER(c, struct flow, conn);
	struct tombstone *tomb;

	connection_end(c, &t->env, how);
	unlink_flow(t, f);
	tomb = bury(t, f);
	/* Both FINs were seen: it is over indeed. */
	if ((enum how)s->reason != HOW_FIN) {
		tomb->lasts = true;
		tomb->sticks = true;
	}
	free_flow(t, f);
}
