#ifndef FUZZ_EVENTS_H
#define FUZZ_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "core/fanout.h"
#include "core/session.h"
#include "fuzz.h"

/*
 * events.h - what happens in two sessions, drawn from an input: the real
 * sessions, with a fan-out behind them.
 *
 * The same input gives the same events, but for the pieces that data come in.
 */

#define EVENTS_SESSIONS 2

/* The client's port of session 0, if there were one. */
#define EVENTS_PORT 30000

/* Event time that it begins at. */
#define EVENTS_START_NS UINT64_C(1795249800000000000)

/**
 * struct events - Two sessions, and what the target has to do with them
 * @fan:	Gets them; set by the target, as the next ones
 * @source:	Of both
 * @cut:	Data come in pieces of so many bytes; 0: as drawn
 * @no_conflict: Nothing comes twice
 * @target:	Of those that have one
 * @said:	Before a chunk is told; NULL: nobody asks
 * @idle:	Session @i has been silent; likewise
 * @self:	Passed to these
 * @now_ns:	Event time
 * @opened:	Sessions so far
 */
struct events {
	struct fanout *fan;
	const char *source;
	size_t cut;
	bool no_conflict;
	const char *target;
	void (*said)(
	    void *self, const struct session *s, const struct chunk *c);
	void (*idle)(void *self, size_t i);
	void *self;
	uint64_t now_ns;
	uint64_t opened;
	struct session s[EVENTS_SESSIONS];
	struct session_more more[EVENTS_SESSIONS];
	void *slots[EVENTS_SESSIONS];
	bool is_open[EVENTS_SESSIONS];
};

static inline void
events_open(struct events *ev, size_t i, unsigned how)
{
	struct session *s = &ev->s[i];
	bool is_ip6 = (how & 1) != 0;

	free(ev->slots[i]);
	ev->slots[i] = memory_own_zeroed(fanout_session_size(ev->fan));
	memset(s, 0, sizeof(*s));
	session_init(s, ev->fan, ev->slots[i]);
	s->id = ++ev->opened;
	s->source = ev->source;
	s->input = ev->source;
	s->client.family = s->server.family = is_ip6 ? AF_INET6 : AF_INET;
	s->client.ip[0] = s->server.ip[0] = 0x20;
	s->client.ip[is_ip6 ? 15 : 3] = 1;
	s->server.ip[is_ip6 ? 15 : 3] = 2;
	s->client.port = (uint16_t)(EVENTS_PORT + ev->opened);
	s->server.port = (how & 2) != 0 ? 21 : 80;
	ev->more[i] = (struct session_more){
		.target = (how & 4) != 0 ? ev->target : NULL,
	};
	session_use_more(s, &ev->more[i]);
	s->no_packets = true;
	s->open_ns = ev->now_ns;
	ev->is_open[i] = true;
	session_open(s);
}

/* Up to 30,000 bytes, most of them as they stand in the input. */
static inline uint8_t *
events_bytes(struct fuzz_in *in, size_t *len)
{
	size_t n = fuzz_u8(in), times = n < 224 ? 1 : (n - 223) * 8;
	uint8_t *piece = fuzz_bytes(in, n < 224 ? 1 + n : 100, len), *all;

	if (*len == 0 || times == 1)
		return piece;
	all = memory_own(*len * times);
	for (size_t i = 0; i < times; i++)
		memcpy(all + i * *len, piece, *len);
	*len *= times;
	free(piece);
	return all;
}

static inline void
events_say(
    struct events *ev, struct session *s, enum dir dir, struct fuzz_in *in)
{
	size_t len, at = 0;
	uint8_t *all = events_bytes(in, &len);

	while (at < len) {
		size_t n =
		    ev->cut > 0 && ev->cut < len - at ? ev->cut : len - at;
		struct chunk c = {
			.dir = dir,
			.off = s->off[dir],
			.ts_ns = ev->now_ns,
			.data = all + at,
			.len = n,
		};

		if (ev->said != NULL)
			ev->said(ev->self, s, &c);
		session_data(s, &c);
		at += n;
	}
	free(all);
}

