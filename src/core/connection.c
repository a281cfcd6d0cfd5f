#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "core/connection.h"

/* RFC 7323, section 2.3: no shift is larger; what we assume when unknown. */
#define SCALE_MAX 14

#define BIT(state) (1U << (state))

/* The one place that changes the state. */
static void
set_state(struct connection *c, enum connection_state to)
{
	static const unsigned leads_to[CONNECTION_NSTATES] = {
		[CONNECTION_NEW] = BIT(CONNECTION_SYN) | BIT(CONNECTION_OPEN),
		[CONNECTION_SYN] = BIT(CONNECTION_OPEN) |
				   BIT(CONNECTION_LINGER) |
				   BIT(CONNECTION_OVER),
		[CONNECTION_OPEN] =
		    BIT(CONNECTION_LINGER) | BIT(CONNECTION_OVER),
		[CONNECTION_LINGER] = BIT(CONNECTION_OVER),
	};

	assert((leads_to[c->state] & BIT(to)) != 0);
	c->state = (uint8_t)to;
}

/* Of the first byte of payload; the SYN takes a number of its own. */
static uint32_t
payload_seq(const struct segment *seg)
{
	return seg->seq + (segment_has(seg, SEGMENT_SYN) ? 1 : 0);
}

static enum party
party_of(enum dir dir)
{
	return dir == DIR_CLIENT ? PARTY_CLIENT : PARTY_SERVER;
}

static struct payload_count *
payload(struct connection_env *env, enum dir dir)
{
	return &reasm_pool_payload(env->pool)[dir];
}

static void
count_as(struct payload_count *p, struct count *as, uint32_t len)
{
	count_add(&p->received, len);
	count_add(as, len);
}

static void
count_strays(struct connection_env *env, enum dir dir, uint32_t len)
{
	struct payload_count *p = payload(env, dir);

	count_as(p, &p->strays, len);
}

void
connection_count_stray(
    struct connection_env *env, enum dir dir, const struct segment *seg)
{
	count_strays(env, dir, seg->len);
}

void
connection_init(struct connection *c, struct fanout *fan, void *slots)
{
	memset(c, 0, sizeof(*c));
	session_init(&c->s, fan, slots);
	for (unsigned d = 0; d < DIR_NDIRS; d++)
		half_init(&c->half[d], &c->s, (enum dir)d);
	c->state = CONNECTION_NEW;
}

static void
free_syn_data(struct connection *c, struct connection_env *env)
{
	if (c->syn == NULL)
		return;
	env->syn_held -= c->syn->len;
	free(c->syn);
	c->syn = NULL;
}

void
connection_done(struct connection *c, struct connection_env *env)
{
	assert(c->state == CONNECTION_OVER || c->state == CONNECTION_NEW);
	free_syn_data(c, env);
	for (unsigned d = 0; d < DIR_NDIRS; d++)
		half_done(&c->half[d], env->pool);
}

void
connection_open(struct connection *c, const struct segment *seg)
{
	bool syn = segment_has(seg, SEGMENT_SYN);

	if (segment_has(seg, SEGMENT_ACK) && !c->is_self)
		c->opener = DIR_SERVER;
	c->s.midstream = !syn;
	c->s.open_ns = seg->ts_ns;
	set_state(c, syn ? CONNECTION_SYN : CONNECTION_OPEN);
	session_open(&c->s);
}

void
connection_succeed(struct connection *c, struct connection_env *env,
    const struct connection_rival *rival)
{
	struct half *h = &c->half[rival->dir];

	c->s.midstream = !rival->syn;
	c->s.open_ns = rival->ts_ns;
	set_state(c, rival->syn ? CONNECTION_SYN : CONNECTION_OPEN);
	session_open(&c->s);
	if (!rival->syn)
		return;
	c->opener = rival->dir;
	half_start(h, env->pool, rival->next);
	h->synced = true;
	h->scale = rival->scale;
	if (rival->answers)
		half_start(&c->half[dir_other((enum dir)rival->dir)], env->pool,
		    rival->peer);
}

/* What is not part of the connection. */

/*
 * Later claims are as good as earlier ones, but the data that follows a SYN
 * is none: what lies near its number, within a window without scaling.
 */
static bool
is_of_rival(const struct connection *c, enum dir dir, const struct segment *seg)
{
	return c->has_rival && c->rival.syn && c->rival.dir == dir &&
	       seg->seq - c->rival.next <= 65535;
}

