#ifndef WIRE_NETRECORD_H
#define WIRE_NETRECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * netrecord.h - the log of netrecord: one file per connection, both
 * directions in the order heard.
 *
 *	record = side " " seconds "." microseconds " " what "\n" [bytes]
 *	side   = "c" | "s"			client, server
 *	what   = "con" | "hup" | "err" | count	count: so many bytes follow
 *
 *	c 0.000000 con
 *	c 1.204518 24
 *	<24 bytes, no newline after them>s 1.300000 hup
 */

/** enum netrecord_side - Whose record it is. */
enum netrecord_side {
	NETRECORD_CLIENT,
	NETRECORD_SERVER,
};

/** enum netrecord_what - What it says. */
enum netrecord_what {
	NETRECORD_CON,  /* the client has connected */
	NETRECORD_DATA, /* this side sent bytes, which follow */
	NETRECORD_HUP,  /* this side hung up */
	NETRECORD_ERR,  /* its connection failed */
};
#define NETRECORD_NWHATS (NETRECORD_ERR + 1)

/**
 * struct netrecord - The head of a record
 * @side:	See enum netrecord_side
 * @what:	See enum netrecord_what
 * @time_us:	Microseconds since the program started
 * @len:	NETRECORD_DATA: number of bytes that follow; else 0
 */
struct netrecord {
	enum netrecord_side side;
	enum netrecord_what what;
	uint64_t time_us;
	uint64_t len;
};

/* Longest head: "c", 14 and 6 digits of time, 20 of count, and 4 between. */
#define NETRECORD_HEAD_MAX 45

/**
 * netrecord_encode() - Write the head of a record
 * @to:		Room for NETRECORD_HEAD_MAX characters; no NUL is added
 *
 * Return: characters written
 */
size_t netrecord_encode(char *to, const struct netrecord *r);

/**
 * netrecord_decode() - Read the head of a record
 * @r:		Filled in on success
 * @used:	Set on success: length of the head; the bytes follow it
 * @data:	@len bytes from the start of a record on
 *
 * A fraction of 1 to 6 digits is taken; one that is missing is not.
 *
 * Return: 0; -EAGAIN when the head goes on behind @len; -EBADMSG when this is
 *	   no record
 */
int netrecord_decode(struct netrecord *r, size_t *used, const uint8_t *data,
    size_t len) ATTR_WUNRES;

#endif /* WIRE_NETRECORD_H */
