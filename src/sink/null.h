#ifndef SINK_NULL_H
#define SINK_NULL_H

#include "core/sink_spec.h"

/*
 * null.h - null: writes nothing; the sheet counts what it was offered.
 *
 * It needs no bytes, so a session that nobody else watches is relayed without
 * a byte entering this process.
 */

extern const struct sink_kind null_kind;

#endif /* SINK_NULL_H */
