#ifndef CORE_HALF_H
#define CORE_HALF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/reasm.h"
#include "core/segment.h"

/*
 * half.h - one direction of a connection in its sequence space.
 *
 *	start      acked            top         edge
 *	  |----------|---------------|-----------|
 *	  0   receiver has it   sender has     receiver
 *	                        sent it        allows it
 *
 * All positions are stream offsets: the SYN lies before offset 0, a FIN takes
 * one offset.  What we know comes from packets that we happened to see, and
 * lags behind what the two ends know: acknowledgements get lost on the way
 * to us, or never come our way.  So the bounds err towards believing.
 *
 * The functions here decide nothing about the connection; they say where a
 * segment lies.
 */

/*
 * The largest window there is (RFC 7323, section 2.3), 2^30 - 1: sequence
 * numbers further apart than this have nothing to do with each other.
 */
#define HALF_REACH ((int64_t)1 << 30)

/*
 * How far beyond the window a segment may begin, besides a window's width:
 * acknowledgements that were lost on their way to us leave the edge behind.
 * As much as a fast link carries in a few milliseconds.
 */
#define HALF_SLACK ((int64_t)1 << 20)

/*
 * How far the first segment seen in the middle of a connection may lie behind
 * what the other side had acknowledged by then, and still be taken for one
 * that overtook others: three segments of Ethernet's size, since senders take
 * more than that for a loss (RFC 5681, section 3.2).  Further away, others
 * were under way when the capture began, or the number was none: programs
 * that forge packets leave 0.
 */
#define HALF_OVERTAKEN ((int64_t)3 * 1460)

/* half.fin, before there is one. */
#define HALF_NO_FIN UINT64_MAX

/**
 * struct half - One direction; written by half.c and connection.c alone
 *
 * The offset up to which the other side has acknowledged, FIN included, is in
 * its session: half_acked().
 *
 * @reasm:	Its stream
 * @top:	Offset up to which it has sent, as far as seen, FIN included
 * @edge:	First offset that the other side does not allow yet; valid with
 *		@heard
 * @fin:	Offset of its FIN, or HALF_NO_FIN
 * @doubt:	An acknowledged offset that was too far ahead to be believed at
 *		once; 0: none
 * @start:	Sequence number of offset 0; valid once the stream has started
 * @stray_next:	Where the last segment ahead of the window ended; valid with
 *		@strayed
 * @scale:	Window scale that its SYN offered, or SEGMENT_NO_SCALE; valid
 *		with @synced
 * @synced:	Its SYN was seen
 * @soft:	Picked up in the middle, and so far only the other side's
 *		acknowledgement tells where it starts: the first bytes seen
 *		may correct it, see half_is_soft()
 * @heard:	The other side has acknowledged something
 * @strayed:	See @stray_next
 */
struct half {
	struct reasm reasm;
	uint64_t top;
	uint64_t edge;
	uint64_t fin;
	uint64_t doubt;
	uint32_t start;
	uint32_t stray_next;
	uint8_t scale;
	bool synced;
	bool soft;
	bool heard;
	bool strayed;
};

/** half_init() - A direction of @s of which nothing is known. */
void half_init(struct half *h, struct session *s, enum dir dir);

/** half_done() - Release it. */
void half_done(struct half *h, struct reasm_pool *p);

/** half_is_started() - Is it known where offset 0 lies? */
static inline bool
half_is_started(const struct half *h)
{
	return h->reasm.started;
}

/** half_acked() - Offset up to which the other side has acknowledged. */
uint64_t half_acked(const struct half *h);

/** half_is_soft() - Nothing fixes its start yet; nothing was delivered. */
bool half_is_soft(const struct half *h);

/** half_start() - Offset 0 lies at @seq; once more only while it is soft. */
void half_start(struct half *h, struct reasm_pool *p, uint32_t seq);

/**
 * half_settle() - The first bytes, or the FIN, of a soft direction lie at @seq
 *
 * Where they follow closely what the other side had acknowledged, the stream
 * starts there, and what lies between is missing: so nothing is lost when the
 * first segments come in the wrong order.  Else it starts at @seq.
 */
void half_settle(struct half *h, struct reasm_pool *p, uint32_t seq);

/** half_offset() - Where @seq lies; negative: before the start. */
int64_t half_offset(const struct half *h, uint32_t seq);

/** enum half_place - Where a segment lies. */
enum half_place {
	HALF_WITHIN, /* where its receiver may take it */
	HALF_AHEAD,  /* beyond the window */
	HALF_FAR,    /* more than HALF_REACH away, on either side */
};

/** half_place() - Where @len bytes at @seq lie, in a started direction. */
enum half_place half_place(const struct half *h, uint32_t seq, uint32_t len);

/**
 * half_is_probe() - Is it a keep-alive (RFC 9293, section 3.8.4)?
 *
 * No byte or a single one, right before what its receiver waits for, that we
 * have delivered: this copy may be garbage, and is no part of the stream.
 */
bool half_is_probe(const struct half *h, const struct segment *seg);

/**
 * half_ack() - The other side has acknowledged @ack and allows @window bytes
 *
 * What is far ahead of all that was sent in our sight must be said twice: an
 * end ignores segments that acknowledge what it has not sent yet (RFC 9293,
 * section 3.10.7.4), but we cannot know what went past us.
 */
void half_ack(struct half *h, uint32_t ack, uint32_t window);

/** half_fin_acked() - Its FIN was seen, and acknowledged. */
bool half_fin_acked(const struct half *h);

/**
 * half_takes_rst() - Would its receiver obey a RST at @seq?
 *
 * Receivers do when it is exactly what they wait for next, else they ask back
 * (RFC 5961, section 3.2).  What that is we know to lie between what they
 * have acknowledged and what was sent.
 */
bool half_takes_rst(const struct half *h, uint32_t seq);

/**
 * half_proven() - Up to which offset there were bytes, by all that is known
 *
 * A FIN tells exactly.  An acknowledgement of one more than was seen may
 * be that of a FIN that was not: it proves no byte.
 */
uint64_t half_proven(const struct half *h);

#endif /* CORE_HALF_H */
