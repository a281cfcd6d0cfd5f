#ifndef CORE_SOURCE_H
#define CORE_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * source.h - the one interface through which app/ drives what hears traffic:
 * proxy, tap (live capture) and read (capture files).
 *
 * Life: made and opened by its own constructor, which does everything that
 * needs privileges; attach() once the sinks and the workers exist; start();
 * events on the workers' threads; stop(), or an end of its own; then, once
 * the workers have ended, free().
 *
 *	new ── attach ── start ── ... ── stop ── (stopped) ── free
 *	  └───────┴── close, if it never started ──────────────┘
 */

struct err;
struct fanout;
struct packet_iface;
struct session;
struct source;
struct tally;
struct worker;

/**
 * struct source_events - What a source tells
 * @finished:	It has come to its own end: files read, so many sessions or
 *		packets.  The owner answers with stop().
 * @stopped:	After stop(): no session is left, nothing will come.
 * @trouble:	Something to be told to the user at once, @text without
 *		newline: a damaged file, an interface that went down
 * @self:	Passed to all of them
 *
 * Called on some worker's thread: @finished at most once and not after
 * stop(), @stopped exactly once, @trouble now and then.
 */
struct source_events {
	void (*finished)(void *self);
	void (*stopped)(void *self);
	void (*trouble)(void *self, const char *text);
	void *self;
};

/**
 * struct source_numbers - Numbers that are unique in a run, for all sources
 * @sessions:	Given out to sessions, from 1
 * @ifaces:	... to interfaces, from 0
 */
struct source_numbers {
	_Atomic uint64_t sessions;
	_Atomic uint32_t ifaces;
};

/** source_number_session() - session.id of the next; any thread. */
static inline uint64_t
source_number_session(struct source_numbers *n)
{
	return atomic_fetch_add(&n->sessions, 1) + 1;
}

/** source_number_iface() - packet_iface.id of the next; any thread. */
static inline uint32_t
source_number_iface(struct source_numbers *n)
{
	return atomic_fetch_add(&n->ifaces, 1);
}

/**
 * struct source_place - Its place in the run
 * @input:	What the input is called: session.input; outlives the source
 * @numbers:	Of the run; likewise
 */
struct source_place {
	const char *input;
	struct source_numbers *numbers;
};

/**
 * struct source_limits - What may change while a source hears
 * @sessions:	It is over after so many; 0: no limit
 * @concurrent:	At once; > 0
 * @bytes:	Per session, both directions; 0: no limit
 * @idle_ns:	Silence after which a session ends; 0: any
 */
struct source_limits {
	uint64_t sessions;
	uint64_t concurrent;
	uint64_t bytes;
	uint64_t idle_ns;
};

/**
 * struct source_ops - What a kind of source implements
 * @name:	"proxy", "tap" or "read"; session.source
 * @packets:	Gives packets as captured beside the events of its sessions
 *
 * Callbacks that may be NULL: limit, ifaces, tally, failed.
 */
struct source_ops {
	const char *name;
	bool packets;

	/**
	 * ifaces() - The interfaces that are known before it starts
	 *
	 * A source on more than one worker knows all of its interfaces here;
	 * one on a single worker may meet others later.
	 */
	size_t (*ifaces)(
	    const struct source *src, const struct packet_iface **list);
	/**
	 * attach() - Give it the workers, before they are started
	 * @workers:	@n of them, @n > 0; they outlive the source
	 * @fans:	The fan-out of each
	 *
	 * Sets the workers' turn hooks.  Return: 0 or -errno with @err
	 */
	int (*attach)(struct source *src, struct worker *const *workers,
	    struct fanout *const *fans, size_t n, struct err *err);
	/** start() - Hear; the workers may run already. */
	void (*start)(struct source *src);
	/**
	 * stop() - Hear no more, end every session
	 * @linger_ns:	How long bytes under way may take to be delivered
	 *
	 * From any thread, once.
	 */
	void (*stop)(struct source *src, uint64_t linger_ns);
	/**
	 * end_session() - End one session, as if its user had asked for it
	 * @s:		Open, and of this source
	 *
	 * Its reason is HOW_STOP, by us.  The proxy delivers what it holds,
	 * then resets both ends; it may take a moment.  Where we only listen,
	 * its record ends at once, and nothing more of the connection is
	 * recorded until its ends are used for a new one (a SYN with another
	 * number).
	 *
	 * On the thread of the session's worker, between events: never from
	 * within a callback.
	 */
	void (*end_session)(struct source *src, struct session *s);
	/**
	 * limit() - Other limits from now on, for sessions that are open, too
	 *
	 * From the main thread, after start().  A session that is beyond them
	 * ends at its next byte or tick; a source that has had so many
	 * sessions finishes, and one that has finished stays so.
	 */
	void (*limit)(struct source *src, const struct source_limits *l);
	/** close() - Let go of everything when the workers will never run. */
	void (*close)(struct source *src);
	/** free() - After the workers were freed; NULL is a no-op. */
	void (*free)(struct source *src);
	/** tally() - Add what it has counted; from any thread. */
	void (*tally)(const struct source *src, struct tally *t);
	/** failed() - Something it heard was damaged: exit code 1. */
	bool (*failed)(const struct source *src);
};

/** struct source - The first member of every kind's own struct. */
struct source {
	const struct source_ops *ops;
};

#endif /* CORE_SOURCE_H */
