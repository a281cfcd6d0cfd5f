#ifndef SINK_FORMAT_H
#define SINK_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/obuf.h"
#include "core/sink.h"

/*
 * format.h - events to bytes.
 *
 * A format knows nothing of files, threads or queues: it gets an event and
 * appends to a buffer.  The stream sink (sink/stream.c) puts those bytes on
 * standard output, into one file, or into a file per session.  Each format is
 * one file format_NAME.c with one const struct format, and one line in
 * sink/formats.c.
 */

struct chorus;
struct session;

/**
 * struct format_opts - How it is to look
 * @utf8:	Arrows and control pictures may be used; else ASCII.  Text of
 *the stream that is valid UTF-8 is shown either way
 * @ascii:	Not even that: a terminal that is not UTF-8 could take the bytes
 *		of a harmless character for controls
 * @color:	SGR colours may be used
 * @inputs:	Records say by which input a session was heard
 * @start_ns:	Event time that relative times count from
 * @chorus:	The parts, if the format is a chorus (sink/chorus.h); else NULL
 */
struct format_opts {
	bool utf8;
	bool ascii;
	bool color;
	bool inputs;
	uint64_t start_ns;
	const struct chorus *chorus;
};

/**
 * struct format - What a format implements
 * @name:	As after -f
 * @help:	One line; NULL: for a personality alone, not offered
 * @need:	What it needs of a chunk
 * @session_size: Zeroed state per session, @st below
 *
 * Any callback may be NULL.  @st may own memory from open (or later) until
 * close; close is always called.  Each call appends whole records.
 */
struct format {
	const char *name;
	const char *help;
	enum need need;
	size_t session_size;

	void (*open)(const struct format_opts *o, void *st,
	    const struct session *s, struct obuf *out);
	/**
	 * data() - Return: 0, or nanoseconds of silence in this session after
	 * which idle() wants to be called (a partial line is pending)
	 */
	uint64_t (*data)(const struct format_opts *o, void *st,
	    const struct session *s, const struct chunk *c, struct obuf *out);
	void (*idle)(const struct format_opts *o, void *st,
	    const struct session *s, struct obuf *out);
	void (*gap)(const struct format_opts *o, void *st,
	    const struct session *s, const struct gap *g, struct obuf *out);
	void (*conflict)(const struct format_opts *o, void *st,
	    const struct session *s, const struct conflict *c,
	    struct obuf *out);
	void (*end)(const struct format_opts *o, void *st,
	    const struct session *s, const struct end *e, struct obuf *out);
	void (*close)(const struct format_opts *o, void *st,
	    const struct session *s, struct obuf *out);
};

#endif /* SINK_FORMAT_H */
