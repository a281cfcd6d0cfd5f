#ifndef WIRE_PCAPNG_H
#define WIRE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/obuf.h"

#include "wire/frame.h"

/*
 * pcapng.h - capture files with blocks and options
 * (draft-ietf-opsawg-pcapng).
 *
 *	file	= section
 *	section = SHB { IDB | EPB | ISB | other blocks }
 *	block	= type:32 length:32 body pad-to-32 length:32
 *	option	= code:16 length:16 value pad-to-32; code 0 ends the list
 *
 * We write little-endian on every machine, so that the same traffic makes the
 * same bytes.  Times are written in nanoseconds (if_tsresol 9).
 *
 * Writing appends whole blocks to a buffer, and fails in no other way than
 * the buffer does (base/obuf.h).
 */

/** enum pcapng_type - Block types. */
enum pcapng_type {
	PCAPNG_IDB = 0x00000001, /* interface description */
	PCAPNG_PB = 0x00000002,  /* packet; obsolete, never written */
	PCAPNG_SPB = 0x00000003, /* simple packet; never written */
	PCAPNG_ISB = 0x00000005, /* interface statistics */
	PCAPNG_EPB = 0x00000006, /* enhanced packet */
	PCAPNG_SHB = 0x0a0d0d0a, /* section header; the same both ways round */
};

/* Tells the byte order of a section; after type and length of its SHB. */
#define PCAPNG_MAGIC         0x1a2b3c4dU
#define PCAPNG_VERSION_MAJOR 1
#define PCAPNG_VERSION_MINOR 0

/** enum pcapng_option - Option codes; those above 1 depend on the block. */
enum pcapng_option {
	PCAPNG_OPT_END = 0,
	PCAPNG_OPT_COMMENT = 1,
	PCAPNG_SHB_HARDWARE = 2,
	PCAPNG_SHB_OS = 3,
	PCAPNG_SHB_USERAPPL = 4,
	PCAPNG_IF_NAME = 2,
	PCAPNG_IF_DESCRIPTION = 3,
	PCAPNG_IF_TSRESOL = 9,
	PCAPNG_IF_TSOFFSET = 14,
	PCAPNG_EPB_FLAGS = 2,
	PCAPNG_ISB_STARTTIME = 2,
	PCAPNG_ISB_ENDTIME = 3,
	PCAPNG_ISB_IFRECV = 4,
	PCAPNG_ISB_IFDROP = 5,
	PCAPNG_ISB_OSDROP = 7,
};

/* Packets that begin with an IPv4 or IPv6 header. */
#define PCAPNG_LINKTYPE_RAW 101

/* What tcpdump and dumpcap take for "all of the packet". */
#define PCAPNG_SNAPLEN 262144

/* Longest text that is put into an option; more is cut. */
#define PCAPNG_TEXT_MAX 65532

/**
 * struct pcapng_section - What a section says of itself
 * @hardware:	NULL: leave it out; so for all texts
 * @os:		Operating system
 * @userappl:	Program that wrote it
 */
struct pcapng_section {
	const char *hardware;
	const char *os;
	const char *userappl;
};

/** pcapng_put_section() - Append an SHB; its length is left open. */
void pcapng_put_section(struct obuf *o, const struct pcapng_section *s);

/**
 * struct pcapng_interface - Where packets come from
 * @linktype:	What they begin with
 * @snaplen:	Most bytes of each; 0: no limit
 * @name:	NULL: leave it out
 * @description: Likewise
 */
struct pcapng_interface {
	uint16_t linktype;
	uint32_t snaplen;
	const char *name;
	const char *description;
};

/** pcapng_put_interface() - Append an IDB; they count from 0 per section. */
void pcapng_put_interface(struct obuf *o, const struct pcapng_interface *i);

/**
 * pcapng_put_packet() - Append an EPB
 * @interface:	Which IDB of this section
 * @f:		Direction and comment become options
 */
void pcapng_put_packet(
    struct obuf *o, uint32_t interface, const struct frame *f);

/* struct pcapng_stats.dropped: leave it out. */
#define PCAPNG_UNKNOWN UINT64_MAX

/**
 * struct pcapng_stats - What an interface saw
 * @interface:	Which IDB of this section
 * @start_ns:	When capturing began, ns since the Unix epoch
 * @end_ns:	When it ended; also the time of the block
 * @received:	Packets seen
 * @dropped:	Of them, lost for want of room; or PCAPNG_UNKNOWN
 */
struct pcapng_stats {
	uint32_t interface;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t received;
	uint64_t dropped;
};

/** pcapng_put_stats() - Append an ISB. */
void pcapng_put_stats(struct obuf *o, const struct pcapng_stats *s);

#endif /* WIRE_PCAPNG_H */
