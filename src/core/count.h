#ifndef CORE_COUNT_H
#define CORE_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * count.h - counters that one thread writes and any thread may read.
 *
 * The data path pays a plain load, add and store: there is one writer per
 * counter, so no locked instruction is needed.  Readers (the sheet, metrics)
 * add up the counters of all workers; a sum taken while traffic flows may lie
 * a few chunks apart between two counters, and is exact once all is quiet.
 */

/** struct count - A 64-bit counter with a single writer. */
struct count {
	_Atomic uint64_t value;
};

/**
 * count_add() - Add; only the owning thread calls this
 * @n:		0 writes nothing, so any thread may have nothing to add: the one
 *		that writes a file has not, where the worker counts as written
 *		what needs no bytes
 */
static inline void
count_add(struct count *c, uint64_t n)
{
	uint64_t v = atomic_load_explicit(&c->value, memory_order_relaxed);

	if (n == 0)
		return;
	atomic_store_explicit(&c->value, v + n, memory_order_relaxed);
}

/** count_get() - Read; from any thread. */
static inline uint64_t
count_get(const struct count *c)
{
	return atomic_load_explicit(&c->value, memory_order_relaxed);
}

/** enum drop_reason - Why a sink lost bytes; the same words everywhere. */
enum drop_reason {
	DROP_QUEUE_FULL,   /* on-full=drop (or close) and the queue was full */
	DROP_NO_CONSUMER,  /* nobody was connected, or stdout's reader left */
	DROP_STARTUP_FULL, /* the startup buffer was full */
	DROP_CLOSING,      /* still queued when the drain time ended */
	DROP_WRITE_ERROR,  /* the system refused to write them */
	DROP_GONE,         /* the sink had given this session up before */
};
#define DROP_NREASONS (DROP_GONE + 1)

/** count_drop_name() - "queue_full", ...: as sheet and metrics spell it. */
const char *count_drop_name(enum drop_reason r);

/**
 * struct sink_count - What became of the stream bytes offered to a sink
 * @offered:	Bytes of data events of sessions that the sink watches, also
 *		of those it missed or gave up.  Writer: the worker.
 * @written:	Bytes whose record reached the file or socket.  Writer: the
 *		thread that writes it; the worker where the sink needs no
 *		bytes, since then they count as written at once.
 * @drop_bytes:	By reason.  WRITE_ERROR and CLOSING: the writing thread; the
 *		others: the worker.
 * @drop_chunks: Likewise, in data events; a conflict that was left out is
 *		one of no bytes.
 * @drop_records: Likewise, records that stand for no byte: the beginning and
 *		the end of a session, a line of a summary, a file that was to
 *		hold none.  Only of sinks that write files
 * @missed:	Sessions that were not recorded at all since the queue was
 *		full when they opened; their bytes are dropped as "queue_full".
 *		Writer: the worker.
 *
 * @equal:	Sessions whose answers from elsewhere were compared (tee with
 *		compare=yes) and were the same.  Writer: the worker, as of the
 *		next two.
 * @different:	... and were not
 * @incomparable: ... and could not be compared to their end
 * @sent:	Payloads that went out whole (payload).  Writer: the worker, as
 *		of the next two.
 * @sent_bytes:	Their bytes, with what was put before them
 * @failed_tries: Tries to send one that failed
 *
 * offered = written + all drops + queued; "queued" is what is left.  Where
 * packets are kept, these are captured bytes of packets and chunks are packets.
 */
struct sink_count {
	struct count offered;
	struct count written;
	struct count drop_bytes[DROP_NREASONS];
	struct count drop_chunks[DROP_NREASONS];
	struct count drop_records[DROP_NREASONS];
	struct count missed;
	struct count equal;
	struct count different;
	struct count incomparable;
	struct count sent;
	struct count sent_bytes;
	struct count failed_tries;
};

#endif /* CORE_COUNT_H */
