#ifndef SINK_MADE_H
#define SINK_MADE_H

#include <stdint.h>

#include "core/dir.h"
#include "core/event.h"

#include "wire/synth.h"

/*
 * made.h - packets made for a session (wire/synth.h), with what packets
 * cannot say in comments.
 *
 *	sink event ──► made_open, _data, _gap, _end, _close ──► emit(frame)
 *
 * Each event becomes the packets that would have carried it, at the time of
 * the event.  A comment stands at the first packet of a session (which one,
 * and what no address can tell), at an end that neither peer made, and at the
 * first packet behind missing bytes.
 *
 * Events that nobody hears are told too, so that the conversation knows its
 * place: with no emit they cost a few additions.  Whoever begins to listen
 * then, gets made_join().
 *
 * No memory but that of the caller's buffer, no clock, no descriptor.
 */

struct obuf;
struct session;

/**
 * struct made - The conversation of a session; private
 * @synth:	Its packets
 * @lost:	Bytes missing before the next packet of that side,
 * @why:	and why
 */
struct made {
	struct synth synth;
	uint64_t lost[DIR_NDIRS];
	uint8_t why[DIR_NDIRS];
};

/**
 * struct made_out - Where packets go
 * @emit:	Called for each, in order, before the made_ call returns; NULL:
 *		nobody listens
 * @self:	Passed on
 * @words:	Where comments are put together; its contents belong to the
 *		call.  NULL: no comments
 */
struct made_out {
	synth_emit *emit;
	void *self;
	struct obuf *words;
};

/** made_open() - The first of @s: the client calls; @m needs no value before */
void made_open(
    struct made *m, const struct made_out *out, const struct session *s);

/** made_data() - Bytes, and their acknowledgement; data in memory. */
void made_data(
    struct made *m, const struct made_out *out, const struct chunk *c);

/** made_gap() - Missing bytes: no packet, the sequence number moves on. */
void made_gap(struct made *m, const struct made_out *out, const struct gap *g);

/** made_end() - A FIN, or the RST once both directions are over. */
void made_end(struct made *m, const struct made_out *out,
    const struct session *s, const struct end *e);

/** made_close() - What still waits; then nothing follows. */
void made_close(
    struct made *m, const struct made_out *out, const struct session *s);

/**
 * made_join() - What somebody who hears @m from now on must be told first
 * @ts_ns:	Event time: now
 *
 * A handshake whose SYN bears the number before the next byte, and the FIN of
 * a direction that has ended; so what comes later follows without a hole.
 * Nothing if there is nothing more to hear.  @m is as before: those who hear it
 * already get none of this.
 */
void made_join(const struct made *m, const struct made_out *out,
    const struct session *s, uint64_t ts_ns);

#endif /* SINK_MADE_H */
