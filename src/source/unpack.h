#ifndef SOURCE_UNPACK_H
#define SOURCE_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * unpack.h - the bytes of a file, whether it was compressed or not.
 *
 * gzip (several members, padding of zeros behind them) and zstd (several
 * frames) are told by what they begin with; anything else is passed on as it
 * is.  A plain file is read straight into the caller's memory, except for its
 * first bytes.
 *
 * Meant for a thread that may block; a second descriptor wakes it.
 */

struct err;
struct unpack;

/**
 * unpack_new() - Begin
 * @fd:		Borrowed; a file, a pipe, a terminal
 * @wake_fd:	What interrupts the waiting for a pipe: readable, and left so;
 *		borrowed
 *
 * Return: NULL without memory
 */
struct unpack *unpack_new(int fd, int wake_fd) ATTR_WUNRES;

/** unpack_free() - NULL is a no-op. */
void unpack_free(struct unpack *u);

/**
 * unpack_read() - The next bytes
 * @buf:	Filled up as far as that needs no waiting: a file fills it, a
 *		pipe gives what it has
 * @size:	> 0
 * @got:	Set on success: bytes; 0: the end
 *
 * Waits until there is at least one byte, which may take for ever with a pipe.
 * What was there before damage is given out first.
 *
 * Return: 0; -ECANCELED: woken, nothing is lost; -EBADMSG with @err: what was
 *	   packed is damaged or was cut short; another -errno with @err.  After
 *	   the latter two the same is returned again.
 */
int unpack_read(struct unpack *u, uint8_t *buf, size_t size, size_t *got,
    struct err *err) ATTR_WUNRES;

/** unpack_seekable() - Could it begin anew? */
bool unpack_seekable(const struct unpack *u);

/**
 * unpack_rewind() - Begin anew
 *
 * Return: 0, or -errno with @err
 */
int unpack_rewind(struct unpack *u, struct err *err) ATTR_WUNRES;

/** unpack_taken() - Bytes read from the descriptor since the beginning. */
uint64_t unpack_taken(const struct unpack *u);

#endif /* SOURCE_UNPACK_H */
