#ifndef WIRE_CAPFILE_ITEM_H
#define WIRE_CAPFILE_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"

/*
 * capfile_item.h - what the readers of capture files find, one at a time.
 *
 * A reader is handed a window: the bytes from where it has come to in the
 * file up to as far as they have been read.  It looks at the first item of
 * that, says what it is and how long, and is called again with what follows.
 * Whatever points into the window is borrowed: it is valid as long as the
 * window stays where it is.
 */

/**
 * enum capfile_item_what - What was found
 *
 *	MORE	The item goes on behind the window: call again with the same
 *		bytes, and with at least @need of them.
 *	PASS	Nothing of interest.
 *
 * All but MORE say how much was @used.
 */
enum capfile_item_what {
	CAPFILE_ITEM_MORE,
	CAPFILE_ITEM_PASS,
	CAPFILE_ITEM_INTERFACE,
	CAPFILE_ITEM_PACKET,
	CAPFILE_ITEM_STATS,
};

/**
 * struct capfile_item_packet - A packet
 * @iface:	Its interface, as numbered by INTERFACE items
 * @ts_ns:	ns since the Unix epoch.  Times before it, or too far away for
 *		64 bits, are brought to the nearest end.
 * @data:	@len bytes, in the window
 * @wire_len:	Bytes it had on the wire, at least @len
 */
struct capfile_item_packet {
	uint32_t iface;
	enum frame_dir dir;
	uint64_t ts_ns;
	const uint8_t *data;
	uint32_t len;
	uint32_t wire_len;
};

/**
 * struct capfile_item_iface - An interface that packets may come from
 * @number:	From 0, counted through all sections of the file
 * @linktype:	A LINKTYPE_ value
 * @snaplen:	As the file says; 0: no limit known
 * @name:	@name_len bytes in the window, which may be anything: they come
 *		from outside
 * @description: Likewise
 */
struct capfile_item_iface {
	uint32_t number;
	uint16_t linktype;
	uint32_t snaplen;
	const uint8_t *name;
	size_t name_len;
	const uint8_t *description;
	size_t description_len;
};

/**
 * struct capfile_item_stats - What was lost while the file was made
 * @iface:	Where, as numbered by INTERFACE items
 * @received:	Packets that the interface saw; counts from the start of the
 *		capture, so that the last one of an interface is the sum
 * @os_dropped:	... that the system had no room for
 * @if_dropped:	... that the interface lost
 *
 * What the file does not say is 0.
 */
struct capfile_item_stats {
	uint32_t iface;
	uint64_t received;
	uint64_t os_dropped;
	uint64_t if_dropped;
};

/**
 * struct capfile_item - An item
 * @need:	MORE: bytes that the window must hold; > what it held
 * @used:	Else: bytes to go on by.  With PASS that may be more than the
 *		window holds: the rest is passed over unseen.
 * @packet, @iface, @stats: By @what
 */
struct capfile_item {
	enum capfile_item_what what;
	size_t need;
	size_t used;
	union {
		struct capfile_item_packet packet;
		struct capfile_item_iface iface;
		struct capfile_item_stats stats;
	};
};

/*
 * Longest packet that is believed without further signs, as tcpdump and
 * Wireshark have it: 256 KiB, a large IPv6 jumbogram from a kernel's
 * offloading and more than any snapshot length in use.
 */
#define CAPFILE_ITEM_PACKET_USUAL 262144

/*
 * Longest packet of pcap, and longest block of pcapng, whatever the file says
 * of itself; as libpcap's first limit for blocks.  With the head of a record,
 * it is what a reader's window may have to hold.
 */
#define CAPFILE_ITEM_MAX ((uint32_t)16 << 20)

#endif /* WIRE_CAPFILE_ITEM_H */
