#ifndef CONTROL_SESSION_JSON_H
#define CONTROL_SESSION_JSON_H

struct obuf;
struct watch_session;

/*
 * session_json.h - sessions as the control plane shows them.
 */

/** session_json_put() - Append all that is known now; @key as in jsonout.h. */
void session_json_put(
    struct obuf *o, const char *key, const struct watch_session *ws);

/** session_json_opened() - Append its open, as jsonl has it. */
void session_json_opened(struct obuf *o, const struct watch_session *ws);

/** session_json_closed() - Append its close; it is over. */
void session_json_closed(struct obuf *o, const struct watch_session *ws);

#endif /* CONTROL_SESSION_JSON_H */
