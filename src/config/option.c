#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/obuf.h"
#include "base/quantity.h"
#include "config/nearest.h"
#include "config/option.h"
#include "config/word.h"

/*
 * Why not getopt_long(3): it keeps its place in globals (no second command
 * line in a process, resetting differs between libcs), and it does not tell
 * which word was wrong, only that one was.
 */

#define HELP_WIDTH 79 /* the last column of a terminal may wrap */
#define HELP_TEXT  26 /* where the right column begins */

bool
option_belongs(const struct option_table *t, size_t i)
{
	return t->command == 0 || t->rows[i].commands == 0 ||
	       (t->rows[i].commands & t->command) != 0;
}

static int
judge_truth(const char *text, uint64_t *number, struct err *err)
{
	static const char *const words[] = { "0", "f", "F", "false", "FALSE",
		"False", "1", "t", "T", "true", "TRUE", "True" };
	const size_t half = ATTR_COUNT(words) / 2;

	*number = 1;
	if (text == NULL)
		return 0;
	for (size_t i = 0; i < ATTR_COUNT(words); i++) {
		if (strcmp(words[i], text) == 0) {
			*number = i >= half;
			return 0;
		}
	}
	return err_set(
	    err, -EINVAL, "\"%.64s\" is neither true nor false", text);
}

static int
judge_number(enum quantity_kind kind, const struct option_row *row,
    const char *text, uint64_t *number, struct err *err)
{
	const struct quantity_range range = { row->min, row->max };

	/* Both ways the text is wrong; callers need not tell them apart. */
	return quantity_parse(kind, text, &range, number, err) == 0 ? 0
								    : -EINVAL;
}

static int
judge(const struct option_row *row, const char *text, uint64_t *number,
    struct err *err)
{
	switch (row->type) {
	case OPTION_FLAG:
		return judge_truth(text, number, err);
	case OPTION_TEXT:
		if (text[0] != '\0')
			return 0;
		return err_set(err, -EINVAL, "%s must not be empty", row->arg);
	case OPTION_STRING:
		return 0;
	case OPTION_WORD:
		return word_find(row->words, false, text, number, err);
	case OPTION_COUNT:
		return judge_number(QUANTITY_COUNT, row, text, number, err);
	case OPTION_SIZE:
		return judge_number(QUANTITY_SIZE, row, text, number, err);
	case OPTION_TIME:
		return judge_number(QUANTITY_TIME, row, text, number, err);
	}
	return -EINVAL;
}

int
option_apply(
    const struct option_row *row, const char *text, void *self, struct err *err)
{
	struct option_value v = { .row = row, .text = text };
	int rc = judge(row, text, &v.number, err);

	return rc != 0 ? rc : row->set(self, &v, err);
}

/**
 * struct walk - Where option_parse() is
 * @i:		Index of the argument being looked at
 */
struct walk {
	const struct option_table *table;
	int argc;
	char **argv;
	int i;
	void *self;
	struct err *err;
};

/* The argument after the one being looked at, which is used up by this. */
static const char *
next_argument(struct walk *w)
{
	return w->i + 1 < w->argc ? w->argv[++w->i] : NULL;
}

/* @shown is what the user typed for @row: "-f", "--format". */
static int
apply(struct walk *w, const struct option_row *row, const char *shown,
    const char *text)
{
	int rc;

	if (row->type != OPTION_FLAG && text == NULL)
		return err_set(
		    w->err, -EINVAL, "%s needs %s after it", shown, row->arg);
	rc = option_apply(row, text, w->self, w->err);
	if (rc != 0 && rc != -ECANCELED)
		err_prefix(w->err, "%s: ", shown);
	return rc;
}

static const struct option_row *
find_letter(const struct option_table *t, char letter)
{
	for (size_t i = 0; i < t->nrows; i++)
		if (t->rows[i].letter == letter && option_belongs(t, i))
			return &t->rows[i];
	return NULL;
}

