#ifndef WIRE_LINK_H
#define WIRE_LINK_H

#include <stdint.h>

#include "wire/layer.h"

/*
 * link.h - how packets begin: link types, Ethernet and its older relatives.
 */

/**
 * link_layer() - What packets of a link type begin with
 * @linktype:	A LINKTYPE_ value (pcap-linktype(7)); DLT_ values that differ
 *		from it are known too, where they mean nothing else
 *
 * Return: a layer; LAYER_BAD for a type that we know nothing about: nobody
 *	   guesses
 */
enum layer link_layer(struct layer_walk *w, uint32_t linktype);

/**
 * link_ethertype() - What an Ethernet type announces
 *
 * Return: a layer; LAYER_NOT_TCP for all others
 */
enum layer link_ethertype(uint16_t type);

/**
 * link_type_or_length() - What follows the addresses of an Ethernet frame
 * @value:	The field after them: a type, or the length of an 802.3 frame,
 *		which is cut off there
 */
enum layer link_type_or_length(struct layer_walk *w, uint16_t value);

/* Readers of headers (wire/layer.h). */
enum layer link_read_ethernet(struct layer_walk *w);
enum layer link_read_llc(struct layer_walk *w);
enum layer link_read_fddi(struct layer_walk *w);
enum layer link_read_token_ring(struct layer_walk *w);
enum layer link_read_arcnet(struct layer_walk *w);
enum layer link_read_arcnet_linux(struct layer_walk *w);

#endif /* WIRE_LINK_H */
