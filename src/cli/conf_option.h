#ifndef CLI_CONF_OPTION_H
#define CLI_CONF_OPTION_H

#include <stddef.h>

#include "config/schema.h"

/*
 * conf_option.h - options of the command line as keys of a configuration.
 *
 * A key is the long name of an option; what it may say, its default and its
 * help are those of the option's row, so that they are written once.
 */

/**
 * conf_option_rows() - The options that may stand at a place
 * @place:	CMDLINE_INPUT or CMDLINE_RUNTIME
 * @command:	CMDLINE_PROXY, ...: only those that it has, too; 0: all
 * @rows:	Room for @max; the rest of the table is not touched
 *
 * Their setters want a struct cmdline.  Return: how many there are
 */
size_t conf_option_rows(
    unsigned place, unsigned command, struct schema_row *rows, size_t max);

#endif /* CLI_CONF_OPTION_H */
