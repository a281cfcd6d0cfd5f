#ifndef SINK_GOTCPSPY_H
#define SINK_GOTCPSPY_H

#include "core/sink_spec.h"

/*
 * gotcpspy.h - gotcpspy:DIR, the three logs that gotcpspy writes for each
 * connection, byte for byte.
 *
 *	log-TIME-N-LOCAL-REMOTE.log	both directions as hex
 *	log-binary-TIME-N-LOCAL.log	the client's bytes
 *	log-binary-TIME-N-REMOTE.log	the server's bytes
 *
 * TIME is local time, N the number of the session, LOCAL the proxy's own end
 * of the server's connection, REMOTE the server's.  Without a proxy these are
 * the true ends.  A name that is taken gets "-2", "-3" ... before ".log".
 *
 * Beside them, since gotcpspy has no word for it: a gap is a line, as format
 * jsonl writes it, in log-TIME-N-LOCAL-REMOTE.log.gaps.  A session whose
 * server could not be reached has no logs.
 */

extern const struct sink_kind gotcpspy_kind;

#endif /* SINK_GOTCPSPY_H */