static inline void
events_lose(
    struct events *ev, struct session *s, enum dir dir, struct fuzz_in *in)
{
	unsigned n = fuzz_u16(in);
	const struct gap g = { dir, s->off[dir], ev->now_ns, 1 + n / 4,
		(enum gap_why)(n % GAP_QUEUE) };

	session_gap(s, &g);
}

static inline void
events_differ(
    struct events *ev, struct session *s, enum dir dir, struct fuzz_in *in)
{
	uint64_t back = 1 + fuzz_u8(in);
	size_t len;
	uint8_t *kept = fuzz_bytes(in, 1 + fuzz_u8(in) % 64, &len), *other;

	if (len > 0 && len <= back && back <= s->off[dir]) {
		other = memory_own(len);
		memcpy(other, kept, len);
		other[len - 1] ^= 1;
		session_conflict(s, &(struct conflict){
					.dir = dir,
					.off = s->off[dir] - back,
					.ts_ns = ev->now_ns,
					.kept = kept,
					.other = other,
					.len = len,
				    });
		free(other);
	}
	free(kept);
}

static inline void
events_close(struct events *ev, size_t i, unsigned how)
{
	static const char *const errors[] = { NULL, "Connection refused",
		"no \"route\" \x1b[2J\xc2\x9b" };
	enum how why = (enum how)(how % HOW_NHOWS);
	struct session *s = &ev->s[i];

	if (why == HOW_REFUSED &&
	    (s->off[DIR_CLIENT] + s->off[DIR_SERVER] > 0 ||
		s->ended[DIR_CLIENT] || s->ended[DIR_SERVER]))
		why = HOW_RST;
	if (why >= HOW_ERROR)
		ev->more[i].error = errors[(how >> 3) % 3];
	session_close(
	    s, ev->now_ns, why, (enum party)((how >> 5) % PARTY_NPARTIES));
	ev->is_open[i] = false;
}

static inline void
events_pass(struct events *ev, size_t i, struct fuzz_in *in)
{
	ev->now_ns += (1 + (uint64_t)fuzz_u16(in)) * CLOCK_NS_PER_MS;
	if (ev->idle != NULL)
		ev->idle(ev->self, i);
}

/** events_step() - The next event of @in. */
static inline void
events_step(struct events *ev, struct fuzz_in *in)
{
	unsigned op = fuzz_u8(in);
	size_t i = op & 1;
	enum dir dir = (op & 2) != 0 ? DIR_SERVER : DIR_CLIENT;
	struct session *s = &ev->s[i];

	op = op >> 2 & 7;
	if (!ev->is_open[i])
		events_open(ev, i, fuzz_u8(in));
	else if (op == 6)
		events_close(ev, i, fuzz_u8(in));
	else if (op == 7)
		events_pass(ev, i, in);
	else if (s->ended[dir])
		return;
	else if (op == 3)
		events_lose(ev, s, dir, in);
	else if (op == 4 && !ev->no_conflict)
		events_differ(ev, s, dir, in);
	else if (op == 5)
		session_end(s, dir, ev->now_ns,
		    (enum how)(fuzz_u8(in) % HOW_REFUSED),
		    (enum party)(fuzz_u8(in) % PARTY_NPARTIES));
	else
		events_say(ev, s, dir, in);
}

/** events_stop() - Close every session. */
static inline void
events_stop(struct events *ev)
{
	for (size_t i = 0; i < EVENTS_SESSIONS; i++) {
		if (ev->is_open[i])
			events_close(ev, i, HOW_STOP);
		free(ev->slots[i]);
		ev->slots[i] = NULL;
	}
}

/** events_play() - All of @in, from the beginning to the end. */
static inline void
events_play(struct events *ev, struct fuzz_in *in)
{
	ev->now_ns = EVENTS_START_NS;
	while (in->left > 0)
		events_step(ev, in);
	events_stop(ev);
}

#endif /* FUZZ_EVENTS_H */
