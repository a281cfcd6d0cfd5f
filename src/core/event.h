#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "core/dir.h"

/*
 * event.h - the one vocabulary between sources and sinks.
 *
 * Each sink sees, per session: one open; then data, gap and conflict, in
 * stream order per direction, offsets never decreasing; end once per
 * direction; one close.  A refused session is its open and its close: it
 * never had directions that could end.  Offsets are 64-bit bytes from the start
 * of that direction's stream.  Times are event time (base/clock.h): ns since
 * the Unix epoch, taken once per read or per packet.
 */

/**
 * enum how - How a direction, or a whole session, ended
 *
 * Ordered: a session's reason is the worse, that is the greater, of its two
 * directions' ends.  Short form of event_how.
 */
enum how {
	HOW_FIN,     /* orderly: FIN, or end of a file */
	HOW_STOP,    /* this program was told to stop */
	HOW_LIMIT,   /* --max-bytes and its like */
	HOW_EVICTED, /* forgotten to make room (tap, read) */
	HOW_TIMEOUT, /* silent for too long, or never answered */
	HOW_RST,     /* reset by one of the peers */
	HOW_ERROR,   /* a failure on our side of a socket, or no route */
	HOW_REFUSED, /* the server refused the connection; never with bytes */
};
#define HOW_NHOWS (HOW_REFUSED + 1)

/** enum party - Who did something. */
enum party {
	PARTY_CLIENT,
	PARTY_SERVER,
	PARTY_US,
};
#define PARTY_NPARTIES (PARTY_US + 1)

/** enum gap_why - Why a range of stream bytes cannot be delivered. */
enum gap_why {
	GAP_LOST,    /* never captured */
	GAP_BUDGET,  /* held too long, or too much was held */
	GAP_SNAPLEN, /* cut off by the capture's snapshot length */
	GAP_QUEUE,   /* this sink's own queue was full; no other sink sees it */
};
#define GAP_NWHYS (GAP_QUEUE + 1)

/**
 * struct chunk - Consecutive bytes of one direction, in stream order
 * @dir:	Who sent them
 * @off:	Offset of the first byte in the stream
 * @ts_ns:	When they were read from the sender
 * @data:	Borrowed until the callback returns; NULL when no sink of the
 *		session needs bytes in memory
 * @len:	Number of bytes, always > 0
 */
struct chunk {
	enum dir dir;
	uint64_t off;
	uint64_t ts_ns;
	const uint8_t *data;
	size_t len;
};

/** struct gap - @len bytes at @off will never arrive; @len > 0. */
struct gap {
	enum dir dir;
	uint64_t off;
	uint64_t ts_ns;
	uint64_t len;
	enum gap_why why;
};

/**
 * struct conflict - The same bytes were sent twice, and they differ
 * @kept:	What was delivered; borrowed until the callback returns
 * @other:	What was not; as long as @kept
 */
struct conflict {
	enum dir dir;
	uint64_t off;
	uint64_t ts_ns;
	const uint8_t *kept;
	const uint8_t *other;
	size_t len;
};

/**
 * struct end - A direction is over
 * @off:	Length of the stream in bytes
 * @by:		Who ended it; a reset by the client ends both directions
 *		"by" the client
 */
struct end {
	enum dir dir;
	uint64_t off;
	uint64_t ts_ns;
	enum how how;
	enum party by;
};

/** event_how_name() - "fin", "rst", ...: as records spell it. */
const char *event_how_name(enum how how);

/** event_party_name() - "client", "server" or "us". */
const char *event_party_name(enum party p);

/** event_gap_name() - "lost", "budget", "snaplen" or "queue". */
const char *event_gap_name(enum gap_why why);

#endif /* CORE_EVENT_H */
