#ifndef CONTROL_PORTS_H
#define CONTROL_PORTS_H

#include <stdint.h>

#include "base/attr.h"

/*
 * ports.h - where consumers of open sessions may connect to.
 *
 * Filled with the news of sinks (core/news.h) where these happen, on the
 * workers' threads, and read on the main thread.  A sink takes back what it has
 * told when it lets go of the session, or is removed: there is one entry for
 * each session that a listening sink watches, which has two sockets for it.
 */

struct news;
struct obuf;
struct ports;

/** ports_new() - Empty; NULL without memory. */
struct ports *ports_new(void) ATTR_WUNRES;

/** ports_free() - When nobody tells it anything any more; NULL: a no-op. */
void ports_free(struct ports *p);

/**
 * ports_tell() - News of a sink; any thread.  NULL is a no-op
 *
 * Without memory the ports are not shown; the consumers are served all the
 * same.
 */
void ports_tell(struct ports *p, const struct news *n);

/**
 * ports_put() - Append those of session @id; any thread
 *
 * "ports":[{"output":"listen","requests":5000,"responses":5001}], in the order
 * in which the sinks began with it; "ports":[] if there are none, and where @p
 * is NULL.
 */
void ports_put(struct ports *p, struct obuf *o, uint64_t id);

#endif /* CONTROL_PORTS_H */
