#ifndef SOURCE_CAPTURE_NAMES_H
#define SOURCE_CAPTURE_NAMES_H

#include <uv.h>

#include "base/attr.h"

/*
 * capture_names.h - names for the sessions of a live capture (--names).
 *
 * Packets do not wait: what is not known yet is looked up in the loop's thread
 * pool, and whoever comes later has it.  A few look-ups at a time, and no more
 * than CAPTURE_NAMES_HOSTS hosts in all, are what an attacker's addresses can
 * cost; beyond that, hosts keep their numbers.
 *
 * One per worker, used on its thread.
 */

struct capture_names;
struct session;

/* A name has some 30 bytes: 65536 hosts are some 6 MB. */
#define CAPTURE_NAMES_HOSTS 65536

/** capture_names_new() - Make a cache; NULL: no memory, or no random key. */
struct capture_names *capture_names_new(uv_loop_t *loop) ATTR_WUNRES;

/**
 * capture_names_fill() - Fill in s->more->name as far as known
 *
 * Asks for what is not.  The texts live until capture_names_free().
 */
void capture_names_fill(struct capture_names *n, struct session *s);

/** capture_names_stop() - Give up look-ups under way, so that the loop ends. */
void capture_names_stop(struct capture_names *n);

/** capture_names_free() - After stop; no session is left; NULL is a no-op. */
void capture_names_free(struct capture_names *n);

#endif /* SOURCE_CAPTURE_NAMES_H */
