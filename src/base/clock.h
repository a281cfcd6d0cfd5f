#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/*
 * clock.h - the two times of this program.
 *
 * Records carry "event time": the realtime at start plus the monotonic time
 * that has passed since, so that a clock set by an administrator or by NTP
 * never makes a record run backwards.  Deadlines and durations use the
 * monotonic clock alone.
 */

#define CLOCK_NS_PER_US 1000ULL
#define CLOCK_NS_PER_MS 1000000ULL
#define CLOCK_NS_PER_S  1000000000ULL

/* "No time": later than every deadline. */
#define CLOCK_NEVER UINT64_MAX

/**
 * clock_init() - Anchor event time to the realtime clock
 *
 * Call once, before any thread starts.  Calling again re-anchors.
 */
void clock_init(void);

/** clock_mono_ns() - Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_mono_ns(void);

/** clock_event_ns() - Event time now, in ns since the Unix epoch. */
uint64_t clock_event_ns(void);

/** clock_event_of() - The event time of a monotonic time @mono_ns. */
uint64_t clock_event_of(uint64_t mono_ns);

/** clock_start_ns() - Event time of clock_init(). */
uint64_t clock_start_ns(void);

#endif /* BASE_CLOCK_H */
