#ifndef SINK_PLUG_H
#define SINK_PLUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/attr.h"

/*
 * plug.h - a connected socket on a worker's loop, and what it is ready for.
 *
 * The handle must outlive its closing by a turn of the loop, so the socket is
 * an object of its own: whoever has it closes it and forgets it.
 */

struct plug;
struct worker;

/**
 * plug_event - The socket is ready, or has failed
 * @error:	0, or the negative errno that it failed with: nothing more is
 *		told until plug_watch()
 * @events:	UV_READABLE, UV_WRITABLE
 */
typedef void plug_event(void *self, struct plug *p, int error, int events);

/**
 * plug_open() - Take over a socket
 * @fd:		Connected or listening, non-blocking; owned from now on, also on
 * failure
 * @own:	Enter it as a connection of ours until it is closed (net/own.h)
 * @event:	Called once plug_watch() has been
 *
 * Return: NULL without memory or for a descriptor that cannot be polled
 */
struct plug *plug_open(struct worker *w, int fd, bool own, plug_event *event,
    void *self) ATTR_WUNRES;

/** plug_watch() - Of what to tell; 0: of failures alone. */
void plug_watch(struct plug *p, int events);

/**
 * plug_send() - Send without waiting
 *
 * Return: bytes taken; 0 when the socket is full; else -errno
 */
ssize_t plug_send(struct plug *p, struct iovec *iov, size_t n) ATTR_WUNRES;

/** plug_send_bytes() - The same for bytes in one piece. */
ssize_t plug_send_bytes(
    struct plug *p, const void *data, size_t len) ATTR_WUNRES;

/**
 * plug_receive() - Receive without waiting
 *
 * Return: bytes; 0 at the end; -EAGAIN when there are none; else -errno
 */
ssize_t plug_receive(struct plug *p, void *buf, size_t len) ATTR_WUNRES;

/** plug_accept() - For a listening socket: a descriptor, or -errno. */
int plug_accept(struct plug *p) ATTR_WUNRES;

/** plug_unsent() - Bytes that a reset would throw away. */
size_t plug_unsent(const struct plug *p);

/** plug_shutdown() - Send FIN. */
void plug_shutdown(struct plug *p);

/** plug_close() - Close it, with RST if @reset; nothing is told any more. */
void plug_close(struct plug *p, bool reset);

#endif /* SINK_PLUG_H */
