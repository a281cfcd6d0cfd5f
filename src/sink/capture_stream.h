#ifndef SINK_CAPTURE_STREAM_H
#define SINK_CAPTURE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#include "core/dir.h"
#include "core/event.h"

#include "sink/capture_file.h"

#include "wire/synth.h"

/*
 * capture_stream.h - packets made for streams (wire/synth.h), with what packets
 * cannot say in comments.
 *
 * The functions are entries for struct sink_ops, for sinks whose lanes are
 * struct capture_lane and whose self begins with struct capture_files.
 */

struct session;
struct sink_lane;

/**
 * struct capture_stream - What is kept for a session; private
 * @synth:	Its conversation
 * @own:	Its file, unless that is shared
 * @number:	Of the interface, in the file
 * @lost:	Bytes missing before the next packet of that side,
 * @why:	and why
 */
struct capture_stream {
	struct synth synth;
	struct capture_file own;
	uint32_t number;
	uint8_t why[DIR_NDIRS];
	uint64_t lost[DIR_NDIRS];
};

int capture_stream_open(
    struct sink_lane *lane, void *state, const struct session *s) ATTR_WUNRES;
void capture_stream_data(struct sink_lane *lane, void *state,
    const struct session *s, const struct chunk *c);
void capture_stream_gap(struct sink_lane *lane, void *state,
    const struct session *s, const struct gap *g);
void capture_stream_end(struct sink_lane *lane, void *state,
    const struct session *s, const struct end *e);
void capture_stream_close(
    struct sink_lane *lane, void *state, const struct session *s);
void capture_stream_abort(
    struct sink_lane *lane, void *state, const struct session *s);

#endif /* SINK_CAPTURE_STREAM_H */
