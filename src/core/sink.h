#ifndef CORE_SINK_H
#define CORE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "core/count.h"
#include "core/event.h"

/*
 * sink.h - the one interface through which recorded traffic leaves core.
 *
 * A sink is made once from its specification.  Each worker thread then gets a
 * "lane" of it: its private state, batch and counters, so that the data path
 * needs no lock.  All session callbacks run on the worker's thread, in the
 * order of event.h.  None may block, or call back into the session.
 */

struct err;
struct packet;
struct session;
struct sink_lane;
struct worker;

/**
 * enum need - What a sink needs of a chunk; ordered, the strongest wins
 *
 * The relay picks its path from the strongest need among a session's sinks.
 */
enum need {
	NEED_NOTHING, /* counts and positions: splice, no byte enters here */
	NEED_FILE,    /* bytes in a file: splice and tee(2), see take() */
	NEED_MEMORY,  /* bytes in memory */
};

/** enum on_full - What happens when a sink's queue is full. */
enum on_full {
	ON_FULL_DROP,  /* the sink loses the chunk: counted, gap "queue" */
	ON_FULL_PAUSE, /* the sessions it watches are not read meanwhile */
	ON_FULL_CLOSE, /* the sink lets go of the session: abort() */
};

/**
 * struct sink_match - Which sessions a sink watches
 * @port:	Server port (or client port); 0: any
 * @client:	Client address without port; AF_UNSPEC: any
 * @server:	Server address without port; AF_UNSPEC: any
 */
struct sink_match {
	uint16_t port;
	struct addr client;
	struct addr server;
};

/**
 * struct sink - A sink as all threads see it; read-only once it is made
 * @ops:	Its kind
 * @name:	Unique: "flows", "flows-2" or what name= said; owned
 * @on_full:	Policy for a full queue
 * @queue:	Limit of the queue in bytes, for all lanes together
 * @match:	Sessions it watches
 * @session_fds: Descriptors that each session costs, for sinks that send; set
 *		by the kind.  0: files, which are shared out (sink_env.max_open)
 * @aside:	By direction: it only looks at what is said there; neither
 *		offered nor refused.  Set by the kind.
 * @self:	The kind's own data
 */
struct sink {
	const struct sink_ops *ops;
	char *name;
	enum on_full on_full;
	size_t queue;
	struct sink_match match;
	unsigned session_fds;
	bool aside[DIR_NDIRS];
	void *self;
};

/**
 * struct sink_lane - A sink as one worker sees it
 * @sink:	What it is a lane of
 * @self:	Whatever lane_new() made
 * @slot_off:	Where the sink's state lies in a session's slots (fanout.c)
 * @count:	What became of the bytes
 */
struct sink_lane {
	struct sink *sink;
	void *self;
	size_t slot_off;
	struct sink_count count;
};

/**
 * struct sink_ops - What a kind of sink implements
 * @kind:	As written before the colon of a specification
 * @need:	Static; see enum need
 * @session_size: Bytes of zeroed state per session, @st below; 0 is fine
 * @strays:	packet() wants packets of no session too
 *
 * Callbacks that may be NULL: need_session, data (counts only), take and
 * discard (unless @need is NEED_FILE), missed, gap, conflict, end, packet,
 * abort (unless it can be full and may be told to close), turn, full,
 * full_session, start, finish, finished (unless there is finish), drain,
 * reopen.
 *
 * A sink with packet() is one that keeps packets (decision 11): it gets open,
 * packet and close, none of the events between, its @need is NEED_NOTHING, and
 * its counters count captured bytes of packets.  Such ops are chosen by a kind
 * whose source gives packets (sink_env.packets).
 *
 * Sessions that bring no packets (session.no_packets) give such a sink their
 * events instead, as to one with NEED_MEMORY; if it has no data(), it sees
 * nothing of them.
 */
struct sink_ops {
	const char *kind;
	enum need need;
	size_t session_size;
	bool strays;

	/**
	 * lane_new() - Make the part that worker @w uses
	 * @lane:	To be given to later calls; ->self is set by this call
	 *
	 * Runs before the worker's thread starts, or beside it, on a thread
	 * that may block: nothing of the worker's loop is touched.  Never for
	 * two lanes at once.  Return: 0 or -errno.
	 */
	int (*lane_new)(
	    struct sink_lane *lane, struct worker *w, struct err *err);
	/**
	 * start() - The worker runs, and the first event may come
	 *
	 * On the worker's thread, after the lanes of all workers were made:
	 * what is served from its loop is opened here.  Not called where the
	 * worker never runs; then finish() is not either.
	 */
	void (*start)(struct sink_lane *lane);
	/**
	 * lane_free() - Runs after the worker's thread has ended, or after
	 * finished() has said so, and drain(); on another thread
	 */
	void (*lane_free)(struct sink_lane *lane);
	/**
	 * drain() - Bring out what is queued
	 * @deadline_ns: Monotonic; what is left by then is DROP_CLOSING
	 *
	 * Runs once, when all workers have ended or all lanes have finished,
	 * before lane_free(); on a thread that may block.
	 *
	 * Return: 0; -ETIMEDOUT: a thread of the sink had to be left behind,
	 *	   and neither its lanes nor the sink may be freed any more
	 */
	int (*drain)(struct sink *sink, uint64_t deadline_ns);
	/** reopen() - SIGHUP: close and open again what has a name. */
	void (*reopen)(struct sink *sink);
	/** free() - Release the sink; all lanes are gone; NULL is a no-op. */
	void (*free)(struct sink *sink);

