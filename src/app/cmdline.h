#ifndef APP_CMDLINE_H
#define APP_CMDLINE_H

#include <stdbool.h>

#include "base/attr.h"
#include "config/option.h"
#include "config/plan.h"

/*
 * cmdline.h - the options of teeline's own commands, and the plan they make.
 *
 * The rows are in cmdline_options.c; what follows from several of them
 * together is settled in cmdline_finish().
 */

struct err;

/* Bits of option_row.commands. */
#define CMDLINE_PROXY 1U

/**
 * struct cmdline - A command line being read
 * @plan:	What it comes to
 * @format:	-f; NULL: not given.  Points into argv.
 * @has_on_full: --on-full was given
 * @on_full:	For sinks that do not say on-full= themselves
 * @help:	-h was given
 * @version:	-V was given
 */
struct cmdline {
	struct plan plan;
	const char *format;
	bool has_on_full;
	enum on_full on_full;
	bool help;
	bool version;
};

/** cmdline_proxy() - The options of "teeline proxy". */
const struct option_table *cmdline_proxy(void);

/** cmdline_init() - Nothing said yet. */
void cmdline_init(struct cmdline *c);

/** cmdline_done() - Release the plan; idempotent. */
void cmdline_done(struct cmdline *c);

/**
 * cmdline_pair() - Add LISTEN and TARGET
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int cmdline_pair(struct cmdline *c, const char *listen, const char *target,
    struct err *err) ATTR_WUNRES;

/**
 * cmdline_finish() - Settle what depends on several options
 * @terminal:	Standard output is one
 *
 * -f becomes the first sink (text, unless told otherwise; none if -w goes to
 * standard output), --on-full reaches the sinks that have no own.
 *
 * Return: 0; -EINVAL when options contradict each other; -ENOMEM
 */
int cmdline_finish(
    struct cmdline *c, bool terminal, struct err *err) ATTR_WUNRES;

#endif /* APP_CMDLINE_H */
