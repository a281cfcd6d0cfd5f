#ifndef SINK_PORT_RANGE_H
#define SINK_PORT_RANGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * port_range.h - ports to be listened at, lent one by one, round and round.
 *
 * A port that was given back is lent again only when all others had their
 * turn: a consumer that is late must not meet the next session.  Shared by
 * the workers; the lock is held for a few instructions, once per port.
 */

/**
 * struct port_range - Ports from @first to @last; private
 * @next:	Where to look first
 * @lent:	A bit for each
 */
struct port_range {
	pthread_mutex_t lock;
	uint16_t first;
	uint16_t last;
	uint32_t next;
	uint64_t lent[65536 / 64];
};

/** port_range_init() - @first to @last, both included, none lent. */
void port_range_init(struct port_range *r, uint16_t first, uint16_t last);

/** port_range_done() - Release it. */
void port_range_done(struct port_range *r);

/** port_range_count() - How many ports it has. */
uint32_t port_range_count(const struct port_range *r);

/** port_range_take() - The next free one; 0: all are lent. */
uint16_t port_range_take(struct port_range *r) ATTR_WUNRES;

/** port_range_give() - Give it back. */
void port_range_give(struct port_range *r, uint16_t port);

#endif /* SINK_PORT_RANGE_H */
