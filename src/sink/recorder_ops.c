#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

#include "core/sink.h"

#include "sink/recorder.h"
#include "sink/recorder_ops.h"

int
recorder_ops_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	struct recorder_lane *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL)
		return err_set(err, -ENOMEM, "no memory for a worker");
	rc = recorder_lane_init(lane->sink->self, l, lane, w, err);
	if (rc != 0) {
		free(l);
		return rc;
	}
	lane->self = l;
	return 0;
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
