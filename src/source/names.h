#ifndef SOURCE_NAMES_H
#define SOURCE_NAMES_H

#include <uv.h>

#include "base/addr.h"
#include "base/attr.h"
#include "core/dir.h"
#include "core/session.h"

/*
 * names.h - host and service names for the two ends of a session (--names).
 *
 * Both are looked up side by side in the loop's thread pool.  An end without
 * a name keeps its number.
 */

struct names;

/** names_done - Both look-ups are over; on the loop's thread. */
typedef void names_done(void *self);

/**
 * names_start() - Begin
 * @client, @server: Copied
 *
 * Return: NULL when nothing can be looked up (UNIX ends, no memory): @done is
 *	   not called then
 */
struct names *names_start(uv_loop_t *loop, const struct addr *client,
    const struct addr *server, names_done *done, void *self) ATTR_WUNRES;

/** names_get() - After @done: valid until names_free(). */
void names_get(const struct names *n, struct session_name out[DIR_NDIRS]);

/**
 * names_free() - Release; also while looking up: @done is not called then
 *
 * NULL is a no-op.
 */
void names_free(struct names *n);

#endif /* SOURCE_NAMES_H */
