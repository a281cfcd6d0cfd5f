#include <assert.h>
#include <string.h>

#include "base/attr.h"

#include "core/fanout.h"
#include "core/session.h"

/**
 * enum session_state - What a session has been through
 *
 * NEW	session_open() leaves it for OPEN.
 * OPEN	Everything but session_init() and session_open(); session_close()
 *	leaves it for CLOSED.
 * CLOSED	Nothing more.
 */
enum session_state {
	SESSION_NEW,
	SESSION_OPEN,
	SESSION_CLOSED,
};

void
session_init(struct session *s, struct fanout *fan, void *slots)
{
	memset(s, 0, sizeof(*s));
	s->client.family = AF_UNSPEC;
	s->server.family = AF_UNSPEC;
	s->state = SESSION_NEW;
	s->fan = fan;
	list_init(&s->node);
	session_use_slots(s, slots);
}

bool
session_lacks_slots(const struct session *s)
{
	return s->slots_size < fanout_session_size(s->fan);
}

void
session_use_slots(struct session *s, void *slots)
{
	assert(s->state == SESSION_NEW);
	s->slots = slots;
	s->slots_size =
	    s->fan != NULL ? (uint32_t)fanout_session_size(s->fan) : 0;
}

void
session_use_more(struct session *s, struct session_more *more)
{
	*more = (struct session_more){
		.listen = { .family = AF_UNSPEC },
		.local = { .family = AF_UNSPEC },
	};
	s->more = more;
}

static const struct session_more *
more_of(const struct session *s)
{
	static const struct session_more nothing = {
		.listen = { .family = AF_UNSPEC },
		.local = { .family = AF_UNSPEC },
	};

	return s->more != NULL ? s->more : &nothing;
}

const struct addr *
session_listen(const struct session *s)
{
	return &more_of(s)->listen;
}

const struct addr *
session_local(const struct session *s)
{
	return &more_of(s)->local;
}

const struct session_name *
session_name(const struct session *s, enum dir dir)
{
	return &more_of(s)->name[dir];
}

const char *
session_target(const struct session *s)
{
	return more_of(s)->target;
}

const char *
session_error(const struct session *s)
{
	return more_of(s)->error;
}

uint64_t
session_lost_bytes(const struct session *s, enum dir dir)
{
	return more_of(s)->lost_bytes[dir];
}

uint64_t
session_gap_bytes(const struct session *s, enum dir dir)
{
	return s->off[dir] - s->bytes[dir];
}

void
session_lose(struct session *s, enum dir dir, uint64_t len)
{
	s->more->lost_bytes[dir] += len;
}

bool
session_is_overheard(const struct session *s)
{
	return strcmp(s->source, "proxy") != 0;
}

void
session_open(struct session *s)
{
	assert(s->state == SESSION_NEW);
	s->state = SESSION_OPEN;
	s->last_ns = s->open_ns;
	count_add(&fanout_totals(s->fan)->opened, 1);
	fanout_open(s);
}

/* The one place that moves a direction on; sources feed without holes. */
static void
advance(struct session *s, enum dir dir, uint64_t off, uint64_t len)
{
	assert(s->state == SESSION_OPEN);
	assert(!s->ended[dir]);
	assert(len > 0);
	assert(off == s->off[dir]);
	s->off[dir] += len;
}

static void
count_chunk(struct session *s, const struct chunk *c)
{
	advance(s, c->dir, c->off, c->len);
	s->bytes[c->dir] += c->len;
	s->last_ns = c->ts_ns;
	count_add(&fanout_totals(s->fan)->bytes[c->dir], c->len);
}

void
session_data(struct session *s, const struct chunk *c)
{
	count_chunk(s, c);
	fanout_data(s, c);
}

void
session_take(struct session *s, const struct chunk *c, void *pipe)
{
	assert(c->data == NULL);
	count_chunk(s, c);
	fanout_take(s, c, pipe);
}

void
session_gap(struct session *s, const struct gap *g)
{
	assert(g->why != GAP_QUEUE);
	advance(s, g->dir, g->off, g->len);
	s->last_ns = g->ts_ns;
	count_add(&fanout_totals(s->fan)->gap_bytes[g->dir], g->len);
	fanout_gap(s, g);
}

void
session_conflict(struct session *s, const struct conflict *c)
{
	assert(s->state == SESSION_OPEN);
	assert(!s->ended[c->dir]);
	assert(c->len > 0);
	s->last_ns = c->ts_ns;
	count_add(&fanout_totals(s->fan)->conflicts, 1);
	fanout_conflict(s, c);
}

static void
set_end(struct session *s, enum dir dir, enum how how, enum party by)
{
	if (!s->ended[dir_other(dir)])
		s->first = (uint8_t)by;
	s->ended[dir] = true;
	s->how[dir] = (uint8_t)how;
}

void
session_end(struct session *s, enum dir dir, uint64_t ts_ns, enum how how,
    enum party by)
{
	struct end e = {
		.dir = dir,
		.off = s->off[dir],
		.ts_ns = ts_ns,
		.how = how,
		.by = by,
	};

	assert(s->state == SESSION_OPEN);
	assert(how != HOW_REFUSED);
	if (s->ended[dir])
		return;
	set_end(s, dir, how, by);
	s->last_ns = ts_ns;
	fanout_end(s, &e);
}

/* A refused session never had directions that could end. */
static void
refuse(struct session *s, uint64_t ts_ns, enum party by)
{
	assert(s->off[DIR_CLIENT] == 0 && s->off[DIR_SERVER] == 0);
	for (unsigned d = 0; d < DIR_NDIRS; d++) {
		if (!s->ended[d])
			set_end(s, (enum dir)d, HOW_REFUSED, by);
	}
	s->last_ns = ts_ns;
}

static uint8_t
worse(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}

void
session_close(struct session *s, uint64_t ts_ns, enum how how, enum party by)
{
	assert(s->state == SESSION_OPEN);
	if (how == HOW_REFUSED) {
		refuse(s, ts_ns, by);
	} else {
		session_end(s, DIR_CLIENT, ts_ns, how, by);
		session_end(s, DIR_SERVER, ts_ns, how, by);
	}
	s->last_ns = ts_ns;
	s->reason =
	    worse((uint8_t)how, worse(s->how[DIR_CLIENT], s->how[DIR_SERVER]));
	s->state = SESSION_CLOSED;
	count_add(&fanout_totals(s->fan)->ended[s->reason], 1);
	for (unsigned d = 0; d < DIR_NDIRS; d++)
		count_add(&fanout_totals(s->fan)->lost_bytes[d],
		    session_lost_bytes(s, (enum dir)d));
	fanout_close(s);
}
