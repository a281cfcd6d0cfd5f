#ifndef SOURCE_CAPTURE_RING_H
#define SOURCE_CAPTURE_RING_H

#include <pcap/pcap.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/count.h"
#include "core/packet.h"
#include "net/mail.h"
#include "net/worker.h"
#include "source/capture.h"
#include "source/capture_clock.h"

/*
 * capture_ring.h - a ring of the kernel's, read on the thread of a worker.
 *
 *	kernel ── ring ── libpcap ── on_packet ── dissect ──► sinks
 *	                     ▲
 *	    readable, tick, room in a sink, stop
 *
 * Packets are read for as long as there are any, a slice at a time, so that
 * the loop's other handles get their turn.  Time passes for the flow table by
 * the stamps of packets; once the ring is empty, by the clock as well, less
 * what the kernel may hold back.  After a SIGSTOP of a minute the minute is
 * still in the ring, and nothing is given up before it was read.
 */

struct capture_names;
struct dissect;
struct err;
struct fanout;
struct session;

/**
 * struct capture_common - What the rings of a capture share
 * @o:		How many packets and sessions, names, whom to tell
 * @iface:	The one interface
 * @remark:	To be told at start; "": nothing
 * @max_sessions, @max_concurrent, @max_bytes, @idle_ns: As struct
 *		source_limits has them, for all rings together
 * @packets:	Taken so far, by all rings; counted only for -c
 * @opened:	Sessions, so far
 * @over:	Sessions that are over; counted by each ring after its turn
 * @limit:	So many packets, or sessions, were asked for: read no more.  On
 *		any ring's thread, perhaps more than once
 * @lost:	libpcap has given a ring up; likewise, once per ring
 * @stopped:	A ring that was told to stop has ended its sessions; likewise
 */
struct capture_common {
	struct capture_opts o;
	struct packet_iface iface;
	const char *remark;
	_Atomic uint64_t max_sessions;
	_Atomic uint64_t max_concurrent;
	_Atomic uint64_t max_bytes;
	_Atomic uint64_t idle_ns;
	_Atomic uint64_t packets;
	_Atomic uint64_t opened;
	_Atomic uint64_t over;
	void (*limit)(struct capture_common *c);
	void (*lost)(struct capture_common *c);
	void (*stopped)(struct capture_common *c);
};

/**
 * enum capture_ring_state - Where a ring is
 * @CAPTURE_RING_NEW:	Not started; the kernel fills it
 * @CAPTURE_RING_READING: Until capture_ring_stop()
 * @CAPTURE_RING_STOPPING: Reads what the kernel had by then, until that has
 *		been read, or the time is over
 * @CAPTURE_RING_OVER:	Sessions are ended, handles are closed
 */
enum capture_ring_state {
	CAPTURE_RING_NEW,
	CAPTURE_RING_READING,
	CAPTURE_RING_STOPPING,
	CAPTURE_RING_OVER,
};

/**
 * struct capture_ring - One of them; embedded, private but for the first ones
 * @common:	Set by the owner before capture_ring_attach()
 * @pcap:	Likewise; closed by capture_ring_done()
 * @kernel_received, @kernel_dropped, @interface_dropped: any thread may read
 * @has_kernel:	They are known
 * @is_first:	Likewise: it tells the remark, and counts what the interface
 *		dropped, which is the same for all
 *
 * @polling:	@poll is active
 * @waiting:	A sink that wants it is full
 * @shut:	Nothing is read any more: -c is reached, or libpcap gave up
 * @beyond:	A packet came that is younger than the stop
 * @nano:	libpcap's microseconds are nanoseconds
 * @slice:	Bytes that may still be read in this turn
 * @clock:	What the clock of the stamps has to do with ours
 * @asked_ns:	Event time, lately
 * @opened, @over: Sessions of this ring
 * @stop_real_ns: When it was told to stop, by the clock of the stamps
 * @settled_ns:	Monotonic: from then on the kernel has handed over what it
 *		had captured when it was told to stop
 * @give_up_ns:	Monotonic: the end of stopping
 * @stats:	As libpcap told last
 * @limit_mail:	In the box while @limit_sent
 */
struct capture_ring {
	struct capture_common *common;
	pcap_t *pcap;
	bool is_first;
	struct count kernel_received;
	struct count kernel_dropped;
	struct count interface_dropped;
	_Atomic bool has_kernel;

	struct worker *worker;
	struct fanout *fan;
	struct dissect *dissect;
	struct capture_names *names;
	enum capture_ring_state state;
	bool has_handles;
	bool polling;
	bool waiting;
	bool shut;
	bool beyond;
	bool nano;
	int64_t slice;
	struct capture_clock clock;
	uint64_t asked_ns;
	uint64_t opened;
	uint64_t over;
	uint64_t stop_real_ns;
	uint64_t settled_ns;
	uint64_t give_up_ns;
	_Atomic uint64_t linger_ns;
	struct pcap_stat stats;
	uv_poll_t poll;
	uv_timer_t timer;
	struct worker_waiter room;
	struct mail start_mail;
	struct mail stop_mail;
	struct mail limit_mail;
	_Atomic bool limit_sent;
};

/**
 * capture_ring_attach() - Give it a worker that does not run yet
 * @w, @fan:	Outlive it
 *
 * Return: 0 or -errno with @err
 */
int capture_ring_attach(struct capture_ring *r, struct worker *w,
    struct fanout *fan, struct err *err) ATTR_WUNRES;

/** capture_ring_start() - Read; from any thread, after attach. */
void capture_ring_start(struct capture_ring *r);

/** capture_ring_stop() - As source_ops.stop(); from any thread. */
void capture_ring_stop(struct capture_ring *r, uint64_t linger_ns);

/** capture_ring_limit() - The limits of @common have changed; any thread. */
void capture_ring_limit(struct capture_ring *r);

/** capture_ring_end() - End one of its sessions; see source_ops. */
void capture_ring_end(struct capture_ring *r, struct session *s);

/** capture_ring_close() - When the worker will never run; idempotent. */
void capture_ring_close(struct capture_ring *r);

/** capture_ring_done() - After the worker was freed. */
void capture_ring_done(struct capture_ring *r);

/** capture_ring_tally() - Add what was counted; from any thread. */
void capture_ring_tally(const struct capture_ring *r, struct tally *t);

#endif /* SOURCE_CAPTURE_RING_H */
