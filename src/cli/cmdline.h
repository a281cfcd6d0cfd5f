#ifndef CLI_CMDLINE_H
#define CLI_CMDLINE_H

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

/*
 * Bits of option_row.commands; the last two are places where an option may
 * stand in a configuration, under its long name.
 */
#define CMDLINE_PROXY   1U
#define CMDLINE_TAP     2U
#define CMDLINE_READ    4U
#define CMDLINE_RUN     8U
#define CMDLINE_INPUT   16U /* in an input of a kind that has it */
#define CMDLINE_RUNTIME 32U /* in "runtime" */

/**
 * struct cmdline - A command line being read
 * @plan:	What it comes to
 * @format:	-f; NULL: not given.  Points into argv.
 * @has_on_full: --on-full was given
 * @on_full:	For sinks that do not say on-full= themselves
 * @rotation:	-C, -G and -W
 * @live_option: The last option given that only an interface can follow; NULL
 * @has_decap:	--decap was given
 * @has_idle:	--idle-timeout was given
 * @has_history: --control-history was given
 * @help:	-h was given
 * @version:	-V was given
 * @interfaces:	-D was given
 */
struct cmdline {
	struct plan plan;
	const char *format;
	bool has_on_full;
	enum on_full on_full;
	struct sink_rotation rotation;
	const struct option_row *live_option;
	bool has_decap;
	bool has_idle;
	bool has_history;
	bool help;
	bool version;
	bool interfaces;
};

/** cmdline_proxy() - The options of "teeline proxy". */
const struct option_table *cmdline_proxy(void);

/** cmdline_tap() - The options of "teeline tap". */
const struct option_table *cmdline_tap(void);

/**
 * cmdline_read() - The options of "teeline read"
 *
 * The "--" before the filter stays among the operands.
 */
const struct option_table *cmdline_read(void);

/**
 * cmdline_run() - The options of "teeline run"
 *
 * None of them is about an input: its plan may have any number.
 */
const struct option_table *cmdline_run(void);

/**
 * cmdline_init() - Nothing said yet to a command that hears @input
 *
 * Return: 0 or -ENOMEM; cmdline_done() is right after both
 */
int cmdline_init(struct cmdline *c, enum plan_input input) ATTR_WUNRES;

/** cmdline_source() - The one input of its plan. */
struct plan_source *cmdline_source(struct cmdline *c);

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
 * cmdline_control() - Where the control plane is served
 * @text:	As LISTEN, but for those where we call
 *
 * Return: 0, -EINVAL or -ENOMEM
 */
int cmdline_control(
    struct plan_control *pc, const char *text, struct err *err) ATTR_WUNRES;

/**
 * cmdline_settle_decap() - Several rings open no tunnels
 * @dashes:	What stands before the name of an option where it was read
 *
 * Return: 0; -EINVAL when it was asked for all the same
 */
int cmdline_settle_decap(
    struct cmdline *c, const char *dashes, struct err *err) ATTR_WUNRES;

/** cmdline_settle_log() - What -q and -v mean, if they were given. */
void cmdline_settle_log(struct plan *p);

/**
 * cmdline_finish() - Settle what depends on several options
 * @terminal:	Standard output is one
 *
 * -f becomes the first sink (text, unless told otherwise; none if -w goes to
 * standard output), --on-full reaches the sinks that have no own, -C, -G and
 * -W those that -w has made.  tap with -r reads.
 *
 * Return: 0; -EINVAL when options contradict each other; -ENOMEM
 */
int cmdline_finish(
    struct cmdline *c, bool terminal, struct err *err) ATTR_WUNRES;

#endif /* CLI_CMDLINE_H */
