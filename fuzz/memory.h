#ifndef FUZZ_MEMORY_H
#define FUZZ_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * memory.h - allocations that fail when they are told to.
 *
 * The linker leads all calls of malloc(), calloc(), realloc(), strdup() and
 * strndup() from the program's own code through here (--wrap in the Makefile),
 * and jansson's by its own means.  Other libraries keep theirs.
 */

/**
 * memory_fail() - From now on allocation number @nth fails
 * @nth:	1 is the next one; 0: none
 * @all:	So do all that follow
 */
void memory_fail(uint64_t nth, bool all);

/** memory_is_short() - One may fail, or has. */
bool memory_is_short(void);

/** memory_has_failed() - How many have since memory_fail(). */
uint64_t memory_has_failed(void);

/** memory_pause() - None fails, and none is counted, until the contrary. */
void memory_pause(bool on);

/** memory_own() - Memory for the tests themselves: never fails, never NULL. */
void *memory_own(size_t size);

/** memory_own_zeroed() - Likewise, zeroed. */
void *memory_own_zeroed(size_t size);

#endif /* FUZZ_MEMORY_H */
