#ifndef WIRE_PEEL_H
#define WIRE_PEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * peel.h - what a packet carries, at the layer that somebody asks for.
 *
 * Layers have the numbers of gopacket's layer types, which teecp's users
 * write.  Of the layers that are listed, the innermost one that the packet has
 * gives the payload; without a list it is the whole packet.
 *
 *	layers 20,45	Ethernet [ IPv4 [ UDP [ payload ] ] ]	payload of UDP
 *			Ethernet [ IPv4 [ TCP ... ] ]		payload of IPv4
 *			Ethernet [ ARP ... ]			none
 *
 * - Length fields cut off what is not payload.  What Ethernet pads an IP packet
 *   with is not the payload of any layer; nobody can tell what it pads ARP
 *   with.  The whole packet is whole.
 * - What a snapshot length has cut off is missing.
 * - A fragment of an IP datagram is payload of IP.  It never is one of TCP or
 *   UDP, the first one included: fragments are not put together here, and a
 *   part is not the whole.
 * - All tunnels are opened that wire/decode.h knows.
 *
 * Pure functions: nothing is kept between two packets.
 */

struct decode_frame;

/** struct peel_layers - A list of layers; {0}: the whole packet. */
struct peel_layers {
	uint32_t known;
};

/**
 * peel_add() - Put a layer on the list
 * @type:	gopacket's number
 *
 * Return: 0; -EINVAL: nothing of the kind is opened here (peel_list())
 */
int peel_add(struct peel_layers *l, uint64_t type) ATTR_WUNRES;

/** peel_is_listed() - Is there any layer on the list? */
bool peel_is_listed(const struct peel_layers *l);

/** peel_list() - "15 (802.1Q), 16 (EtherIP), ...", for messages. */
const char *peel_list(void);

/**
 * struct peel - A payload; pointers lead into the packet
 * @data:	It,
 * @len:	so long: may be 0
 * @version:	4 or 6: of the IP header around the payload, the nearest one;
 *		of the outermost one if all of them lie within; 0: there is
 *		none, and neither addresses nor ports
 * @src:	Sender as it stands there, 4 or 16 bytes
 * @dst:	Receiver, likewise
 * @sport:	TCP or UDP: port of the sender, else 0
 * @dport:	TCP or UDP: port of the receiver, else 0
 */
struct peel {
	const uint8_t *data;
	uint32_t len;
	uint8_t version;
	const uint8_t *src;
	const uint8_t *dst;
	uint16_t sport;
	uint16_t dport;
};

/**
 * peel_packet() - Find the payload of a packet
 * @f:		Its depth is not looked at
 *
 * Return: false when the packet has none of the layers
 */
bool peel_packet(const struct peel_layers *l, const struct decode_frame *f,
    struct peel *out) ATTR_WUNRES;

#endif /* WIRE_PEEL_H */
