#ifndef SINK_LINES_H
#define SINK_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "core/dir.h"
#include "core/event.h"

struct format_opts;
struct obuf;
struct session;

/*
 * lines.h - a stream as lines for people; text and strip are made of it.
 *
 * A line of the stream, up to its line feed, is a line of output, however the
 * stream was cut into chunks.  The beginning of a line waits for its rest: it
 * is shown when the session has been silent for LINES_SILENCE_NS, when the
 * other side speaks, and when something else is to be told; what comes then
 * goes on behind an ellipsis.  So lines appear in the order in which things
 * were said.
 *
 * A line shows at most LINES_MAX bytes of the stream; a mark tells how many
 * more there were.
 *
 * Memory is taken only while a beginning waits: at most LINES_MAX bytes a
 * direction.  Without memory it does not wait but is shown at once.
 */

#define LINES_MAX        4096
#define LINES_SILENCE_NS (200 * CLOCK_NS_PER_MS)

/**
 * lines_render - Write the bytes of a line as they are to be seen
 * @out:	TEXT_ESCAPE_ROOM(@n) bytes
 * @p:		@n bytes; the line feed is the last if it is there
 *
 * Return: bytes written, at most 4 for each
 */
typedef size_t lines_render(
    const struct format_opts *o, uint8_t *out, const uint8_t *p, size_t n);

/**
 * struct lines_half - One direction; lines.c alone writes it
 * @held:	Beginning of a line that has not been shown; NULL if none
 * @len:	Bytes held
 * @cap:	Bytes allocated
 * @middle:	The next byte continues a line that has been shown in part
 * @more:	Bytes after those held, which will not be shown
 * @ts_ns:	Time of the first byte held
 */
struct lines_half {
	uint8_t *held;
	uint16_t len;
	uint16_t cap;
	bool middle;
	uint64_t more;
	uint64_t ts_ns;
};

/**
 * struct lines - State of a session; all zeros to begin with
 * @render:	Set at open
 */
struct lines {
	lines_render *render;
	struct lines_half half[DIR_NDIRS];
};

/*
 * Callbacks of a struct format whose state is a struct lines.  Its own open()
 * sets @render.
 */
uint64_t lines_data(const struct format_opts *o, void *st,
    const struct session *s, const struct chunk *c, struct obuf *out);
void lines_idle(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out);
void lines_gap(const struct format_opts *o, void *st, const struct session *s,
    const struct gap *g, struct obuf *out);
void lines_conflict(const struct format_opts *o, void *st,
    const struct session *s, const struct conflict *c, struct obuf *out);
void lines_end(const struct format_opts *o, void *st, const struct session *s,
    const struct end *e, struct obuf *out);
void lines_close(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out);

#endif /* SINK_LINES_H */
