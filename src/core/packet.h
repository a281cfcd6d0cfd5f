#ifndef CORE_PACKET_H
#define CORE_PACKET_H

#include <stddef.h>
#include <stdint.h>

/*
 * packet.h - a packet as it was captured, and the interface it came from.
 *
 * Captures (tap, read) give packets beside the stream events of their
 * sessions; sinks that keep packets ask for these (sink_ops.packet).
 */

/**
 * struct packet_iface - Where packets come from; lives as long as its source
 * @id:		Running number from 0, unique within the run: all inputs, files
 *		and sections count on
 * @linktype:	What its packets begin with, a LINKTYPE_ value
 *(pcap-linktype(7), in a live capture the DLT_ value translated to it)
 * @snaplen:	Most bytes of each packet; 0: no limit known
 * @name:	"eth0"; NULL if unknown
 * @description: NULL if none
 */
struct packet_iface {
	uint32_t id;
	uint16_t linktype;
	uint32_t snaplen;
	const char *name;
	const char *description;
};

/** enum packet_dir - As epb_flags counts them. */
enum packet_dir {
	PACKET_UNKNOWN,
	PACKET_INBOUND,
	PACKET_OUTBOUND,
};

/**
 * struct packet - A packet
 * @iface:	Where it came from; never NULL
 * @ts_ns:	When, ns since the Unix epoch
 * @data:	@len bytes; borrowed until the callee returns
 * @len:	Bytes captured
 * @wire_len:	Bytes it had on the wire, at least @len (readers see to that)
 * @dir:	Seen from the machine that captured
 */
struct packet {
	const struct packet_iface *iface;
	uint64_t ts_ns;
	const uint8_t *data;
	uint32_t len;
	uint32_t wire_len;
	enum packet_dir dir;
};

#endif /* CORE_PACKET_H */
