#ifndef SOURCE_WINDOW_H
#define SOURCE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/obuf.h"

/*
 * window.h - whole items out of a stream that comes in pieces.
 *
 * Items are looked at where they lie.  Only one that lies across two pieces
 * (or more) is put together elsewhere, and nothing but it:
 *
 *	piece ──────────────┐┌── piece ───────────────────
 *	 item | item | ite  ││ m | item | item
 *	               └─┬──┘└┬┘
 *	                carry: "item"
 */

/**
 * struct window - Private; embedded
 * @carry:	The front of an item whose rest lies in a piece to come
 * @piece:	@len bytes, of which @at have been used or carried
 * @skip:	Bytes of pieces to come that are to be passed over
 */
struct window {
	struct obuf carry;
	const uint8_t *piece;
	size_t len;
	size_t at;
	uint64_t skip;
};

/** window_init() - Empty; no memory yet. */
void window_init(struct window *w);

/** window_done() - Release memory. */
void window_done(struct window *w);

/** window_clear() - Another stream begins; keep the memory. */
void window_clear(struct window *w);

/**
 * window_push() - The next piece
 * @piece:	@len bytes, borrowed until window_need() has asked for another
 *
 * The one before has been used up: window_need() has said so.
 */
void window_push(struct window *w, const uint8_t *piece, size_t len);

/** window_view() - What lies in it: @*data, so many bytes. */
size_t window_view(const struct window *w, const uint8_t **data);

/**
 * window_need() - There are too few in view
 * @need:	How many there have to be; more than there are
 *
 * Return: 0: now there are; -EAGAIN: push another piece, this one is used up;
 *	   -ENOMEM
 */
int window_need(struct window *w, size_t need) ATTR_WUNRES;

/** window_used() - Go on behind so many bytes, which may not all be there. */
void window_used(struct window *w, size_t used);

/** window_left() - Bytes in view, all pieces together. */
size_t window_left(const struct window *w);

/** window_unseen() - Bytes to be passed over that are still to come. */
uint64_t window_unseen(const struct window *w);

#endif /* SOURCE_WINDOW_H */
