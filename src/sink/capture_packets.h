#ifndef SINK_CAPTURE_PACKETS_H
#define SINK_CAPTURE_PACKETS_H

#include "base/attr.h"

#include "core/event.h"

#include "sink/capture_file.h"

/*
 * capture_packets.h - packets as they were captured, all of them in one file,
 * or each session's in its own.
 *
 * A session's own file is made when its first packet is kept, so that a queue
 * that is full does not grow with every session.  Sessions that bring no
 * packets (session.no_packets) get some made for them (sink/capture_stream.h):
 * in a pcapng file they have an interface of their own.
 *
 * The functions are entries for struct sink_ops, as those of capture_stream.h.
 */

struct capture_stream;
struct packet;
struct session;
struct sink_lane;

/**
 * struct capture_packets - What is kept for a session; private
 * @own:	Its file, once there is one
 * @stream:	NULL unless it brings no packets
 */
struct capture_packets {
	struct capture_file own;
	struct capture_stream *stream;
};

int capture_packets_open(
    struct sink_lane *lane, void *state, const struct session *s) ATTR_WUNRES;
void capture_packets_packet(struct sink_lane *lane, void *state,
    const struct session *s, const struct packet *p);
void capture_packets_data(struct sink_lane *lane, void *state,
    const struct session *s, const struct chunk *c);
void capture_packets_gap(struct sink_lane *lane, void *state,
    const struct session *s, const struct gap *g);
void capture_packets_end(struct sink_lane *lane, void *state,
    const struct session *s, const struct end *e);
void capture_packets_close(
    struct sink_lane *lane, void *state, const struct session *s);
void capture_packets_abort(
    struct sink_lane *lane, void *state, const struct session *s);

#endif /* SINK_CAPTURE_PACKETS_H */
