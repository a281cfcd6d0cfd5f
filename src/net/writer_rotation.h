#ifndef NET_WRITER_ROTATION_H
#define NET_WRITER_ROTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * writer_rotation.h - a recording in many files: what they are called, when one
 * is finished, and how many are kept.
 *
 * A file is written as NAME.tmp; finished, it becomes NAME with a number before
 * the extension:
 *
 *	NAME x.pcapng	x.pcapng.tmp ──► x-00001.pcapng, x-00002.pcapng, ...
 *
 * With a span of time NAME may hold conversions of strftime(3), which tell when
 * the file was begun (local time, as tcpdump does); then the number is left out
 * as long as the name is free, unless there is a limit of bytes too.  Numbers
 * begin with 1 for each NAME so made.
 *
 * No file is ever overwritten: a name that is taken is passed over, also that
 * of a .tmp that a crash has left ("x.pcapng-2.tmp").
 *
 * Private to net/writer*.c; on the writer's thread.
 */

struct err;
struct sink_rotation;

/** struct writer_rotation - The files of one name. */
struct writer_rotation;

/**
 * writer_rotation_new() - Plan the files called @name; the span begins now
 *
 * Return: NULL without memory
 */
struct writer_rotation *writer_rotation_new(
    const char *name, const struct sink_rotation *want) ATTR_WUNRES;

/** writer_rotation_free() - NULL is a no-op; the files stay. */
void writer_rotation_free(struct writer_rotation *r);

/**
 * writer_rotation_begin() - What the next file is to be called while written
 *
 * Return: a path on the heap, the caller's; NULL without memory: the name of
 *	   the one before, which is free now, is still good
 */
char *writer_rotation_begin(struct writer_rotation *r) ATTR_WUNRES;

/**
 * writer_rotation_room() - Bytes that a file of @size may still take
 *
 * Any number when the last attempt to finish it has failed not long ago:
 * records go on where they are.
 */
uint64_t writer_rotation_room(const struct writer_rotation *r, uint64_t size);

/** writer_rotation_due_ns() - When the span is over (monotonic). */
uint64_t writer_rotation_due_ns(const struct writer_rotation *r);

/** writer_rotation_again() - If the span is over, begin another. */
void writer_rotation_again(struct writer_rotation *r);

/**
 * writer_rotation_finish() - Give the file at @path its name; delete old ones
 * @done:	It has its name, or somebody else has given it one: begin
 *		another.  Otherwise go on with it; later it is tried again.
 *
 * Return: 0 or -errno with @err: it could not be renamed, or an old file could
 *	   not be deleted
 */
int writer_rotation_finish(struct writer_rotation *r, const char *path,
    bool *done, struct err *err) ATTR_WUNRES;

#endif /* NET_WRITER_ROTATION_H */
