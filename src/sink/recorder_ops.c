#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

#include "core/sink.h"

#include "sink/recorder.h"
#include "sink/recorder_ops.h"

void *
recorder_ops_lane_make(
    struct sink_lane *lane, struct worker *w, size_t size, struct err *err)
{
	struct recorder_lane *l = calloc(1, size);

	if (l == NULL) {
		(void)err_set(err, -ENOMEM, "no memory for a worker");
		return NULL;
	}
	if (recorder_lane_init(lane->sink->self, l, lane, w, err) != 0) {
		free(l);
		return NULL;
	}
	lane->self = l;
	return l;
}

int
recorder_ops_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	const void *l =
	    recorder_ops_lane_make(lane, w, sizeof(struct recorder_lane), err);

	return l == NULL ? -ENOMEM : 0;
}

void
recorder_ops_lane_free(struct sink_lane *lane)
{
	recorder_lane_done(lane->sink->self, lane->self);
	free(lane->self);
}

uint64_t
recorder_ops_turn(struct sink_lane *lane, uint64_t mono_ns)
{
	return recorder_turn(lane->self, mono_ns);
}

bool
recorder_ops_full(const struct sink_lane *lane)
{
	return recorder_full(lane->self);
}

int
recorder_ops_drain(struct sink *sink, uint64_t deadline_ns)
{
	return recorder_drain(sink->self, deadline_ns);
}

void
recorder_ops_reopen(struct sink *sink)
{
	recorder_reopen(sink->self);
}
