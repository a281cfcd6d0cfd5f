#ifndef SINK_TCPREEN_LINES_H
#define SINK_TCPREEN_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dir.h"
#include "core/event.h"

struct format_opts;
struct obuf;
struct session;

/*
 * tcpreen_lines.h - what tcpreen says about a session, around its data.
 *
 *	Connection from: 127.0.0.1 port 34588
 *	Connection to: 127.0.0.1 port 7001
 *	Transmission follows...
 *	...
 *	End of input: 22 bytes received.
 *	End of output: 58 bytes sent.
 *	End of transmission.
 *
 * The two ends stand in the order in which they came.  A reset ends both
 * directions at once: that of the side which sent it comes first.  A session
 * that we cut ourselves (limit, stop) has no such lines.  A session that
 * never reached its server is passed over: tcpreen-errors has it.
 */

/**
 * struct tcpreen_lines - State of a session; all zeros to begin with
 * @talks:	The server was reached
 * @told:	The end of this direction has been told
 * @held:	It has come, but waits for that of the side which sent the reset
 * @total:	Bytes of a direction; valid when it is held
 */
struct tcpreen_lines {
	bool talks;
	bool told[DIR_NDIRS];
	bool held[DIR_NDIRS];
	uint64_t total[DIR_NDIRS];
};

/** tcpreen_lines_mark() - ">>> " for the server's bytes, "<<< " else. */
const char *tcpreen_lines_mark(enum dir dir);

/** tcpreen_lines_unit() - "byte" for one of them, "bytes" else. */
const char *tcpreen_lines_unit(uint64_t n);

/** tcpreen_lines_reached() - Was there ever a server to talk to? */
bool tcpreen_lines_reached(const struct session *s);

/** tcpreen_lines_from() - "Connection from: HOST port PORT\n" */
void tcpreen_lines_from(const struct session *s, struct obuf *out);

/** tcpreen_lines_to() - "Connection to: HOST port PORT\n" */
void tcpreen_lines_to(const struct session *s, struct obuf *out);

/*
 * Callbacks of a struct format whose state begins with (or is) a struct
 * tcpreen_lines.
 */
void tcpreen_lines_open(const struct format_opts *o, void *st,
    const struct session *s, struct obuf *out);
void tcpreen_lines_gap(const struct format_opts *o, void *st,
    const struct session *s, const struct gap *g, struct obuf *out);
void tcpreen_lines_end(const struct format_opts *o, void *st,
    const struct session *s, const struct end *e, struct obuf *out);
void tcpreen_lines_close(const struct format_opts *o, void *st,
    const struct session *s, struct obuf *out);

#endif /* SINK_TCPREEN_LINES_H */