	/**
	 * open() - The first of @s
	 *
	 * Return: 0; -ECANCELED: the sink does not want this session; another
	 *	   -errno: it cannot record it, and the bytes are DROP_GONE.
	 *	   Either way it sees nothing more of it.
	 */
	int (*open)(struct sink_lane *lane, void *st, const struct session *s);
	/**
	 * need_session() - What it needs of this session at the moment
	 *
	 * For a sink of NEED_NOTHING that needs bytes of some sessions for some
	 * time, as long as somebody looks: NEED_NOTHING or NEED_MEMORY, changed
	 * between events only.  Its data() gets @c->data when there is one and
	 * NULL when there is none, whatever it said here.
	 */
	enum need (*need_session)(const struct sink_lane *lane, const void *st);
	void (*data)(struct sink_lane *lane, void *st, const struct session *s,
	    const struct chunk *c);
	/** take() - The bytes lie in @pipe, which is given away. */
	void (*take)(struct sink_lane *lane, void *st, const struct session *s,
	    const struct chunk *c, void *pipe);
	/** discard() - The queue is full: give @pipe back, bytes and all. */
	void (*discard)(struct sink_lane *lane, void *pipe);
	/**
	 * missed() - Its queue was full for @len bytes of a direction
	 *
	 * They are counted as DROP_QUEUE_FULL; gap() tells of them when there
	 * is room again, which may be never.
	 */
	void (*missed)(
	    struct sink_lane *lane, void *st, enum dir dir, size_t len);
	void (*gap)(struct sink_lane *lane, void *st, const struct session *s,
	    const struct gap *g);
	void (*conflict)(struct sink_lane *lane, void *st,
	    const struct session *s, const struct conflict *c);
	void (*end)(struct sink_lane *lane, void *st, const struct session *s,
	    const struct end *e);
	/**
	 * packet() - A packet as it was captured
	 * @st, @s:	The session that it belongs to, if the sink watches
	 *		that; NULL for packets of no session (not TCP,
	 *		fragments, strays), which a sink gets if it has @strays
	 *		and no match
	 */
	void (*packet)(struct sink_lane *lane, void *st,
	    const struct session *s, const struct packet *p);
	/** close() - The last of @s; @ts_ns is @s->last_ns. */
	void (*close)(
	    struct sink_lane *lane, void *st, const struct session *s);
	/** abort() - ON_FULL_CLOSE struck; the last of @s for this sink. */
	void (*abort)(
	    struct sink_lane *lane, void *st, const struct session *s);

	/**
	 * turn() - End of a loop turn in which events came, or the time
	 * asked for has come
	 * @mono_ns:	Monotonic time
	 *
	 * Return: when to be called again at the latest (monotonic ns), or
	 *	   CLOCK_NEVER
	 */
	uint64_t (*turn)(struct sink_lane *lane, uint64_t mono_ns);
	/**
	 * full() - The queue has reached its limit
	 *
	 * A sink with full_session() says here whether any of its queues has.
	 */
	bool (*full)(const struct sink_lane *lane);
	/**
	 * full_session() - The queue for one direction of a session has
	 *
	 * For sinks with a queue per session, where a stuck consumer costs
	 * its own session alone; a new session always opens.
	 */
	bool (*full_session)(
	    const struct sink_lane *lane, const void *st, enum dir dir);
	/**
	 * finish() - No session is left: begin to end; after start()
	 * @deadline_ns: Monotonic; when whatever is still queued is dropped;
	 *		CLOCK_NEVER: when its consumer takes nothing any more
	 *
	 * On the worker's thread.  The loop ends when the lane has closed its
	 * handles; turn() is called until then.
	 */
	void (*finish)(struct sink_lane *lane, uint64_t deadline_ns);
	/**
	 * finished() - After finish(): is nothing of it left on the loop?
	 *
	 * Then turn() is called no more, and the lane may be freed while the
	 * worker goes on.  Asked after each turn().
	 */
	bool (*finished)(const struct sink_lane *lane);
};

/** sink_matches() - Does @sink watch this session? */
bool sink_matches(const struct sink *sink, const struct session *s);

/**
 * sink_on_full_parse() - Read "drop", "pause" or "close"
 *
 * Return: 0 or -EINVAL
 */
int sink_on_full_parse(const char *text, enum on_full *policy);

/** sink_on_full_name() - The word for it. */
const char *sink_on_full_name(enum on_full policy);

#endif /* CORE_SINK_H */
