#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

#include "base/attr.h"

/*
 * addr.h - one end of a connection, small enough to be kept four times in
 * every session (a struct sockaddr_storage is 128 bytes; this is 32).
 */

/**
 * struct addr - An IPv4, IPv6 or UNIX address
 * @family:	AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC when unknown
 * @port:	Host byte order; 0 for AF_UNIX
 * @scope:	IPv6 scope id, else 0
 * @ip:		Network order; the first 4 bytes for IPv4
 * @path:	AF_UNIX: the path, "" for an unnamed peer.  Borrowed: it must
 *		live as long as the program (listeners and targets do).
 */
struct addr {
	uint16_t family;
	uint16_t port;
	uint32_t scope;
	union {
		uint8_t ip[16];
		const char *path;
	};
};

/* Longest text of addr_format(): "[" v6 "%" scope "]:" port, or a path. */
#define ADDR_TEXT_MAX 128

/**
 * addr_from_sockaddr() - Take over what the kernel told
 * @path:	What to keep as path of an AF_UNIX address; see struct addr
 *
 * IPv4-mapped IPv6 addresses become IPv4.  Unknown families become
 * AF_UNSPEC.
 */
void addr_from_sockaddr(
    struct addr *a, const struct sockaddr *sa, const char *path);

/**
 * addr_to_sockaddr() - Make what the kernel wants to be told
 * @ss:		Filled in on success
 * @len:	Its true length
 *
 * Return: 0; -EAFNOSUPPORT for AF_UNSPEC; -ENAMETOOLONG for a path that does
 *	   not fit into struct sockaddr_un
 */
int addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss,
    socklen_t *len) ATTR_WUNRES;

/**
 * addr_parse_ip() - Read a numeric IPv4 or IPv6 address, scope allowed
 * @text:	"127.0.0.1", "::1", "fe80::1%eth0"; no brackets, no port
 *
 * Return: 0; -EINVAL when @text is no numeric address.  The port becomes 0.
 */
int addr_parse_ip(struct addr *a, const char *text) ATTR_WUNRES;

/**
 * addr_format() - "192.0.2.7:21", "[::1]:80", "unix:/run/x", "unix:", "?"
 * @buf:	At least ADDR_TEXT_MAX bytes; longer paths are cut
 *
 * Return: @buf
 */
const char *addr_format(const struct addr *a, char buf[ADDR_TEXT_MAX]);

/** addr_format_ip() - The same without port and brackets. */
const char *addr_format_ip(const struct addr *a, char buf[ADDR_TEXT_MAX]);

/** addr_is_any() - 0.0.0.0, [::] or unknown: says nothing about an end. */
bool addr_is_any(const struct addr *a);

/** addr_is_loopback() - 127.0.0.0/8, ::1, or of the machine itself (AF_UNIX) */
bool addr_is_loopback(const struct addr *a);

/** addr_equal() - Same family, address, scope and port (or path). */
bool addr_equal(const struct addr *a, const struct addr *b);

/** addr_same_ip() - Same family and address; port and scope ignored. */
bool addr_same_ip(const struct addr *a, const struct addr *b);

#endif /* BASE_ADDR_H */
