#include "core/connection_judge.h"

/*
 * Bytes that a rival may have sent when the first acknowledgement of it comes
 * our way: a window without scaling.
 */
#define RIVAL_DATA 65535

bool
connection_judge_opens(const struct segment *seg)
{
	if (segment_has(seg, SEGMENT_RST))
		return false;
	return segment_has(seg, SEGMENT_SYN) || seg->wire_len > 0;
}

/* Does @seg acknowledge what the present connection may have sent? */
static bool
ack_fits(const struct connection *c, enum dir dir, const struct segment *seg)
{
	const struct half *h = &c->half[connection_acked_by(c, dir)];
	int64_t off;

	if (!segment_has(seg, SEGMENT_ACK) || !half_is_started(h))
		return false;
	off = half_offset(h, seg->ack);
	return off >= 0 && off <= (int64_t)h->top;
}

/*
 * What acknowledges the rival's number and nothing of ours.  A SYN-ACK may
 * fit both, when the new numbers follow the old ones.
 */
static bool
proves_rival(
    const struct connection *c, enum dir dir, const struct segment *seg)
{
	const struct connection_rival *r = &c->rival;
	uint32_t past = seg->ack - r->next;

	if (!c->has_rival || dir == r->dir || !segment_has(seg, SEGMENT_ACK) ||
	    segment_has(seg, SEGMENT_RST))
		return false;
	if (r->answers)
		return past == 0 && seg->seq == r->peer &&
		       !segment_has(seg, SEGMENT_SYN);
	/* With it data on the SYN; or its SYN-ACK went past us. */
	if (past > (r->syn ? RIVAL_DATA : 0))
		return false;
	if (segment_has(seg, SEGMENT_SYN))
		return r->syn;
	return !ack_fits(c, dir, seg);
}

/* One side's SYN was seen, with another number than this one, no answer. */
static enum connection_verdict
judge_syn_unanswered(
    const struct connection *c, enum dir dir, const struct segment *seg)
{
	/* Whoever sends another SYN has given the first one up. */
	if (dir == c->opener)
		return CONNECTION_RENEW;
	if (segment_has(seg, SEGMENT_ACK))
		return !half_is_started(&c->half[dir]) && ack_fits(c, dir, seg)
			   ? CONNECTION_ACCEPT
			   : CONNECTION_STRAY;
	/*
	 * Both at once (RFC 9293, section 3.5, figure 8); or the SYN-ACK that
	 * came first acknowledges another SYN than this.
	 */
	return half_is_started(&c->half[dir]) ? CONNECTION_RENEW
					      : CONNECTION_ACCEPT;
}

static bool
is_fin_seen(const struct connection *c, enum dir dir)
{
	return c->half[dir].fin != HALF_NO_FIN;
}

static enum connection_verdict
judge_syn(const struct connection *c, enum dir dir, const struct segment *seg)
{
	const struct half *h = &c->half[dir];
	const struct half *other = &c->half[connection_acked_by(c, dir)];

	if (segment_has(seg, SEGMENT_RST))
		return CONNECTION_STRAY;
	if (half_is_started(h) && seg->seq + 1 == h->start)
		return CONNECTION_ACCEPT;
	if (c->state == CONNECTION_SYN)
		return judge_syn_unanswered(c, dir, seg);
	if (c->state == CONNECTION_LINGER ||
	    (is_fin_seen(c, DIR_CLIENT) && is_fin_seen(c, DIR_SERVER)))
		return CONNECTION_RENEW;
	/* The SYN-ACK, captured after what it made possible. */
	if (segment_has(seg, SEGMENT_ACK) &&
	    (half_is_soft(h) || !half_is_started(h)) &&
	    half_is_started(other) && seg->ack == other->start)
		return CONNECTION_ACCEPT;
	return CONNECTION_STRAY;
}

static enum connection_verdict
judge_rst(const struct connection *c, enum dir dir, const struct segment *seg)
{
	const struct half *h = &c->half[dir];

	/* RFC 9293, section 3.10.7.3: a SYN's must acknowledge it. */
	if (half_is_started(h) ? half_takes_rst(h, seg->seq)
			       : ack_fits(c, dir, seg))
		return CONNECTION_ACCEPT;
	return CONNECTION_STRAY;
}

/* The first that we hear of @dir is no SYN: its SYN-ACK went past us. */
static enum connection_verdict
judge_first(const struct connection *c, enum dir dir, const struct segment *seg)
{
	const struct half *other = &c->half[connection_acked_by(c, dir)];
	int64_t off;

	if (c->state != CONNECTION_SYN)
		return CONNECTION_ACCEPT;
	if (!segment_has(seg, SEGMENT_ACK))
		return CONNECTION_STRAY;
	off = half_offset(other, seg->ack);
	return off >= 0 && off <= HALF_REACH ? CONNECTION_ACCEPT
					     : CONNECTION_STRAY;
}

static enum connection_verdict
judge_data(const struct connection *c, enum dir dir, const struct segment *seg)
{
	const struct half *h = &c->half[dir];

	if (!half_is_started(h))
		return judge_first(c, dir, seg);
	switch (half_place(h, seg->seq, seg->wire_len)) {
	case HALF_WITHIN:
		return CONNECTION_ACCEPT;
	case HALF_AHEAD:
		/*
		 * One is an accident or a forgery; where a second continues
		 * it, the stream has gone on without us.
		 */
		return h->strayed && seg->seq == h->stray_next
			   ? CONNECTION_ACCEPT
			   : CONNECTION_STRAY;
	case HALF_FAR:
		break;
	}
	return CONNECTION_STRAY;
}

enum connection_verdict
connection_judge(
    const struct connection *c, enum dir dir, const struct segment *seg)
{
	if (proves_rival(c, dir, seg))
		return CONNECTION_REPLACE;
	if (segment_has(seg, SEGMENT_SYN))
		return judge_syn(c, dir, seg);
	if (segment_has(seg, SEGMENT_RST))
		return judge_rst(c, dir, seg);
	return judge_data(c, dir, seg);
}
