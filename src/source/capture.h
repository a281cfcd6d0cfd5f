#ifndef SOURCE_CAPTURE_H
#define SOURCE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/source.h"
#include "source/dissect.h"

/*
 * capture.h - "tap": packets as they pass an interface, by libpcap.
 *
 * Blocks (TPACKET_V3) with a short timeout, never immediate mode (decision
 * 30): a block is handled whole.  One ring, on one worker, unless more are
 * asked for: then each worker has a ring of its own, joined by PACKET_FANOUT
 * so that a connection stays on one of them (decision 31).
 */

struct err;

/**
 * struct capture_opts - What it is made from
 * @iface:	Name; "any"; NULL: that of the default route
 * @filter:	pcap-filter(7); NULL: everything
 * @snaplen:	Most bytes of each packet; default 262144
 * @buffer:	Bytes of the kernel's ring, each worker's; default 64 MiB
 * @promiscuous: Default; not with "any"
 * @rings:	How many; > 0
 * @max_packets: -c: stop after so many; 0: no limit
 * @max_sessions: Stop when so many are over; 0: no limit
 * @names:	Look names up (--names): they appear once they are known
 * @dissect:	Of each worker; its input, next_id, opening, is_own and self
 *		are set here
 * @place:	See core/source.h
 * @events:	Likewise
 */
struct capture_opts {
	const char *iface;
	const char *filter;
	uint32_t snaplen;
	size_t buffer;
	bool promiscuous;
	unsigned rings;
	uint64_t max_packets;
	uint64_t max_sessions;
	bool names;
	struct dissect_opts dissect;
	struct source_place place;
	struct source_events events;
};

#define CAPTURE_SNAPLEN_DEFAULT 262144
#define CAPTURE_BUFFER_DEFAULT  ((size_t)64 << 20)

/**
 * capture_new() - Open the interface and its rings
 *
 * What needs privileges happens here and nowhere else.  Return: NULL with @err
 * filled in; *@code is then -EINVAL when the text is wrong (the filter), else
 * another -errno: an unknown interface (with those there are), no rights (with
 * what to do).
 */
struct source *capture_new(
    const struct capture_opts *o, int *code, struct err *err) ATTR_WUNRES;

/** capture_iface() - The name of what is captured from, for the user. */
const char *capture_iface(const struct source *src);

/**
 * struct capture_listed - An interface that could be captured from
 * @name, @description, @addrs: Texts; the last two may be ""
 * @first:	libpcap lists it before the others
 * @up, @loopback, @wireless: As libpcap says
 */
struct capture_listed {
	char name[64];
	char description[128];
	char addrs[256]; /* numeric, separated by blanks */
	bool first;
	bool up;
	bool loopback;
	bool wireless;
};

/**
 * capture_list() - The interfaces there are, the default one first
 * @list:	Set on success, @n of them; to be freed with free()
 *
 * Return: 0 or -errno with @err
 */
int capture_list(
    struct capture_listed **list, size_t *n, struct err *err) ATTR_WUNRES;

#endif /* SOURCE_CAPTURE_H */
