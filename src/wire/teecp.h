#ifndef WIRE_TEECP_H
#define WIRE_TEECP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

/*
 * teecp.h - the header that teecp puts before each payload: how long it is,
 * from whom and to whom it went.
 *
 *	offset	bytes
 *	0	4	length of the payload, which follows the header
 *	4	16	source address; IPv4 is mapped, ::ffff:a.b.c.d (RFC
 *			4291, section 2.5.5.2)
 *	20	4	source port
 *	24	16	destination address
 *	40	4	destination port
 *
 * Most significant byte first.  What a packet does not have (ports of ICMP,
 * addresses of ARP) is 0.
 */

#define TEECP_HEADER_LEN 44

/** struct teecp_header - See above; addresses in network order. */
struct teecp_header {
	uint32_t len;
	uint32_t sport;
	uint32_t dport;
	uint8_t src[16];
	uint8_t dst[16];
};

/**
 * teecp_address() - The 16 bytes for an address as it stands in an IP header
 * @version:	4: @ip is 4 bytes; 6: 16 bytes
 */
void teecp_address(uint8_t to[16], unsigned version, const uint8_t *ip);

/** teecp_put() - Write a header. */
void teecp_put(uint8_t to[TEECP_HEADER_LEN], const struct teecp_header *header);

/**
 * teecp_take() - Step over a header
 *
 * Return: false if not all of it is there; @header is then as before.  Its
 *	   ports and its length are whatever was sent: 32 bits.
 */
bool teecp_take(struct cursor *c, struct teecp_header *header);

#endif /* WIRE_TEECP_H */
