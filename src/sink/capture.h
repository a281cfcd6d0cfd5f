#ifndef SINK_CAPTURE_H
#define SINK_CAPTURE_H

#include "core/sink_spec.h"

/*
 * capture.h - the sink kinds "pcapng" and "pcap": capture files that other
 * programs read, of all sessions in one file, or with fields in its name
 * (sink/template.h) a file for each session.  A file for a session never takes
 * the place of one that is there, whatever was asked for: it may be an earlier
 * session's.
 *
 * Where the source gives packets, these are kept as they were captured: bytes,
 * lengths, times, link types, directions; in the one file also those of no
 * session.  Where it gives streams, packets are made for them (wire/synth.h).
 * The sink is made of one of two sets of ops:
 *
 *	capture ─┬─ capture_stream ───┬─ capture_file: names, heads, interfaces
 *	         └─ capture_packets ──┘
 *
 * What made packets cannot say is put into comments, which pcapng has and pcap
 * has not: the session's number, the target as its user wrote it, UNIX paths
 * and the proxy's own ends (at the SYN), where bytes are missing and why (at
 * the next packet), and that it was this program that ended a session (at the
 * RST).
 */

/** capture_pcapng_kind - "pcapng:FILE"; times in ns. */
extern const struct sink_kind capture_pcapng_kind;

/** capture_pcap_kind - "pcap:FILE"; times in ns. */
extern const struct sink_kind capture_pcap_kind;

#endif /* SINK_CAPTURE_H */
