#ifndef CONTROL_SESSION_JSON_H
#define CONTROL_SESSION_JSON_H

#include <stdint.h>

#include "core/dir.h"

struct obuf;
struct ports;
struct watch_session;

/*
 * session_json.h - sessions as the control plane shows them.
 */

/**
 * session_json_put() - Append all that is known now
 * @key:	As in jsonout.h
 * @ports:	Where consumers may connect to; NULL: nowhere
 */
void session_json_put(struct obuf *o, const char *key,
    const struct watch_session *ws, struct ports *ports);

/** session_json_opened() - Append its open, as jsonl has it. */
void session_json_opened(struct obuf *o, const struct watch_session *ws);

/** session_json_ended() - Append the end of a direction, which is over. */
void session_json_ended(
    struct obuf *o, const struct watch_session *ws, enum dir dir);

/** session_json_counts() - Append what of it grows, as a short list. */
void session_json_counts(struct obuf *o, const struct watch_session *ws);

/** session_json_sum() - Another number whenever such a list would differ. */
uint64_t session_json_sum(const struct watch_session *ws);

/** session_json_closed() - Append its close; it is over. */
void session_json_closed(struct obuf *o, const struct watch_session *ws);

#endif /* CONTROL_SESSION_JSON_H */
