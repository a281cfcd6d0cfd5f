#ifndef SINK_CONNECT_H
#define SINK_CONNECT_H

#include "core/sink_spec.h"

/*
 * connect.h - connect:HOST:REQUESTS/RESPONSES, two connections per session.
 *
 * One port gets the requests of every session, the other the responses, each
 * session on connections of its own.  A consumer that is lost is called
 * again; what came meanwhile is dropped and counted.
 */

extern const struct sink_kind connect_kind;

#endif /* SINK_CONNECT_H */
