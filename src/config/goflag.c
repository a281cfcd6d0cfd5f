#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/obuf.h"
#include "config/goflag.h"
#include "config/nearest.h"

static const struct option_row *
find(const struct option_table *t, const char *name, size_t len)
{
	for (size_t i = 0; i < t->nrows; i++) {
		const char *known = t->rows[i].name;

		if (known != NULL && option_belongs(t, i) &&
		    strncmp(known, name, len) == 0 && known[len] == '\0')
			return &t->rows[i];
	}
	return NULL;
}

static int
unknown(
    const struct option_table *t, const char *name, size_t len, struct err *err)
{
	struct nearest near;
	char text[64];

	(void)snprintf(text, sizeof(text), "%.*s", (int)len, name);
	nearest_init(&near, text);
	for (size_t i = 0; i < t->nrows; i++)
		if (option_belongs(t, i))
			nearest_offer(&near, t->rows[i].name);
	if (nearest_word(&near) != NULL)
		return err_set(err, -EINVAL,
		    "flag provided but not defined: -%s (did you mean -%s?)",
		    text, nearest_word(&near));
	return err_set(
	    err, -EINVAL, "flag provided but not defined: -%s", text);
}

static int
apply(
    const struct option_row *row, const char *text, void *self, struct err *err)
{
	int rc = option_apply(row, text, self, err);

	if (rc == 0 || rc == -ECANCELED)
		return rc;
	if (text == NULL)
		err_prefix(err, "flag -%s: ", row->name);
	else
		err_prefix(err, "invalid value \"%.64s\" for flag -%s: ", text,
		    row->name);
	return rc;
}

/* Carries out the flag at argv[*i], and moves *i to its last word. */
static int
parse_one(const struct option_table *t, int *i, char *const words[], void *self,
    struct err *err)
{
	const char *word = words[*i];
	const char *name = word + (word[1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	const char *text = name[len] == '=' ? name + len + 1 : NULL;
	const struct option_row *row;

	if (len == 0 || name[0] == '-')
		return err_set(err, -EINVAL, "bad flag syntax: %.64s", word);
	row = find(t, name, len);
	if (row == NULL)
		return unknown(t, name, len, err);
	if (row->type != OPTION_FLAG && text == NULL) {
		/* argv ends with a NULL. */
		text = words[*i + 1];
		if (text == NULL)
			return err_set(err, -EINVAL,
			    "flag needs an argument: -%s", row->name);
		(*i)++;
	}
	return apply(row, text, self, err);
}

int
goflag_parse(const struct option_table *t, int *argc, char **argv, void *self,
    struct err *err)
{
	int left = 1;
	int i = 1;

	for (; i < *argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
		int rc;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		rc = parse_one(t, &i, argv, self, err);
		if (rc != 0)
			return rc;
	}
	while (i < *argc)
		argv[left++] = argv[i++];
	*argc = left < *argc ? left : *argc;
	return 0;
}

/* "  -host string" and, indented on the next line, what it is. */
static void
default_put(const struct option_row *row, struct obuf *out)
{
	const char *quote = row->type == OPTION_FLAG ? "" : "\"";

	obuf_printf(out, "  -%s%s%s\n    \t%s", row->name,
	    row->arg != NULL ? " " : "", row->arg != NULL ? row->arg : "",
	    row->help);
	if (row->dflt != NULL)
		obuf_printf(out, " (default %s%s%s)", quote, row->dflt, quote);
	obuf_putc(out, '\n');
}

void
goflag_defaults(const struct option_table *t, struct obuf *out)
{
	for (size_t i = 0; i < t->nrows; i++)
		if (option_belongs(t, i) && t->rows[i].help != NULL)
			default_put(&t->rows[i], out);
}