static void
note_rival(struct connection *c, enum dir dir, const struct segment *seg)
{
	bool syn = segment_has(seg, SEGMENT_SYN);

	if (c->is_self || (!syn && is_of_rival(c, dir, seg)))
		return;
	c->rival = (struct connection_rival){
		.next = syn ? seg->seq + 1 : seg->seq + seg->wire_len,
		.peer = seg->ack,
		.ts_ns = seg->ts_ns,
		.dir = (uint8_t)dir,
		.scale = seg->scale,
		.syn = syn,
		.answers = syn && segment_has(seg, SEGMENT_ACK),
	};
	c->has_rival = true;
}

void
connection_stray(struct connection *c, struct connection_env *env, enum dir dir,
    const struct segment *seg)
{
	struct half *h = &c->half[dir];

	count_strays(env, dir, seg->len);
	if (segment_has(seg, SEGMENT_RST))
		return;
	if (segment_has(seg, SEGMENT_SYN)) {
		note_rival(c, dir, seg);
		return;
	}
	if (!half_is_started(h))
		return;
	if (half_place(h, seg->seq, seg->wire_len) == HALF_AHEAD) {
		h->stray_next = seg->seq + seg->wire_len;
		h->strayed = true;
	} else if (seg->wire_len > 0) {
		note_rival(c, dir, seg);
	}
}

/* Data on a SYN. */

static void
deliver_syn_data(struct connection *c, struct connection_env *env)
{
	struct half *h = &c->half[c->opener];
	struct reasm_piece piece = { .seq = h->start };

	if (c->syn == NULL)
		return;
	piece.ts_ns = c->syn->ts_ns;
	piece.data = c->syn->data;
	piece.len = c->syn->len;
	piece.wire_len = c->syn->wire_len;
	/* The first bytes of the stream: they cannot be repeated ones. */
	(void)reasm_segment(env->pool, &h->reasm, &piece);
	free_syn_data(c, env);
}

static void
drop_syn_data(struct connection *c, struct connection_env *env)
{
	if (c->syn == NULL)
		return;
	count_strays(env, (enum dir)c->opener, c->syn->len);
	free_syn_data(c, env);
}

/* The opener goes on at @seq: behind the data on its SYN, or with it again. */
static void
resolve_syn_data(struct connection *c, struct connection_env *env, uint32_t seq)
{
	const struct half *h = &c->half[c->opener];

	if (half_offset(h, seq) >= (int64_t)c->syn->wire_len)
		deliver_syn_data(c, env);
	else
		drop_syn_data(c, env);
}

/*
 * Return: false: treat it like any payload: there is no room, or it was not
 *	   held the first time either
 */
static bool
hold_syn_data(
    struct connection *c, struct connection_env *env, const struct segment *seg)
{
	struct half *h = &c->half[c->opener];
	struct connection_syn *syn;

	if (c->syn != NULL) {
		struct payload_count *p = payload(env, (enum dir)c->opener);

		count_as(p, &p->duplicate, seg->len);
		c->s.retransmitted[c->opener]++;
		return true;
	}
	if (h->top > 0 || seg->len > CONNECTION_SYN_HOLD - env->syn_held)
		return false;
	syn = malloc(sizeof(*syn) + seg->len);
	if (syn == NULL)
		return false;
	if (seg->len > 0)
		memcpy(syn->data, seg->data, seg->len);
	syn->len = seg->len;
	syn->wire_len = seg->wire_len;
	syn->ts_ns = seg->ts_ns;
	c->syn = syn;
	env->syn_held += seg->len;
	h->top = seg->wire_len;
	return true;
}

/* Following accepted segments. */

/* The window scale in force for windows that @dir offers. */
static unsigned
shift_of(const struct connection *c, enum dir dir)
{
	const struct half *own = &c->half[dir];
	const struct half *other = &c->half[dir_other(dir)];

	/* Both must offer it (RFC 7323, section 2.2). */
	if ((own->synced && own->scale == SEGMENT_NO_SCALE) ||
	    (other->synced && other->scale == SEGMENT_NO_SCALE))
		return 0;
	return own->synced ? own->scale : SCALE_MAX;
}

static void
follow_syn(struct connection *c, struct connection_env *env, enum dir dir,
    const struct segment *seg)
{
	struct half *h = &c->half[dir];

	if (!half_is_started(h) || seg->seq + 1 != h->start)
		half_start(h, env->pool, seg->seq + 1);
	h->soft = false;
	h->synced = true;
	h->scale = seg->scale;
}

