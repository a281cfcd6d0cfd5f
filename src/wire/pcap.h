#ifndef WIRE_PCAP_H
#define WIRE_PCAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/obuf.h"

#include "wire/frame.h"

/*
 * pcap.h - classic capture files (pcap-savefile(5)).
 *
 *	file   = header { record }
 *	header = magic:32 major:16 minor:16 0:32 0:32 snaplen:32 linktype:32
 *	record = seconds:32 fraction:32 captured:32 on-the-wire:32 bytes
 *
 * We write little-endian, with nanoseconds.  Seconds are unsigned 32 bits:
 * good until 2106.
 */

/* Bytes of the header of a file, and of a record. */
#define PCAP_FILE_LEN   24
#define PCAP_RECORD_LEN 16

/* Magic numbers: they tell the byte order and the unit of the fraction. */
#define PCAP_MAGIC_US 0xa1b2c3d4U
#define PCAP_MAGIC_NS 0xa1b23c4dU

#define PCAP_VERSION_MAJOR 2
#define PCAP_VERSION_MINOR 4

/**
 * pcap_put_file() - Append the header of a file
 * @linktype:	What its packets begin with: PCAPNG_LINKTYPE_RAW and others
 * @snaplen:	Most bytes of each packet
 */
void pcap_put_file(struct obuf *o, uint32_t linktype, uint32_t snaplen);

/** pcap_put_packet() - Append a record; direction and comment have no place. */
void pcap_put_packet(struct obuf *o, const struct frame *f);

#endif /* WIRE_PCAP_H */
