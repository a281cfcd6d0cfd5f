#ifndef SINK_TEE_H
#define SINK_TEE_H

#include "core/sink_spec.h"

/*
 * tee.h - tee:HOST:PORT, a copy of each session to another server.
 *
 * A connection per session, made when it opens; what the other server
 * answers is dropped, or compared with the true answer.  FIN is passed on as
 * FIN, RST as RST.  A copy never has a hole (decision 7): a gap, a full queue
 * or a lost connection ends it with RST, and what would have followed is
 * counted as "gone".
 */

extern const struct sink_kind tee_kind;

#endif /* SINK_TEE_H */
