#ifndef CONFIG_SINK_TEXT_H
#define CONFIG_SINK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/sink_spec.h"

/*
 * sink_text.h - KIND:ARG[,key=value...] to a struct sink_spec.
 *
 * The first colon ends the kind, the first comma the argument.  "\" takes the
 * character after it as it is: "\," is a comma within a file name, "\\" a
 * backslash.  Addresses may stand in brackets: "client=[::1]".  Of the shared
 * keys input= alone may come several times.
 */

struct err;
struct obuf;

/* Least and most that queue= may say. */
#define SINK_TEXT_QUEUE_MIN ((uint64_t)4096)
#define SINK_TEXT_QUEUE_MAX ((uint64_t)1 << 40)

/**
 * struct sink_text_kinds - What may stand before the colon
 * @kinds:	@n of them; borrowed
 */
struct sink_text_kinds {
	const struct sink_kind *const *kinds;
	size_t n;
};

/**
 * sink_text_parse() - Read a sink as its user wrote it
 * @spec:	Set on success; free with sink_spec_done()
 * @err:	Names the kind, key and value and what would be right, with the
 *		nearest known kind or key
 *
 * Keys that all sinks share become fields, the kind's own become pairs.  The
 * kind judges values of its own keys, and the argument, when it makes the
 * sink; here the argument must be there if, and only if, the kind has one.
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int sink_text_parse(struct sink_spec *spec, const char *text,
    const struct sink_text_kinds *kinds, struct err *err) ATTR_WUNRES;

/*
 * The same in parts, for a text of another shape.
 */

/** sink_text_kind() - The kind called @name; NULL with @err: there is none. */
const struct sink_kind *sink_text_kind(const struct sink_text_kinds *kinds,
    const char *name, struct err *err) ATTR_WUNRES;

/**
 * sink_text_start() - A sink of @kind, no keys yet
 * @arg:	"" if there is none
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int sink_text_start(struct sink_spec *spec, const struct sink_kind *kind,
    const char *arg, struct err *err) ATTR_WUNRES;

/**
 * sink_text_key() - Take in a key
 *
 * A shared key replaces what was given before, but input= adds to it; an own
 * one may come once.
 * @err does not name the key when its value is wrong.
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int sink_text_key(struct sink_spec *spec, const struct sink_kind *kind,
    const char *key, const char *value, struct err *err) ATTR_WUNRES;

/**
 * sink_text_format() - A specification as -o would take it
 *
 * KIND:ARG and the keys that were given, each kind of key in an order of its
 * own: two that mean the same are the same text.  What has no text (rotation,
 * mode) is not in it.
 */
void sink_text_format(const struct sink_spec *spec, struct obuf *out);

/** sink_text_has_arg() - Does something have to follow the colon? */
bool sink_text_has_arg(const struct sink_kind *kind);

/** sink_text_keys() - The keys that all sinks share, ended by a NULL key. */
const struct sink_key *sink_text_keys(void);

#endif /* CONFIG_SINK_TEXT_H */
