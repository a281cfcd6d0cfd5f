#ifndef HTTP_HTTP_DOOR_H
#define HTTP_HTTP_DOOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "net/gate.h"

/*
 * http_door.h - where the control plane waits for its clients.
 *
 * A UNIX socket of mode 0600 says by itself who may connect.  One that we open
 * is of that mode; one that was handed over may be (systemd's default is 0666).
 */

struct err;
struct obuf;

/**
 * struct http_door - The listeners; to be read
 * @endpoint:	What the user said
 * @gate:	Its listeners
 * @is_private:	UNIX sockets that nobody but their owner may connect to
 */
struct http_door {
	struct endpoint endpoint;
	struct gate gate;
	bool is_private;
};

/**
 * http_door_check() - Is this a place to wait at?
 * @text:	PORT (loopback), ADDR:PORT, [V6]:PORT, *:PORT, unix:PATH,
 *fd:NUMBER or fd:NAME
 *
 * Return: 0; -EINVAL or -ENOMEM with @err
 */
int http_door_check(const char *text, struct err *err) ATTR_WUNRES;

/**
 * http_door_open() - Listen; before any thread, and before privileges are gone
 *
 * Return: 0; or -errno with @err, and nothing is open
 */
int http_door_open(
    struct http_door *d, const char *text, struct err *err) ATTR_WUNRES;

/** http_door_close() - Let nobody in any more; idempotent, zeroed is fine. */
void http_door_close(struct http_door *d);

/** http_door_done() - After that, when the loop has ended; idempotent. */
void http_door_done(struct http_door *d);

/** http_door_host() - The host that its user told it to listen at, or NULL. */
const char *http_door_host(const struct http_door *d);

/** http_door_is_any() - It is open to every address of this machine. */
bool http_door_is_any(const struct http_door *d);

/** http_door_is_remote() - Other machines can knock. */
bool http_door_is_remote(const struct http_door *d);

/** http_door_put() - Append "http://127.0.0.1:8080/" or "unix:/run/x". */
void http_door_put(const struct http_door *d, struct obuf *o);

#endif /* HTTP_HTTP_DOOR_H */
