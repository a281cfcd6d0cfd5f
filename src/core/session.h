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
 * struct session_more - What few of many sessions have: those of a proxy, and
 *	those whose ends were looked up
 * @listen:	Proxy only: our end of the client's connection, else UNSPEC
 * @local:	Proxy only: our end of the server's connection, else UNSPEC
 * @name:	[DIR_CLIENT] names of the client, [DIR_SERVER] of the server
 * @target:	Proxy: the target as its user wrote it ("ftp.example.com:21");
 *		NULL otherwise.  Borrowed; lives as long as the program.
 * @error:	Static or source-owned text for HOW_ERROR, HOW_REFUSED and
 *		HOW_TIMEOUT at connect ("Connection refused"); NULL if none
 * @lost_bytes:	Proxy: read from the sender but never delivered to the
 *		receiver, since that one was gone
 *
 * The source writes all of it, before the call that needs it.
 */
struct session_more {
	struct addr listen;
	struct addr local;
	struct session_name name[DIR_NDIRS];
	const char *target;
	const char *error;
	uint64_t lost_bytes[DIR_NDIRS];
};

/**
 * struct session - What is known about a conversation
 * @id:		Running number from 1, unique within the run
 * @source:	"proxy", "tap" or "read"; static
 * @input:	Name of the input that hears it; lives as long as the run
 * @client:	The true peer that opened the connection
 * @server:	The true other end
 * @more:	The source's, see session_use_more(); NULL: none of it.  Read by
 *		session_listen() and those that follow it
 * @midstream:	First seen in the middle
 * @no_packets:	Nobody gives packets of it (a proxy, a netrecord log): sinks
 *		that keep packets get its events
 * @open_ns:	Event time of the first sight (proxy: of the accept)
 * @last_ns:	Event time of the last event
 * @bytes:	Stream bytes delivered to the sinks, gaps not included
 * @off:	Next stream offset: bytes plus gaps (session_gap_bytes())
 * @packets:	tap and read: packets of this session, by sender; else 0
 * @retransmitted: ... of them, that carried payload and nothing new
 * @acked:	tap and read: offset up to which the other end has said that it
 *		has the bytes, FIN included; else 0
 * @ended:	end was sent for this direction
 * @how:	How it ended; valid when @ended
 * @reason:	Valid at close: see session_close()
 * @first:	Valid from the first end on: who ended first
 * @fan:	Where events go
 * @active:	Bit i set: sink i of @fan sees this session (fanout.c)
 * @node:	On @fan's list of open sessions
 * @slots:	Room for the sinks' state: @slots_size bytes, zeroed
 * @slots_size:	fanout_session_size() as it was when they were made
 *
 * The source writes the fields up to @open_ns, @packets, @retransmitted and
 * @acked before the call that needs them; the others belong to session.c and
 * fanout.c.
 */
struct session {
	uint64_t id;
	const char *source;
	const char *input;
	struct addr client;
	struct addr server;
	struct session_more *more;
	bool midstream;
	bool no_packets;
	bool ended[DIR_NDIRS];
	uint8_t how[DIR_NDIRS];
	uint8_t reason;
	uint8_t first;
	uint8_t state;
	uint32_t slots_size;
	uint64_t open_ns;
	uint64_t last_ns;
	uint64_t bytes[DIR_NDIRS];
	uint64_t off[DIR_NDIRS];
	uint64_t packets[DIR_NDIRS];
	uint64_t retransmitted[DIR_NDIRS];
	uint64_t acked[DIR_NDIRS];
	struct fanout *fan;
	uint64_t active;
	struct list node;
	void *slots;
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

/** session_use_more() - Room of the caller for what few have; it is zeroed. */
void session_use_more(struct session *s, struct session_more *more);

/** session_listen() - See struct session_more; never NULL */
const struct addr *session_listen(const struct session *s);

/** session_local() - Likewise */
const struct addr *session_local(const struct session *s);

/** session_name() - Likewise, of who sends @dir; its texts may be NULL */
const struct session_name *session_name(const struct session *s, enum dir dir);

/** session_target() - Likewise; may be NULL */
const char *session_target(const struct session *s);

/** session_error() - Likewise; may be NULL */
const char *session_error(const struct session *s);

/** session_lost_bytes() - Likewise */
uint64_t session_lost_bytes(const struct session *s, enum dir dir);

/** session_gap_bytes() - Sum of gaps (without those of single sinks) */
uint64_t session_gap_bytes(const struct session *s, enum dir dir);

/** session_lose() - @len bytes were read, but never delivered; has @more */
void session_lose(struct session *s, enum dir dir, uint64_t len);

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