static void
follow_ack(struct connection *c, struct connection_env *env, enum dir dir,
    const struct segment *seg)
{
	enum dir of = connection_acked_by(c, dir);
	struct half *h = &c->half[of];
	/* Windows of SYNs are not scaled (RFC 7323, section 2.2). */
	unsigned shift = segment_has(seg, SEGMENT_SYN) ? 0 : shift_of(c, dir);
	uint64_t end;

	if (!half_is_started(h)) {
		half_start(h, env->pool, seg->ack);
		h->soft = c->s.midstream;
	}
	half_ack(h, seg->ack, (uint32_t)seg->window << shift);
	if (of == c->opener && half_acked(h) > 0)
		deliver_syn_data(c, env);
	if (c->s.ended[of])
		return;
	/* Not the FIN's number, nor what may be that of a FIN not seen. */
	end = half_proven(h);
	if (end > half_acked(h))
		end = half_acked(h);
	reasm_ack(env->pool, &h->reasm, h->start + (uint32_t)end, env->now_ns);
}

static void
follow_probe(struct connection *c, struct connection_env *env, enum dir dir,
    const struct segment *seg)
{
	struct payload_count *p = payload(env, dir);
	bool seen = half_offset(&c->half[dir], seg->seq) >= 0;

	count_as(p, seen ? &p->duplicate : &p->strays, seg->len);
	c->s.retransmitted[dir]++;
}

/* How much of @wire_len bytes at @off lies before the FIN. */
static uint32_t
before_fin(const struct half *h, int64_t off, uint32_t wire_len)
{
	int64_t room;

	if (h->fin == HALF_NO_FIN)
		return wire_len;
	room = (int64_t)h->fin - off;
	if (room <= 0)
		return 0;
	return room < wire_len ? (uint32_t)room : wire_len;
}

static void
feed(struct connection *c, struct connection_env *env, enum dir dir,
    const struct reasm_piece *piece)
{
	struct half *h = &c->half[dir];
	int64_t end = half_offset(h, piece->seq) + piece->wire_len;
	struct payload_count *p = payload(env, dir);

	if (c->s.ended[dir]) {
		count_as(p, &p->duplicate, piece->len);
		c->s.retransmitted[dir]++;
		return;
	}
	if (end > (int64_t)h->top)
		h->top = (uint64_t)end;
	if (reasm_segment(env->pool, &h->reasm, piece) == REASM_SEEN)
		c->s.retransmitted[dir]++;
}

static void
follow_payload(struct connection *c, struct connection_env *env, enum dir dir,
    const struct segment *seg)
{
	struct half *h = &c->half[dir];
	struct reasm_piece piece = {
		.ts_ns = seg->ts_ns,
		.seq = payload_seq(seg),
		.data = seg->data,
		.len = seg->len,
	};

	if (half_is_probe(h, seg)) {
		follow_probe(c, env, dir, seg);
		return;
	}
	half_settle(h, env->pool, piece.seq);
	if (c->syn != NULL && dir == c->opener)
		resolve_syn_data(c, env, piece.seq);
	piece.wire_len =
	    before_fin(h, half_offset(h, piece.seq), seg->wire_len);
	if (piece.len > piece.wire_len) {
		count_strays(env, dir, piece.len - piece.wire_len);
		piece.len = piece.wire_len;
	}
	if (piece.wire_len > 0)
		feed(c, env, dir, &piece);
}

static void
follow_fin(struct connection *c, struct connection_env *env, enum dir dir,
    const struct segment *seg)
{
	struct half *h = &c->half[dir];
	uint32_t seq = payload_seq(seg) + seg->wire_len;
	int64_t off;

	if (h->fin != HALF_NO_FIN)
		return;
	half_settle(h, env->pool, seq);
	if (c->syn != NULL && dir == c->opener)
		resolve_syn_data(c, env, seq);
	off = half_offset(h, seq);
	/* The stream went on behind it: it was none, or not of this one. */
	if (off < (int64_t)c->s.off[dir])
		return;
	h->fin = (uint64_t)off;
	if (h->top < h->fin + 1)
		h->top = h->fin + 1;
}

/* End what delivery has brought to its end. */
static void
settle(struct connection *c, struct connection_env *env, uint64_t ts_ns)
{
	struct session *s = &c->s;

	for (unsigned d = 0; d < DIR_NDIRS; d++) {
		struct half *h = &c->half[d];

		if (s->ended[d] || s->off[d] < h->fin)
			continue;
		/* What is held behind a FIN came before it, and is none. */
		reasm_discard(env->pool, &h->reasm);
		session_end(
		    s, (enum dir)d, ts_ns, HOW_FIN, party_of((enum dir)d));
	}
	if (c->is_self && s->ended[DIR_CLIENT])
		session_end(s, DIR_SERVER, ts_ns, HOW_FIN, PARTY_SERVER);
	if (s->ended[DIR_CLIENT] && s->ended[DIR_SERVER] &&
	    c->state != CONNECTION_LINGER)
		set_state(c, CONNECTION_LINGER);
}

