#ifndef SINK_CAPTURE_HEAD_H
#define SINK_CAPTURE_HEAD_H

#include "core/packet.h"

struct obuf;

/*
 * capture_head.h - what our pcapng captures begin with, in files and on
 * sockets alike.
 */

/** capture_head_section() - Append an SHB: this program, on this system. */
void capture_head_section(struct obuf *out);

/** capture_head_iface() - Append the IDB of an interface. */
void capture_head_iface(struct obuf *out, const struct packet_iface *iface);

/**
 * capture_head_made() - The interface of packets that are made for streams
 * @source:	Of the sink (sink_env.source)
 */
struct packet_iface capture_head_made(const char *source);

#endif /* SINK_CAPTURE_HEAD_H */
