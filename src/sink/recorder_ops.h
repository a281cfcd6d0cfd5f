#ifndef SINK_RECORDER_OPS_H
#define SINK_RECORDER_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * recorder_ops.h - entries for the struct sink_ops of sinks that write files.
 *
 * For kinds whose sink->self begins with a struct recorder.  All but the last
 * two also want lane->self to begin with a struct recorder_lane: lane_new()
 * makes it one and nothing more.
 */

struct err;
struct sink;
struct sink_lane;
struct worker;

/**
 * recorder_ops_lane_make() - A lane of @size bytes, zeroed behind its first
 * member, a struct recorder_lane
 *
 * It becomes lane->self, and recorder_ops_lane_free() frees it.  Return: NULL
 * with @err
 */
void *recorder_ops_lane_make(struct sink_lane *lane, struct worker *w,
    size_t size, struct err *err) ATTR_WUNRES;

int recorder_ops_lane_new(
    struct sink_lane *lane, struct worker *w, struct err *err) ATTR_WUNRES;
void recorder_ops_lane_free(struct sink_lane *lane);
uint64_t recorder_ops_turn(struct sink_lane *lane, uint64_t mono_ns);
bool recorder_ops_full(const struct sink_lane *lane);
int recorder_ops_drain(struct sink *sink, uint64_t deadline_ns);
void recorder_ops_reopen(struct sink *sink);

#endif /* SINK_RECORDER_OPS_H */
