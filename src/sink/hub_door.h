#ifndef SINK_HUB_DOOR_H
#define SINK_HUB_DOOR_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/attr.h"

#include "net/gate.h"
#include "net/own.h"
#include "net/socket.h"

/*
 * hub_door.h - where the clients of a live capture knock: listeners
 * (net/gate.h) that are known as ours, so that a capture does not hear its own
 * clients.
 */

struct endpoint;
struct err;

/* Longest words about it: some addresses and a name. */
#define HUB_DOOR_WORDS 512

/**
 * struct hub_door - Private; embedded in the hub
 * @open_ns:	It is shut until then; 0: it may be open
 */
struct hub_door {
	struct gate gate;
	uint64_t open_ns;
	struct own own[SOCKET_MAX_ADDRS];
	bool entered;
};

/**
 * hub_door_open() - Listen; @own: enter the listeners (net/own.h)
 *
 * Return: 0 or -errno with @err
 */
int hub_door_open(struct hub_door *d, const struct endpoint *at, bool own,
    struct err *err) ATTR_WUNRES;

/** hub_door_close() - For good; idempotent; see gate_close(). */
void hub_door_close(struct hub_door *d);

/** hub_door_lift() - Let clients in, unless it is too early. */
void hub_door_lift(struct hub_door *d);

/**
 * hub_door_pause() - One was told all there is, since @from_ns (monotonic)
 *
 * That are all sessions.  Somebody who comes and goes for ever must not take
 * more than a small part of a worker's time for it, so that the next one waits.
 */
void hub_door_pause(struct hub_door *d, uint64_t from_ns);

/** hub_door_due() - Until when it is shut; CLOCK_NEVER: it may be open. */
uint64_t hub_door_due(struct hub_door *d, uint64_t mono_ns);

/** hub_door_words() - "NAME: clients connect to ADDR, ADDR". */
void hub_door_words(
    const struct hub_door *d, const char *name, char words[HUB_DOOR_WORDS]);

/** hub_door_trouble() - "NAME: no client can be served: ..."; a -errno. */
void hub_door_trouble(const char *name, int error, char words[HUB_DOOR_WORDS]);

#endif /* SINK_HUB_DOOR_H */
