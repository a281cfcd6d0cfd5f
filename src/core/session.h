#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"
#include "core/event.h"

struct fanout;

/*
 * session.h - one TCP conversation, as sources feed it and sinks see it.
 *
 * A source makes the session, fills in who talks to whom, calls
 * session_open(), feeds data, gaps, conflicts and ends in stream order, and
 * calls session_close() last.  The session checks that order (a source that
 * breaks it is a bug of ours, hence assert), keeps the totals, and passes
 * each event to the sinks of its worker (core/fanout.h).  The totals include
 * an event by the time the sinks see it.
 *
 * All of it happens on the one thread that owns the session.
 */

/**
 * struct session_name - Names for an end, when --names looked them up
 * @host:	Host name; owned by the source; NULL: show the address
 * @service:	Service name of the port; likewise
 */
struct session_name {
	const char *host;
	const char *service;
};

/**
 * struct session - What is known about a conversation
 * @id:		Running number from 1, unique within the run
 * @source:	"proxy", "tap" or "read"; static
 * @input:	Name of the input that hears it; lives as long as the run
 * @client:	The true peer that opened the connection
 * @server:	The true other end
 * @listen:	Proxy only: our end of the client's connection, else UNSPEC
 * @local:	Proxy only: our end of the server's connection, else UNSPEC
 * @name:	[DIR_CLIENT] names of the client, [DIR_SERVER] of the server
 * @target:	Proxy: the target as its user wrote it ("ftp.example.com:21");
 *		NULL otherwise.  Borrowed; lives as long as the program.
 * @midstream:	First seen in the middle
 * @no_packets:	Nobody gives packets of it (a proxy, a netrecord log): sinks
 *		that keep packets get its events
 * @open_ns:	Event time of the first sight (proxy: of the accept)
 * @last_ns:	Event time of the last event
 * @bytes:	Stream bytes delivered to the sinks, gaps not included
 * @off:	Next stream offset: bytes plus gaps
 * @gap_bytes:	Sum of gaps (without those of single sinks)
 * @lost_bytes:	Proxy: read from the sender but never delivered to the
 *		receiver, since that one was gone
 * @packets:	tap and read: packets of this session, by sender; else 0
 * @retransmitted: ... of them, that carried payload and nothing new
 * @acked:	tap and read: offset up to which the other end has said that it
 *		has the bytes, FIN included; else 0
 * @ended:	end was sent for this direction
 * @how:	How it ended; valid when @ended
 * @reason:	Valid at close: see session_close()
 * @first:	Valid from the first end on: who ended first
 * @error:	Static or source-owned text for HOW_ERROR, HOW_REFUSED and
 *		HOW_TIMEOUT at connect ("Connection refused"); NULL if none
 * @fan:	Where events go
 * @active:	Bit i set: sink i of @fan sees this session (fanout.c)
 * @node:	On @fan's list of open sessions
 * @slots:	Room for the sinks' state: @slots_size bytes, zeroed
 * @slots_size:	fanout_session_size() as it was when they were made
 *
 * The source writes the fields up to @open_ns, @lost_bytes, @packets,
 * @retransmitted, @acked and @error before the call that needs them; the others
 *belong to session.c and fanout.c.
 */
struct session {
	uint64_t id;
	const char *source;
	const char *input;
	struct addr client;
	struct addr server;
	struct addr listen;
	struct addr local;
	struct session_name name[DIR_NDIRS];
	const char *target;
	const char *error;
	bool midstream;
	bool no_packets;
	bool ended[DIR_NDIRS];
	uint8_t how[DIR_NDIRS];
	uint8_t reason;
	uint8_t first;
	uint8_t state;
	uint64_t open_ns;
	uint64_t last_ns;
	uint64_t bytes[DIR_NDIRS];
	uint64_t off[DIR_NDIRS];
	uint64_t gap_bytes[DIR_NDIRS];
	uint64_t lost_bytes[DIR_NDIRS];
	uint64_t packets[DIR_NDIRS];
	uint64_t retransmitted[DIR_NDIRS];
	uint64_t acked[DIR_NDIRS];
	struct fanout *fan;
	uint64_t active;
	struct list node;
	void *slots;
	size_t slots_size;
};

/**
 * session_init() - Make a session that nobody has heard of yet
 * @fan:	The sinks of this worker; outlives the session
 * @slots:	Zeroed memory of fanout_session_size(@fan) bytes, as it is at
 *		this moment, aligned for any type; owned by the caller, lives as
 *		long as the session
 */
void session_init(struct session *s, struct fanout *fan, void *slots);

/**
 * session_lacks_slots() - Have sinks come for which its slots are too small?
 *
 * Then session_open() leaves them out (DROP_GONE).  A source that makes a
 * session some time before it opens it asks, and helps.
 */
bool session_lacks_slots(const struct session *s);

/** session_use_slots() - Replace its slots, as for session_init(). */
void session_use_slots(struct session *s, void *slots);

/** session_is_overheard() - It passes by us, not through us: tap or read. */
bool session_is_overheard(const struct session *s);

/** session_open() - Announce it; @open_ns and the addresses are set. */
void session_open(struct session *s);

/**
 * session_data() - Deliver bytes
 * @c:		@c->off must equal @s->off[@c->dir]
 */
void session_data(struct session *s, const struct chunk *c);

/**
 * session_take() - Deliver bytes that lie in a pipe
 * @c:		As above, @c->data is NULL
 * @pipe:	Opaque to core: a struct pipe (net/pipe.h) that holds exactly
 *		@c->len bytes.  Given away: the sink returns it to its pool.
 *
 * Only after fanout_need() has said NEED_FILE.
 */
void session_take(struct session *s, const struct chunk *c, void *pipe);

/** session_gap() - Say that bytes are missing; @g->off is the next offset. */
void session_gap(struct session *s, const struct gap *g);

/**
 * session_conflict() - Say that a range was sent twice and differs
 * @c:		Names bytes that were delivered: @c->off + @c->len is at most
 *		the next offset
 */
void session_conflict(struct session *s, const struct conflict *c);

/**
 * session_end() - A direction is over; later calls for it do nothing
 * @how:	Anything but HOW_REFUSED, which only session_close() takes
 */
void session_end(struct session *s, enum dir dir, uint64_t ts_ns, enum how how,
    enum party by);

/**
 * session_close() - The last event
 * @how:	The least reason it closes for; directions that have not ended
 *		yet end this way, at this time, by @by.
 *
 * @s->reason becomes the worse of the two ends and @how.  HOW_REFUSED stands
 * alone: no end events, and no byte before it.  After this the session may be
 * freed; its sinks have let go.
 */
void session_close(
    struct session *s, uint64_t ts_ns, enum how how, enum party by);

#endif /* CORE_SESSION_H */
