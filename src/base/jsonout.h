#ifndef BASE_JSONOUT_H
#define BASE_JSONOUT_H

#include <stdbool.h>
#include <stdint.h>

struct obuf;

/*
 * jsonout.h - JSON text, member by member, without a tree in between.
 *
 *	jsonout_open(&o, NULL, '{');
 *	jsonout_number(&o, "id", 7);
 *	jsonout_open(&o, "names", '[');
 *	jsonout_text(&o, NULL, "one");
 *	jsonout_close(&o, ']');
 *	jsonout_close(&o, '}');		{"id":7,"names":["one"]}
 *
 * Commas come by themselves.  Keys are ours and stand as they are; NULL is a
 * member of an array, or the whole.  Whatever a text holds, the result is JSON.
 * Running out of memory is the buffer's business (base/obuf.h).
 */

/** jsonout_open() - Begin an object, '{', or an array, '['. */
void jsonout_open(struct obuf *o, const char *key, char kind);

/** jsonout_close() - End it, with '}' or ']'. */
void jsonout_close(struct obuf *o, char kind);

/** jsonout_text() - A string; null if @text is NULL. */
void jsonout_text(struct obuf *o, const char *key, const char *text);

/** jsonout_number() - A whole number. */
void jsonout_number(struct obuf *o, const char *key, uint64_t n);

/** jsonout_bool() - true or false. */
void jsonout_bool(struct obuf *o, const char *key, bool value);

/** jsonout_null() - null. */
void jsonout_null(struct obuf *o, const char *key);

/** jsonout_raw() - What is JSON already. */
void jsonout_raw(struct obuf *o, const char *key, const char *json);

/** jsonout_stamp() - A time as RFC 3339 has it, in UTC, with nanoseconds. */
void jsonout_stamp(struct obuf *o, const char *key, uint64_t ts_ns);

#endif /* BASE_JSONOUT_H */
