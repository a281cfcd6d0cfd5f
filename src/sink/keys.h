#ifndef SINK_KEYS_H
#define SINK_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/quantity.h"

/*
 * keys.h - values of a kind's own key=value pairs.
 *
 * Each reads one key of a specification.  A key that was not given leaves
 * @value as it is: that is where defaults stand.  A value that is wrong is
 * -EINVAL, with the key, the value and what would be right; whoever makes the
 * sink puts its name before that.
 */

struct err;
struct sink_spec;

/**
 * keys_place() - Read the place that is called, or listened at
 * @how:	As endpoint_parse(); a sink does not turn it round
 *
 * Return: 0, -EINVAL or -ENOMEM; on failure there is nothing to be released
 */
int keys_place(struct endpoint *e, enum endpoint_how how, const char *text,
    struct err *err) ATTR_WUNRES;

/** struct keys_number - What a number may be. */
struct keys_number {
	enum quantity_kind kind;
	struct quantity_range range;
};

/** keys_number() - A count, a size in bytes or a time in ns. */
int keys_number(const struct sink_spec *spec, const char *key,
    const struct keys_number *what, uint64_t *value,
    struct err *err) ATTR_WUNRES;

/**
 * keys_word() - One of several words
 * @words:	Ended by NULL
 * @value:	Set to its index
 */
int keys_word(const struct sink_spec *spec, const char *key,
    const char *const *words, unsigned *value, struct err *err) ATTR_WUNRES;

/** keys_flag() - yes or no. */
int keys_flag(const struct sink_spec *spec, const char *key, bool *value,
    struct err *err) ATTR_WUNRES;

#endif /* SINK_KEYS_H */
