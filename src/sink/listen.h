#ifndef SINK_LISTEN_H
#define SINK_LISTEN_H

#include "core/sink_spec.h"

/*
 * listen.h - listen:ADDR:FIRST-LAST, two ports per session for consumers to
 * connect to.
 *
 * Requests are heard at the first of them, responses at the second; ports go
 * back to the range when the session is over and its consumers are served.
 * Without a free port a session is not heard: its bytes are "gone".
 */

extern const struct sink_kind listen_kind;

#endif /* SINK_LISTEN_H */