static int
parse_letters(struct walk *w)
{
	const char *p = w->argv[w->i] + 1;

	for (; *p != '\0'; p++) {
		const char shown[] = { '-', *p, '\0' };
		const struct option_row *row = find_letter(w->table, *p);
		int rc;

		if (row == NULL)
			return err_set(w->err, -EINVAL,
			    "%s: no such option (--help lists them all)",
			    shown);
		if (row->type != OPTION_FLAG)
			return apply(w, row, shown,
			    p[1] != '\0' ? p + 1 : next_argument(w));
		rc = apply(w, row, shown, NULL);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static void
unknown_name(struct walk *w, const char *name, size_t len)
{
	const struct option_table *t = w->table;
	struct nearest near;
	char text[64];

	(void)snprintf(text, sizeof(text), "%.*s", (int)len, name);
	nearest_init(&near, text);
	for (size_t i = 0; i < t->nrows; i++)
		if (option_belongs(t, i))
			nearest_offer(&near, t->rows[i].name);
	if (nearest_word(&near) != NULL)
		err_set(w->err, -EINVAL,
		    "--%s: no such option (did you mean --%s?)", text,
		    nearest_word(&near));
	else
		err_set(w->err, -EINVAL,
		    "--%s: no such option (--help lists them all)", text);
}

/*
 * An exact name, or the only row that begins with these letters.  Aliases of
 * one option share its setter and do not make it ambiguous.
 *
 * Return: NULL with the walk's error set
 */
static const struct option_row *
find_name(struct walk *w, const char *name, size_t len)
{
	const struct option_table *t = w->table;
	const struct option_row *only = NULL;
	const struct option_row *other = NULL;

	for (size_t i = 0; i < t->nrows; i++) {
		const struct option_row *row = &t->rows[i];

		if (row->name == NULL || !option_belongs(t, i) ||
		    strncmp(row->name, name, len) != 0)
			continue;
		if (row->name[len] == '\0')
			return row;
		if (only == NULL)
			only = row;
		else if (row->set != only->set)
			other = row;
	}
	if (only == NULL || len == 0) {
		unknown_name(w, name, len);
		return NULL;
	}
	if (other != NULL) {
		err_set(w->err, -EINVAL,
		    "--%.*s may be --%s or --%s: write more of it",
		    (int)(len < 64 ? len : 64), name, only->name, other->name);
		return NULL;
	}
	return only;
}

static int
parse_name(struct walk *w)
{
	const char *name = w->argv[w->i] + 2;
	size_t len = strcspn(name, "=");
	const char *text = name[len] == '=' ? name + len + 1 : NULL;
	const struct option_row *row = find_name(w, name, len);
	char shown[64];

	if (row == NULL)
		return -EINVAL;
	(void)snprintf(shown, sizeof(shown), "--%s", row->name);
	if (row->type != OPTION_FLAG)
		return apply(
		    w, row, shown, text != NULL ? text : next_argument(w));
	if (text != NULL)
		return err_set(w->err, -EINVAL,
		    "%s takes no value, \"%.64s\" was given", shown, text);
	return apply(w, row, shown, NULL);
}

static void
end_options(struct walk *w, bool *options, int *left)
{
	*options = false;
	if (w->table->two_lists)
		w->argv[(*left)++] = w->argv[w->i];
}

int
option_parse(const struct option_table *t, int *argc, char **argv, void *self,
    struct err *err)
{
	struct walk w = { .table = t,
		.argc = *argc,
		.argv = argv,
		.i = 1,
		.self = self,
		.err = err };
	bool options = true;
	int left = 1;

	for (; w.i < w.argc; w.i++) {
		char *arg = argv[w.i];
		int rc = 0;

		if (!options || arg[0] != '-' || arg[1] == '\0')
			argv[left++] = arg;
		else if (strcmp(arg, "--") == 0)
			end_options(&w, &options, &left);
		else if (arg[1] == '-')
			rc = parse_name(&w);
		else
			rc = parse_letters(&w);
		if (rc != 0)
			return rc;
	}
	/* An empty command line, not even a name, stays one. */
	*argc = left < w.argc ? left : w.argc;
	return 0;
}

const char *
option_spelling(const struct option_row *row, char *buf, size_t size)
{
	const char letter[] = { '-', row->letter, '\0' };
	bool both = row->letter != '\0' && row->name != NULL;

	/* The tables hold no name that does not fit. */
	(void)snprintf(buf, size, "%s%s%s%s%s%s",
	    row->letter != '\0' ? letter : "", both ? ", " : "",
	    row->name != NULL ? "--" : "", row->name != NULL ? row->name : "",
	    row->arg != NULL ? " " : "", row->arg != NULL ? row->arg : "");
	return buf;
}

/* Appends words from @col on, breaking lines; returns the column after. */
static size_t
wrap(struct obuf *out, size_t col, const char *text)
{
	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (col > HELP_TEXT && col + 1 + word > HELP_WIDTH) {
			obuf_printf(out, "\n%*s", HELP_TEXT, "");
			col = HELP_TEXT;
		} else if (col > HELP_TEXT) {
			obuf_putc(out, ' ');
			col++;
		}
		obuf_put(out, text, word);
		col += word;
		text += word;
		text += strspn(text, " ");
	}
	return col;
}

static void
help_row(struct obuf *out, const struct option_row *row)
{
	char spelling[64];
	char dflt[64];
	size_t col;

	option_spelling(row, spelling, sizeof(spelling));
	/* Long names stand below each other, letter or not. */
	obuf_printf(out, "  %s%s", row->letter == '\0' ? "    " : "", spelling);
	col = 2 + (row->letter == '\0' ? 4U : 0U) + strlen(spelling);
	if (col + 2 > HELP_TEXT) {
		obuf_putc(out, '\n');
		col = 0;
	}
	obuf_printf(out, "%*s", (int)(HELP_TEXT - col), "");
	col = wrap(out, HELP_TEXT, row->help);
	if (row->dflt != NULL) {
		(void)snprintf(dflt, sizeof(dflt), "(default: %s)", row->dflt);
		(void)wrap(out, col, dflt);
	}
	obuf_putc(out, '\n');
}

void
option_help(const struct option_table *t, struct obuf *out)
{
	const char *section = NULL;

	for (size_t i = 0; i < t->nrows; i++) {
		const struct option_row *row = &t->rows[i];

		if (row->help == NULL || !option_belongs(t, i))
			continue;
		if (row->section != NULL &&
		    (section == NULL || strcmp(section, row->section) != 0)) {
			section = row->section;
			obuf_printf(
			    out, "%s%s:\n", out->len > 0 ? "\n" : "", section);
		}
		help_row(out, row);
	}
}
