#ifndef SINK_HUB_IFACES_H
#define SINK_HUB_IFACES_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#include "core/packet.h"

/*
 * hub_ifaces.h - the interfaces of a live capture and their numbers, which
 * are the same for every client.
 *
 * Those that are known from the start come first.  Others are entered as their
 * first packets come: then there is only one worker (core/source.h), so that
 * several threads only ever read.
 */

/** struct hub_ifaces - @n of them, numbered from 0. */
struct hub_ifaces {
	struct packet_iface *v;
	uint32_t n;
	uint32_t cap;
};

/** hub_ifaces_init() - Enter what is known; 0 or -ENOMEM. */
int hub_ifaces_init(struct hub_ifaces *t, const struct packet_iface *known,
    size_t n) ATTR_WUNRES;

/** hub_ifaces_done() - Release it. */
void hub_ifaces_done(struct hub_ifaces *t);

/**
 * hub_ifaces_number() - The number of an interface, which is entered if new
 * @number:	In: a guess, as packets of one interface come in runs
 *
 * Return: 0 or -ENOMEM
 */
int hub_ifaces_number(struct hub_ifaces *t, const struct packet_iface *iface,
    uint32_t *number) ATTR_WUNRES;

#endif /* SINK_HUB_IFACES_H */
