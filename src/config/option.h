#ifndef CONFIG_OPTION_H
#define CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * option.h - command line options as rows of a table.
 *
 * One row says everything about an option: how it is spelled, what its
 * argument may be, what it does (its setter), what --help, the completions
 * and the manual check know about it.  There is no second place to change.
 *
 * Two parsers read the same rows: option_parse() in the manner of GNU
 * getopt_long(3), goflag_parse() (config/goflag.h) in the manner of Go.
 *
 * Setters run in the order of the command line, so that "-f hex -o A -f c
 * -o B" may mean what tcpreen's users expect.
 */

struct err;
struct obuf;
struct option_row;

/** enum option_type - What the argument of an option is. */
enum option_type {
	OPTION_FLAG,   /* none; number is 1 (goflag: 0 after "=false") */
	OPTION_TEXT,   /* anything but ""; the setter judges it */
	OPTION_STRING, /* anything, "" as well */
	OPTION_WORD,   /* one of @words; number is its index */
	OPTION_COUNT,  /* a whole number */
	OPTION_SIZE,   /* bytes: 65536, 64KiB, 1M */
	OPTION_TIME,   /* nanoseconds from 1.5, 500ms, 10s, 2m */
};

/** enum option_complete - What a shell may offer as the argument. */
enum option_complete {
	OPTION_COMPLETE_NONE, /* (@words are offered in any case) */
	OPTION_COMPLETE_FILE,
	OPTION_COMPLETE_FORMAT,
	OPTION_COMPLETE_SINK,
	OPTION_COMPLETE_USER,
	OPTION_COMPLETE_INTERFACE,
};

/**
 * struct option_value - What a setter is told
 * @row:	The option
 * @text:	Its argument as written, NULL if it has none; points into
 *		argv, so it may be kept as long as argv lives
 * @number:	By type: nanoseconds, bytes, a count, an index, 0 or 1
 */
struct option_value {
	const struct option_row *row;
	const char *text;
	uint64_t number;
};

/**
 * option_setter - Carry an option out
 * @self:	As given to the parser
 * @err:	What is wrong with the value; the parser puts the option's name
 *		before it
 *
 * Return: 0; -ECANCELED to stop parsing although nothing is wrong (--help);
 *	   any other negative errno with @err
 */
typedef int option_setter(
    void *self, const struct option_value *v, struct err *err);

/**
 * struct option_row - An option
 * @letter:	Short name; 0: none
 * @name:	Long name without dashes; NULL: none
 * @arg:	Name of the argument in texts ("SEC"); NULL for OPTION_FLAG
 * @type:	See enum option_type
 * @min:	COUNT, SIZE and TIME: least value
 * @max:	COUNT, SIZE and TIME: greatest value
 * @words:	WORD: ended by NULL
 * @dflt:	The default as --help shows it; NULL: not shown
 * @help:	A line or two for --help, no full stop; NULL: an alias that
 *		is not shown
 * @section:	Heading it stands under; rows of a section are consecutive
 * @commands:	Bits of the commands that have it; 0: all
 * @many:	Meant to be given more than once
 * @complete:	See enum option_complete
 * @set:	Carries it out
 */
struct option_row {
	char letter;
	const char *name;
	const char *arg;
	enum option_type type;
	uint64_t min;
	uint64_t max;
	const char *const *words;
	const char *dflt;
	const char *help;
	const char *section;
	unsigned commands;
	bool many;
	enum option_complete complete;
	option_setter *set;
};

/**
 * struct option_table - The rows that a command uses
 * @rows:	@nrows of them; borrowed
 * @command:	Only rows with this bit (or with none) belong to it; 0: all
 * @two_lists:	The command takes two lists of operands, divided by "--"
 */
struct option_table {
	const struct option_row *rows;
	size_t nrows;
	unsigned command;
	bool two_lists;
};

/**
 * option_parse() - Read a command line in the manner of GNU
 * @argc:	Words of @argv; on success those that are left
 * @argv:	argv[0] is not looked at.  Operands are moved to the front:
 *		afterwards they are argv[1] to argv[*argc - 1].
 * @self:	For the setters
 * @err:	"--backlog: 0 is out of range: 1 to 65535"
 *
 * Options may stand before, between and after the operands, short ones may be
 * joined ("-qv", "-fhex"), long ones cut to what is unambiguous
 * ("--max-s=3").  "--" ends the options; "-" is an operand.  With two_lists
 * that "--" stays among the operands, where it stood.
 *
 * Return: 0; -EINVAL when the text is wrong; else what a setter returned
 */
int option_parse(const struct option_table *t, int *argc, char **argv,
    void *self, struct err *err) ATTR_WUNRES;

/**
 * option_apply() - Judge an argument by its row, then call the setter
 * @text:	The argument; NULL if none was given (OPTION_FLAG: true).
 *		For a flag: truth as Go's strconv.ParseBool reads it.
 * @err:	Without the option's name: the parser knows how it was written
 *
 * For parsers.  Return: as option_parse()
 */
int option_apply(const struct option_row *row, const char *text, void *self,
    struct err *err) ATTR_WUNRES;

/** option_belongs() - Is row @i one of this command's? */
bool option_belongs(const struct option_table *t, size_t i);

/**
 * option_help() - Append the text about all options of @t
 *
 * Aligned, at most 79 columns wide, under the headings of the sections,
 * defaults in parentheses.
 */
void option_help(const struct option_table *t, struct obuf *out);

/**
 * option_spelling() - "-f, --format FORMAT": a row as the help shows it
 * @size:	Of @buf; 64 is enough for the tables of this program
 *
 * Return: @buf
 */
const char *option_spelling(
    const struct option_row *row, char *buf, size_t size);

#endif /* CONFIG_OPTION_H */
