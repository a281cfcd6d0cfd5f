#ifndef CONTROL_LINE_JSON_H
#define CONTROL_LINE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "core/event.h"

/*
 * line_json.h - sessions and figures as stethoscope's clients know them.
 *
 * Every function gives a new reference, or NULL without memory; what is put
 * together from NULL is NULL, or lacks it.
 */

struct line_entry;
struct line_opts;
struct line_sum;
struct watch_session;

/** line_json_ts() - Event time as "2026-11-21T08:30:00Z". */
json_t *line_json_ts(uint64_t ts_ns);

/** line_json_flow() - {local_ip, local_port, remote_ip, ..., session_id} */
json_t *line_json_flow(
    const struct line_opts *o, const struct watch_session *ws);

/** line_json_session() - As list_sessions has it; with @drops get_session. */
json_t *line_json_session(const struct line_opts *o,
    const struct watch_session *ws, const struct line_entry *e, bool drops);

/** line_json_total() - Adds the figures of all sessions to @object. */
void line_json_total(json_t *object, const struct line_sum *sum);

/** line_json_is_c2s() - Is what @dir brings sent by the local end? */
bool line_json_is_c2s(
    const struct line_opts *o, const struct watch_session *ws, enum dir dir);

/** line_json_stream() - "requests" or "responses". */
const char *line_json_stream(const struct line_opts *o, bool c2s);

/** line_json_reason() - "fin", "idle_timeout_120s", ... */
json_t *line_json_reason(const struct line_opts *o, enum how how);

#endif /* CONTROL_LINE_JSON_H */
