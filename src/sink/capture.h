#ifndef SINK_CAPTURE_H
#define SINK_CAPTURE_H

#include "core/sink_spec.h"

/*
 * capture.h - the sink kinds "pcapng" and "pcap": streams as packets that
 * other programs read (wire/synth.h), of all sessions in one file, or with
 * fields in its name (sink/template.h) a file for each session.  A file for a
 * session never takes the place of one that is there, whatever was asked for:
 * it may be an earlier session's.
 *
 * What packets cannot say is put into comments, which pcapng has and pcap has
 * not: the session's number, the target as its user wrote it, UNIX paths and
 * the proxy's own ends (at the SYN), where bytes are missing and why (at the
 * next packet), and that it was this program that ended a session (at the
 * RST).
 */

/** capture_pcapng_kind - "pcapng:FILE"; times in ns. */
extern const struct sink_kind capture_pcapng_kind;

/** capture_pcap_kind - "pcap:FILE"; times in ns. */
extern const struct sink_kind capture_pcap_kind;

#endif /* SINK_CAPTURE_H */
