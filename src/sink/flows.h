#ifndef SINK_FLOWS_H
#define SINK_FLOWS_H

#include "core/sink_spec.h"

/*
 * flows.h - flows:DIR, the exact bytes of each direction in a file.
 *
 *	DIR/000042-127.0.0.1-40112-192.0.2.7-21.c2s	what the client sent
 *	DIR/000042-127.0.0.1-40112-192.0.2.7-21.s2c	what the server sent
 *	DIR/gaps.jsonl		what is missing, made when something is
 *
 * An offset in a file is the offset in the stream: missing bytes are a hole
 * (zeros that take no room on the disk) and a line in gaps.jsonl, which is a
 * gap event as format jsonl writes it, with the name of the file added.
 * Missing bytes at the end do not make the file longer.  gaps.jsonl is added
 * to, never cut; a name that is taken gets "-2", "-3" ... before ".c2s".  A
 * refused session leaves no files, and in a capture no direction without
 * bytes does: whoever scans ports may not fill a disk with empty ones.
 *
 * It takes the bytes from a pipe where that is possible: then they go from
 * socket to file without entering this process.
 */

extern const struct sink_kind flows_kind;

#endif /* SINK_FLOWS_H */
