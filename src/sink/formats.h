#ifndef SINK_FORMATS_H
#define SINK_FORMATS_H

#include <stddef.h>

#include "sink/format.h"

/*
 * formats.h - the table of all formats.
 *
 * A format is added by its file format_NAME.c and one line in formats.c.
 */

extern const struct format format_c;
extern const struct format format_count;
extern const struct format format_hex;
extern const struct format format_jsonl;
extern const struct format format_password;
extern const struct format format_raw;
extern const struct format format_strip;
extern const struct format format_summary;
extern const struct format format_text;

/* In the words of the programs that live on as personalities; not offered. */
extern const struct format format_gotcpspy_errors;
extern const struct format format_netrecord_notes;
extern const struct format format_tcpreen_c;
extern const struct format format_tcpreen_count;
extern const struct format format_tcpreen_errors;
extern const struct format format_tcpreen_hex;
extern const struct format format_tcpreen_null;
extern const struct format format_tcpreen_password;
extern const struct format format_tcpreen_peers;
extern const struct format format_tcpreen_raw;
extern const struct format format_tcpreen_strip;

/** formats_find() - The format called @name; NULL if there is none. */
const struct format *formats_find(const char *name);

/**
 * formats_at() - All formats in the order of the manual
 * @i:		From 0
 *
 * Return: NULL after the last one
 */
const struct format *formats_at(size_t i);

#endif /* SINK_FORMATS_H */
