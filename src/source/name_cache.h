#ifndef SOURCE_NAME_CACHE_H
#define SOURCE_NAME_CACHE_H

#include "base/attr.h"

/*
 * name_cache.h - host and service names, looked up at once and kept (--names
 * where nobody waits for the answer: reading files).
 *
 * The caller's thread waits for the resolver.  Each host and each port is
 * asked for once, whether it has a name or not.  The addresses are whoever's
 * sent the packets: no more than NAME_CACHE_HOSTS of them are looked up, the
 * others keep their numbers.
 */

struct name_cache;
struct session;

/* Some 100 bytes each, tree and all: no more than 7 MB. */
#define NAME_CACHE_HOSTS 65536

/** name_cache_new() - Make it; NULL without memory. */
struct name_cache *name_cache_new(void) ATTR_WUNRES;

/** name_cache_free() - NULL is a no-op. */
void name_cache_free(struct name_cache *c);

/**
 * name_cache_fill() - Fill in s->more->name for both ends
 *
 * The texts live until name_cache_free().
 */
void name_cache_fill(struct name_cache *c, struct session *s);

#endif /* SOURCE_NAME_CACHE_H */
