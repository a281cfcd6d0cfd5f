#ifndef SINK_PAYLOAD_H
#define SINK_PAYLOAD_H

#include "core/sink_spec.h"

/*
 * payload.h - payload:HOST:PORT, what packets carry, sent on packet by packet
 * as it was captured: teecp's way.
 *
 * Nothing is put together: what came twice is sent twice, and what came out
 * of order leaves so.  Which layer's payload it is, wire/peel.h says; how it
 * gets there, sink/courier.h.  A payload is sent whole or not at all.
 *
 * For sessions that bring no packets (a relay, a netrecord log), packets are
 * made (sink/made.h); they begin with an IP header.
 *
 * The key "tell", which only personalities set, has a remark made of each
 * payload that is heard, and of each that was sent (sink/payload_tell.h).
 *
 * The counters count bytes of payloads, without headers put before them:
 * packets that have none are taken off what was offered.  For packets that
 * were made they count the bytes of the stream in them, whichever layer is
 * sent.
 */

extern const struct sink_kind payload_kind;

#endif /* SINK_PAYLOAD_H */
