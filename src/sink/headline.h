#ifndef SINK_HEADLINE_H
#define SINK_HEADLINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "core/event.h"

struct format_opts;
struct obuf;
struct session;

/*
 * headline.h - the lines that the formats for people have in common.
 *
 *	08:30:00.123  #1  *   127.0.0.1:40112 -> ftp.example.com:21 (192.0.2.7)
 *	08:30:00.141  #1  <-  ...
 *	|             |   |   |
 *	local time    |   |   what happened
 *	        session   mark
 *
 * The columns stay where they are: the session has four of them, six from
 * #100 on, eight from #10000 on.
 */

/** enum headline_mark - Who speaks. */
enum headline_mark {
	HEADLINE_CLIENT, /* the client's bytes */
	HEADLINE_SERVER, /* the server's bytes */
	HEADLINE_OPEN,
	HEADLINE_CLOSE,
};
#define HEADLINE_NMARKS (HEADLINE_CLOSE + 1)

/** headline_mark_of() - The mark of a direction. */
enum headline_mark headline_mark_of(enum dir dir);

/* Most bytes of a head, colours included. */
#define HEADLINE_MAX 96

/* Most bytes of headline_finish(). */
#define HEADLINE_FINISH_MAX 8

/**
 * headline_write() - Time, session and mark, up to where the words begin
 * @out:	HEADLINE_MAX bytes
 *
 * The colour of the mark stays on until headline_finish().  Return: bytes
 * written
 */
size_t headline_write(uint8_t *out, const struct format_opts *o,
    const struct session *s, uint64_t ts_ns, enum headline_mark mark);

/** headline_put() - The same, appended to @out. */
void headline_put(const struct format_opts *o, const struct session *s,
    uint64_t ts_ns, enum headline_mark mark, struct obuf *out);

/** headline_columns() - The column where the words begin. */
size_t headline_columns(const struct format_opts *o, const struct session *s);

/** headline_finish() - End of colour, newline.  Return: bytes written */
size_t headline_finish(
    uint8_t out[HEADLINE_FINISH_MAX], const struct format_opts *o);

/** headline_finish_put() - The same, appended to @out. */
void headline_finish_put(const struct format_opts *o, struct obuf *out);

/** headline_look() - How text of a stranger is to be escaped. */
enum text_look headline_look(const struct format_opts *o);

/** headline_quote_put() - Bytes of a stranger, escaped, in double quotes. */
void headline_quote_put(
    const struct format_opts *o, const uint8_t *p, size_t n, struct obuf *out);

/** headline_id_put() - "#1" in the colour of the session, and its spaces. */
void headline_id_put(
    const struct format_opts *o, const struct session *s, struct obuf *out);

/** headline_who_put() - "127.0.0.1:40112 -> ftp.example.com:21 (192.0.2.7)" */
void headline_who_put(
    const struct format_opts *o, const struct session *s, struct obuf *out);

/**
 * headline_how_put() - "closed by the server (fin) after 16.577 s   -> 43 B
 * <- 491 B   2,896 B lost   3 retransmitted"
 *
 * The last of these are packets.  Only while a session closes.
 */
void headline_how_put(
    const struct format_opts *o, const struct session *s, struct obuf *out);

/**
 * headline_size_put() - "24 bytes at 1,448", without a newline
 */
void headline_size_put(uint64_t len, uint64_t off, struct obuf *out);

/*
 * Whole lines, made like the callbacks of a struct format so that they can be
 * used as such; @st is not looked at.
 */
void headline_open(const struct format_opts *o, void *st,
    const struct session *s, struct obuf *out);
void headline_gap(const struct format_opts *o, void *st,
    const struct session *s, const struct gap *g, struct obuf *out);
void headline_conflict(const struct format_opts *o, void *st,
    const struct session *s, const struct conflict *c, struct obuf *out);
void headline_close(const struct format_opts *o, void *st,
    const struct session *s, struct obuf *out);

#endif /* SINK_HEADLINE_H */
