#ifndef SINK_HUB_IFACES_H
#define SINK_HUB_IFACES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#include "core/packet.h"

/*
 * hub_ifaces.h - the interfaces of a live capture and their numbers, which
 * are the same for every client.
 *
 * Those that are known from the start come first; others follow as their first
 * packets come, on any worker.  An interface that has a number never moves, so
 * that only who enters one takes the lock:
 *
 *	part[0] ─► 0 .. 3    part[1] ─► 4 .. 11    part[2] ─► 12 .. 27 ...
 */

/* As many as there are 32-bit numbers. */
#define HUB_IFACES_PARTS 30

/**
 * struct hub_ifaces - Private
 * @n:		They are numbered from 0; written under @lock, last
 */
struct hub_ifaces {
	pthread_mutex_t lock;
	_Atomic uint32_t n;
	struct packet_iface *part[HUB_IFACES_PARTS];
};

/** hub_ifaces_init() - Enter what is known; 0 or -ENOMEM; done() either way. */
int hub_ifaces_init(struct hub_ifaces *t, const struct packet_iface *known,
    size_t n) ATTR_WUNRES;

/** hub_ifaces_done() - Release it. */
void hub_ifaces_done(struct hub_ifaces *t);

/** hub_ifaces_count() - How many there are by now; any thread. */
uint32_t hub_ifaces_count(const struct hub_ifaces *t);

/** hub_ifaces_at() - One of those that were counted; any thread. */
const struct packet_iface *hub_ifaces_at(
    const struct hub_ifaces *t, uint32_t number);

/**
 * hub_ifaces_number() - The number of an interface, which is entered if new
 * @number:	In: a guess, as packets of one interface come in runs
 *
 * Any thread.  Return: 0 or -ENOMEM
 */
int hub_ifaces_number(struct hub_ifaces *t, const struct packet_iface *iface,
    uint32_t *number) ATTR_WUNRES;

#endif /* SINK_HUB_IFACES_H */
