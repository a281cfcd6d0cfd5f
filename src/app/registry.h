#ifndef APP_REGISTRY_H
#define APP_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * registry.h - all that there is to choose from.
 *
 * A new command or personality is one line in registry.c; parsing, help,
 * "teeline list", completions and the manual check follow from it.  Kinds of
 * sinks are in run/kinds.h.
 */

struct option_table;

/**
 * struct registry_command - Something that can stand after "teeline"
 * @name:	As typed
 * @help:	One line; NULL: not shown in lists
 * @options:	Its rows; NULL if it has no option but -h
 * @go:		Its options are written as Go's package flag wants them
 * @words:	What its operand may be, separated by blanks; NULL: anything
 * @files:	Its operands are files
 * @main:	Carries it out; argv[0] is @name, or the path of a link that was
 *		started.  Return: an exit code (run/run.h)
 */
struct registry_command {
	const char *name;
	const char *help;
	const struct option_table *(*options)(void);
	bool go;
	const char *words;
	bool files;
	int (*main)(int argc, char **argv);
};

/** registry_commands() - "proxy", "list", ...; @n: how many. */
const struct registry_command *registry_commands(size_t *n);

/**
 * registry_personalities() - The programs that live on under their own names
 * @n:		How many
 *
 * Each is a command too, and what a link of its name to this program runs.
 */
const struct registry_command *registry_personalities(size_t *n);

#endif /* APP_REGISTRY_H */
