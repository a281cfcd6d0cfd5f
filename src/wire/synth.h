#ifndef WIRE_SYNTH_H
#define WIRE_SYNTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#include "wire/frame.h"
#include "wire/ip.h"

/*
 * synth.h - packets made for a stream.
 *
 * A relay sees bytes, not packets.  This makes the conversation that would
 * have carried them, as seen on the wire of the client: valid in every field,
 * so that an analyser has nothing to say about it.
 *
 *	open	SYN			data	segments (PSH on the last), ACK
 *	accept	SYN/ACK, ACK		fin	FIN/ACK, ACK
 *	gap	nothing: the sequence	abort	RST, once both directions are
 *		number moves on			over; before it an ACK if it
 *						follows a gap
 *
 * Positions are 64 bits wide and are cut to sequence numbers at the last
 * moment, so that streams of more than 4 GiB are right.  The initial numbers
 * and, for UNIX ends, addresses and ports are made from the session's number:
 * two sessions never look like one.
 *
 * Times do not come from here, and are passed on as they are.  No memory, no
 * clock, no descriptor.
 */

/** enum synth_side - Who sends a packet, or ends something. */
enum synth_side {
	SYNTH_CLIENT,
	SYNTH_SERVER,
};
#define SYNTH_NSIDES (SYNTH_SERVER + 1)

/* Payload of one segment: pages, and with all headers under 64 KiB. */
#define SYNTH_SEGMENT ((size_t)60 * 1024)

/**
 * enum synth_state - How far the conversation has come
 *
 *	NEW	No packet yet.  Gaps move the place where it will begin, for a
 *		capture that starts late.  open() leaves it.
 *	SYN	The client has called.  accept(), and whatever only an accepted
 *		call can bring, goes to UP; a server that aborts, to OVER: the
 *		call was refused.
 *	UP	Handshake done; data and ends.
 *	OVER	Nothing more is sent.
 */
enum synth_state {
	SYNTH_NEW,
	SYNTH_SYN,
	SYNTH_UP,
	SYNTH_OVER,
};
#define SYNTH_NSTATES (SYNTH_OVER + 1)

/**
 * struct synth_end - One end of the conversation; private
 * @ip:		Address, network order
 * @port:	Port
 * @ip_id:	Identification of its next IPv4 packet
 * @isn:	Sequence number of stream position 0
 * @next:	Position of what it sends next; SYN and FIN count as one
 * @over:	Its direction has ended
 * @unheard:	The last of it is a gap that the other end did not acknowledge
 */
struct synth_end {
	uint8_t ip[16];
	uint16_t port;
	uint16_t ip_id;
	uint32_t isn;
	uint64_t next;
	bool over;
	bool unheard;
};

/**
 * struct synth - A conversation; private, embedded in the caller's session
 * @end:	Both ends
 * @pseudo:	Sum of what is the same in all pseudo headers
 * @version:	4 or 6
 * @state:	See enum synth_state
 * @aborted:	A direction was aborted,
 * @by:		first by this side
 */
struct synth {
	struct synth_end end[SYNTH_NSIDES];
	uint64_t pseudo;
	uint8_t version;
	uint8_t state;
	bool aborted;
	uint8_t by;
};

/**
 * synth_emit - Takes a packet
 * @f:		Begins with an IP header (link type RAW); borrowed until the
 *		call returns
 */
typedef void synth_emit(void *self, const struct frame *f);

/**
 * struct synth_out - Where packets go
 * @emit:	Called for each, in order, before the synth_ call returns; NULL:
 *		none is made, the conversation just moves on, and bytes may be
 *		NULL too
 * @self:	Passed on
 * @ts_ns:	Time that they bear
 */
struct synth_out {
	synth_emit *emit;
	void *self;
	uint64_t ts_ns;
};

/**
 * synth_init() - Prepare a conversation
 * @client:	Ends without address or port (UNIX, unknown) get one that is
 *		reserved for documentation.  An IPv4 end whose other end is
 *		IPv6 is shown mapped.
 * @server:	Likewise
 * @id:		Number of the session, unique in the file
 */
void synth_init(struct synth *s, const struct addr *client,
    const struct addr *server, uint64_t id);

/** synth_open() - The client calls; once. */
void synth_open(struct synth *s, const struct synth_out *out);

/** synth_accept() - The server answers; later calls do nothing. */
void synth_accept(struct synth *s, const struct synth_out *out);

/**
 * synth_data() - One side sends bytes, the other acknowledges
 * @len:	> 0
 */
void synth_data(struct synth *s, const struct synth_out *out,
    enum synth_side from, const uint8_t *data, size_t len);

/** synth_gap() - @len bytes of @from are missing here. */
void synth_gap(struct synth *s, const struct synth_out *out,
    enum synth_side from, uint64_t len);

/** synth_fin() - @from has finished sending. */
void synth_fin(
    struct synth *s, const struct synth_out *out, enum synth_side from);

/**
 * synth_abort() - The direction of @from was cut off
 * @by:		By whom
 *
 * The RST waits for the end of the other direction, which may still carry
 * bytes that were read before.
 */
void synth_abort(struct synth *s, const struct synth_out *out,
    enum synth_side from, enum synth_side by);

/** synth_close() - Send what still waits; then nothing follows. */
void synth_close(struct synth *s, const struct synth_out *out);

/** synth_sent() - Bytes of the stream that @side has sent, gaps included. */
uint64_t synth_sent(const struct synth *s, enum synth_side side);

/**
 * synth_join() - What a capture that begins now must be told first
 *
 * The handshake, as far as it has come, with numbers that make the next packet
 * of @s follow it; and the FIN of a direction that has finished.  Nothing
 * unless the state is SYN or UP.
 */
void synth_join(const struct synth *s, const struct synth_out *out);

#endif /* WIRE_SYNTH_H */
