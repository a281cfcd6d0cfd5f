#include <pcap/pcap.h>
#include <stddef.h>

#include "base/attr.h"
#include "source/linktype.h"

/*
 * The values that are not the same on both sides.  Left: the list of link
 * types at tcpdump.org, which never changes.  Right: <pcap/dlt.h>, which gives
 * what this system's kernel says (DLT_RAW is 12 on Linux, 14 on OpenBSD).
 * All others are equal.
 */
static const struct pair {
	uint16_t linktype;
	int dlt;
} pairs[] = {
	{ 100, DLT_ATM_RFC1483 },
	{ 101, DLT_RAW },
	{ 102, DLT_SLIP_BSDOS },
	{ 103, DLT_PPP_BSDOS },
	{ 106, DLT_ATM_CLIP },
	{ 108, DLT_LOOP },
	{ 109, DLT_ENC },
	{ 246, DLT_PFSYNC },
	{ 258, DLT_PKTAP },
};

uint16_t
linktype_of_dlt(int dlt)
{
	for (size_t i = 0; i < ATTR_COUNT(pairs); i++)
		if (pairs[i].dlt == dlt)
			return pairs[i].linktype;
	return (uint16_t)dlt;
}

int
linktype_to_dlt(uint16_t linktype)
{
	for (size_t i = 0; i < ATTR_COUNT(pairs); i++)
		if (pairs[i].linktype == linktype)
			return pairs[i].dlt;
	return linktype;
}
