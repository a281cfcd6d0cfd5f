#ifndef CONFIG_GOFLAG_H
#define CONFIG_GOFLAG_H

#include "base/attr.h"
#include "config/option.h"

/*
 * goflag.h - command lines in the manner of Go's package flag.
 *
 * For the personalities of programs that were written in Go.  The rows are
 * those of option.h; only long names are looked at ("h" is a long name here).
 *
 *	-name VALUE	--name VALUE	(not for OPTION_FLAG)
 *	-name=VALUE	--name=VALUE
 *	-name		--name		(OPTION_FLAG: true)
 *
 * Flags end before the first argument that does not begin with "-", before
 * "-" itself, and after "--".  Truth is what strconv.ParseBool takes: 1, t, T,
 * true, TRUE, True, and 0, f, F, false, FALSE, False.
 */

struct err;
struct obuf;

/**
 * goflag_parse() - Read a command line in the manner of Go
 * @argc:	Words of @argv; on success those that are left
 * @argv:	Ended by NULL; argv[0] is not looked at.  Operands are moved to
 *the front: afterwards they are argv[1] to argv[*argc - 1].
 * @self:	For the setters
 * @err:	Go's own words for what is wrong, and what would be right:
 *		"flag provided but not defined: -hots (did you mean -host?)"
 *
 * Return: 0; -EINVAL when the text is wrong; else what a setter returned
 */
int goflag_parse(const struct option_table *t, int *argc, char **argv,
    void *self, struct err *err) ATTR_WUNRES;

/**
 * goflag_defaults() - Append what flag.PrintDefaults() prints
 *
 * The rows in their order (Go's is the alphabet's), those without help left
 * out.  Their @dflt is shown as Go does: quoted where it is a text, left out
 * where it is Go's zero value, which is NULL here.
 */
void goflag_defaults(const struct option_table *t, struct obuf *out);

#endif /* CONFIG_GOFLAG_H */
