#ifndef SINK_CAPTURE_STREAM_H
#define SINK_CAPTURE_STREAM_H

#include <stdint.h>

#include "base/attr.h"

#include "core/event.h"

#include "sink/capture_file.h"
#include "sink/made.h"

/*
 * capture_stream.h - packets made for streams (sink/made.h), in capture files.
 *
 * The functions are entries for struct sink_ops, for sinks whose lanes are
 * struct capture_lane and whose self begins with struct capture_files.
 */

struct session;
struct sink_lane;

/**
 * struct capture_stream - What is kept for a session; private
 * @made:	Its conversation
 * @own:	Its file, unless that is shared
 * @number:	Of the interface, in the file
 */
struct capture_stream {
	struct made made;
	struct capture_file own;
	uint32_t number;
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
