#ifndef SOURCE_CAPTURE_CLOCK_H
#define SOURCE_CAPTURE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * capture_clock.h - how far the clock that stamps packets is from the one by
 * which time passes.
 *
 * Packets bear the time of the clock on the wall, which may be set at any
 * moment: an hour forward, and everything that waits for a silence of an hour
 * would be over at once.  The monotonic clock knows better: no packet comes
 * from the future, and none from before the one that came before it.  What
 * does is a clock that was set; how far, is added up here, so that only what
 * has really passed makes anything old.  Records keep the times of packets.
 *
 *	packet time = event time (base/clock.h) + shift
 *
 * Less than CAPTURE_CLOCK_JUMP_NS is none: stamps of several processors differ,
 * and a clock may be corrected.
 */

/* Half of the shortest time that anything waits (--hold-time, 2 s). */
#define CAPTURE_CLOCK_JUMP_NS UINT64_C(1000000000)

/**
 * struct capture_clock - Zeroed at first; read-only
 * @shift_ns:	See above
 * @last_ns:	Packet time of the youngest packet, as the clock is set now
 */
struct capture_clock {
	int64_t shift_ns;
	uint64_t last_ns;
};

/**
 * capture_clock_fits() - May a packet of @ts_ns have come by @event_ns?
 *
 * If so it is noted.  If not, and @event_ns is not older than the packet, the
 * clock was set: capture_clock_set().
 */
bool capture_clock_fits(
    struct capture_clock *c, uint64_t ts_ns, uint64_t event_ns);

/**
 * capture_clock_set() - It was: by how much?
 *
 * Packet times that are kept become those of the clock as it is now by adding
 * that.  The packet is noted.
 */
int64_t capture_clock_set(
    struct capture_clock *c, uint64_t ts_ns, uint64_t event_ns);

/** capture_clock_at() - The packet time of @event_ns. */
uint64_t capture_clock_at(const struct capture_clock *c, uint64_t event_ns);

#endif /* SOURCE_CAPTURE_CLOCK_H */