/* Deliver what there is, and say what is missing. */
static void
flush(struct connection *c, struct connection_env *env, uint64_t ts_ns)
{
	deliver_syn_data(c, env);
	for (unsigned d = 0; d < DIR_NDIRS; d++) {
		struct half *h = &c->half[d];
		uint64_t end = half_proven(h);

		if (!c->s.ended[d] && end > c->s.off[d])
			reasm_flush(env->pool, &h->reasm, end, ts_ns, GAP_LOST);
	}
	settle(c, env, ts_ns);
}

static void
discard(struct connection *c, struct connection_env *env)
{
	drop_syn_data(c, env);
	for (unsigned d = 0; d < DIR_NDIRS; d++)
		reasm_discard(env->pool, &c->half[d].reasm);
}

static void
close_session(struct connection *c, uint64_t ts_ns, enum how how, enum party by)
{
	/* What both have ended is over, whatever came then. */
	if (c->state == CONNECTION_LINGER)
		how = HOW_FIN;
	session_close(&c->s, ts_ns, how, by);
	set_state(c, CONNECTION_OVER);
}

/* An answer that says no; bytes cannot have been delivered before. */
static bool
is_refusal(const struct connection *c, enum dir dir)
{
	return c->state == CONNECTION_SYN && c->opener == DIR_CLIENT &&
	       dir == DIR_SERVER && c->s.off[DIR_CLIENT] == 0 &&
	       c->s.off[DIR_SERVER] == 0;
}

static void
follow_rst(struct connection *c, struct connection_env *env, enum dir dir,
    const struct segment *seg)
{
	/* RFC 9293, section 3.5.2: its payload says why, to people. */
	count_strays(env, dir, seg->len);
	if (is_refusal(c, dir)) {
		discard(c, env);
		close_session(c, seg->ts_ns, HOW_REFUSED, party_of(dir));
		return;
	}
	flush(c, env, seg->ts_ns);
	close_session(c, seg->ts_ns, HOW_RST, party_of(dir));
}

void
connection_segment(struct connection *c, struct connection_env *env,
    enum dir dir, const struct segment *seg)
{
	bool syn = segment_has(seg, SEGMENT_SYN);

	if (segment_has(seg, SEGMENT_RST)) {
		follow_rst(c, env, dir, seg);
		return;
	}
	if (syn)
		follow_syn(c, env, dir, seg);
	else if (!half_is_started(&c->half[dir]))
		half_start(&c->half[dir], env->pool, seg->seq);
	if (segment_has(seg, SEGMENT_ACK))
		follow_ack(c, env, dir, seg);
	if (c->state == CONNECTION_SYN && (!syn || dir != c->opener))
		set_state(c, CONNECTION_OPEN);
	if (seg->wire_len > 0 &&
	    !(c->state == CONNECTION_SYN && hold_syn_data(c, env, seg)))
		follow_payload(c, env, dir, seg);
	if (segment_has(seg, SEGMENT_FIN))
		follow_fin(c, env, dir, seg);
	settle(c, env, seg->ts_ns);
}

enum connection_wait
connection_wait(const struct connection *c)
{
	const struct half *client = &c->half[DIR_CLIENT];
	const struct half *server = &c->half[DIR_SERVER];
	bool client_acked = half_fin_acked(client);
	bool server_acked = half_fin_acked(server);

	if (c->state == CONNECTION_OVER)
		return CONNECTION_WAIT_OVER;
	if (c->state == CONNECTION_LINGER)
		return client_acked && (server_acked || c->is_self)
			   ? CONNECTION_WAIT_END
			   : CONNECTION_WAIT_LINGER;
	return CONNECTION_WAIT_NONE;
}

void
connection_gave_up(struct connection *c, struct connection_env *env)
{
	settle(c, env, env->now_ns);
}

struct connection *
connection_of(struct reasm *r)
{
	struct half *h = ATTR_CONTAINER(r, struct half, reasm);
	struct half *first = h - r->dir;

	return ATTR_CONTAINER(first, struct connection, half);
}

void
connection_end(struct connection *c, struct connection_env *env, enum how how)
{
	if (how == HOW_LIMIT)
		discard(c, env);
	else
		flush(c, env, env->now_ns);
	close_session(c, env->now_ns, how, PARTY_US);
}
