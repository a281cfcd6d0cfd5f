#ifndef SINK_PCAPNG_LISTEN_H
#define SINK_PCAPNG_LISTEN_H

/*
 * pcapng_listen.h - the sink "pcapng-listen": a live capture for each client
 * that connects (wireshark -k -i TCP@HOST:PORT).
 *
 * From tap and read clients get the packets as captured; from proxy, and from
 * netrecord's logs, packets made for the streams (sink/made.h).  Each begins
 * with a head of its own; who comes in the middle of sessions is shown a
 * handshake for each that is live, at the place where it has come to.
 */

struct sink_kind;

extern const struct sink_kind pcapng_listen_kind;

#endif /* SINK_PCAPNG_LISTEN_H */
