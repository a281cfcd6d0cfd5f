#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/attr.h"
#include "cli/cmdline.h"

/*
 * command.h - what the commands that hear traffic have in common: a command
 * line is read, and a run comes of it.
 */

struct err;

/**
 * struct command - One of them
 * @input:	What it hears, unless an option says otherwise
 * @options:	Its table
 * @intro:	Help before the options, with the usage
 * @outro:	Help after them, with examples
 * @operands:	Takes the @n words of @argv that are no options.  Return: 0,
 *		-EINVAL or -ENOMEM with the error
 */
struct command {
	enum plan_input input;
	const struct option_table *(*options)(void);
	const char *intro;
	const char *outro;
	int (*operands)(struct cmdline *c, char **argv, int n, struct err *err);
};

/**
 * command_main() - Carry a command out
 *
 * Prints what is wrong.  Return: an exit code (run/run.h)
 */
int command_main(const struct command *cmd, int argc, char **argv);

/**
 * command_filter() - The words of a filter, joined by blanks
 * @words:	@n of them; with none the input keeps what it has
 *
 * Return: 0 or -ENOMEM with @err
 */
int command_filter(
    struct plan_source *s, char **words, int n, struct err *err) ATTR_WUNRES;

#endif /* CLI_COMMAND_H */
