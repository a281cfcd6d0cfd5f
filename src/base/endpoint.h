#ifndef BASE_ENDPOINT_H
#define BASE_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"

struct err;

/*
 * endpoint.h - what LISTEN and TARGET say, as text and as values.
 *
 *	LISTEN	PORT | ADDR:PORT | [V6]:PORT | *:PORT | unix:PATH |
 *		dial:HOST:PORT | dial:unix:PATH | fd:NUMBER | fd:NAME
 *	TARGET	HOST:PORT | [V6]:PORT | unix:PATH |
 *		listen:[ADDR:]PORT | listen:unix:PATH | listen:fd:NAME
 */

/** enum endpoint_how - Who opens the connection. */
enum endpoint_how {
	ENDPOINT_LISTEN, /* we wait for the other side */
	ENDPOINT_DIAL,   /* we call the other side */
};

/** enum endpoint_family - Which addresses of a name may be used. */
enum endpoint_family {
	ENDPOINT_ANY, /* whatever the name has; IPv6 and IPv4 */
	ENDPOINT_TCP4,
	ENDPOINT_TCP6,
	ENDPOINT_UNIX,
	ENDPOINT_FD, /* a listener that was handed to us (net/inherit.h) */
};

/**
 * struct endpoint - One side of a proxy pair
 * @how:	Listen or dial
 * @family:	Restricts what @host may become; ENDPOINT_UNIX uses @host as
 *		a path
 * @host:	Owned.  Listening: a numeric address or a name; NULL is
 *		loopback (127.0.0.1 and ::1), "*" every address.  Dialling: a
 *		name or numeric address.  UNIX: the path.  FD: its number or
 *		name.
 * @port:	Host order; 0 lets the kernel choose (listening only)
 */
struct endpoint {
	enum endpoint_how how;
	enum endpoint_family family;
	char *host;
	uint16_t port;
};

/**
 * endpoint_parse() - Read LISTEN or TARGET
 * @natural:	What the text means without a dial: or listen: prefix
 * @text:	See above; service names ("http") are looked up for ports
 * @err:	On failure: what is wrong with @text and what would be right
 *
 * Return: 0, -EINVAL or -ENOMEM.  Free with endpoint_done().
 */
int endpoint_parse(struct endpoint *e, enum endpoint_how natural,
    const char *text, struct err *err) ATTR_WUNRES;

/** endpoint_copy() - Deep copy; 0 or -ENOMEM. */
int endpoint_copy(struct endpoint *to, const struct endpoint *from) ATTR_WUNRES;

/** endpoint_done() - Release what parsing allocated; idempotent. */
void endpoint_done(struct endpoint *e);

/** endpoint_format() - "ftp.example.com:21" as a person would write it. */
const char *endpoint_format(const struct endpoint *e, char buf[ADDR_TEXT_MAX]);

/**
 * endpoint_parse_port() - Read a port number or service name
 *
 * Return: 0 or -EINVAL; @port is 0 to 65535
 */
int endpoint_parse_port(const char *text, uint16_t *port) ATTR_WUNRES;

#endif /* BASE_ENDPOINT_H */
