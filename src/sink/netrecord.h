#ifndef SINK_NETRECORD_H
#define SINK_NETRECORD_H

#include "core/sink_spec.h"

/*
 * netrecord.h - the sink kind "netrecord": the logs of netrecord, one file
 * per session (wire/netrecord.h), called ROOT_N after the session's number.
 *
 * A side that finishes sending gets "hup", a side that fails or resets gets
 * "err", each once; a session that we end gets neither.  A server that was
 * never reached has no end record.  The format has no word for missing bytes:
 * gaps go to ROOT_N.gaps, in lines as jsonl prints them.
 */

/** netrecord_kind - "netrecord:ROOT" */
extern const struct sink_kind netrecord_kind;

#endif /* SINK_NETRECORD_H */
