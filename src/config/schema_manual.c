#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/obuf.h"
#include "base/quantity.h"
#include "config/schema_manual.h"

static bool
is_number(const struct schema_row *row)
{
	return row->type == SCHEMA_COUNT || row->type == SCHEMA_SIZE ||
	       row->type == SCHEMA_TIME;
}

static enum quantity_kind
quantity_of(const struct schema_row *row)
{
	if (row->type == SCHEMA_SIZE)
		return QUANTITY_SIZE;
	return row->type == SCHEMA_TIME ? QUANTITY_TIME : QUANTITY_COUNT;
}

/* --- for people ---------------------------------------------------------- */

/* Roff reads a backslash, and a dot or a quote at the start of a line. */
static void
put_roff(struct obuf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			obuf_puts(out, "\\e");
		else
			obuf_putc(out, *text);
	}
}

/* "first, last or linux" */
static void
put_words(struct obuf *out, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		obuf_printf(out, "%s%s",
		    i == 0                 ? ""
		    : words[i + 1] != NULL ? ", "
					   : " or ",
		    words[i]);
}

static void
put_range(struct obuf *out, const struct schema_row *row)
{
	enum quantity_kind kind = quantity_of(row);
	char min[QUANTITY_TEXT_MAX];
	char max[QUANTITY_TEXT_MAX];
	/* Limits of the machine are none that anybody reaches. */
	bool open =
	    row->max >= (row->type == SCHEMA_COUNT ? INT_MAX : SIZE_MAX);

	(void)quantity_format(kind, row->min, min); /* is @min */
	if (open && row->min > 0)
		obuf_printf(out, ", %s or more", min);
	else if (!open)
		obuf_printf(out, ", %s to %s", min,
		    quantity_format(kind, row->max, max));
}

static const char *
unit_name(const struct schema_row *row)
{
	if (row->type == SCHEMA_COUNT)
		return "a whole number";
	if (row->type == SCHEMA_SIZE)
		return "bytes";
	return row->unit != NULL && strcmp(row->unit, "ms") == 0
		   ? "milliseconds"
		   : "seconds";
}

static void
put_type(struct obuf *out, const struct schema_row *row)
{
	switch (row->type) {
	case SCHEMA_BOOL:
		obuf_puts(out, "true or false");
		break;
	case SCHEMA_COUNT:
	case SCHEMA_SIZE:
	case SCHEMA_TIME:
		obuf_puts(out, unit_name(row));
		put_range(out, row);
		break;
	case SCHEMA_WORD:
		put_words(out, row->words);
		break;
	case SCHEMA_PLAIN:
	case SCHEMA_TEXT:
		obuf_puts(out, row->arg != NULL ? row->arg : "text");
		break;
	case SCHEMA_TEXTS:
		obuf_printf(out, "%s or [%s, ...]",
		    row->arg != NULL ? row->arg : "text",
		    row->arg != NULL ? row->arg : "text");
		break;
	case SCHEMA_OBJECT:
		obuf_puts(out, "{...}");
		break;
	case SCHEMA_LIST:
		obuf_printf(
		    out, "[%s, ...]", row->arg != NULL ? row->arg : "value");
		break;
	case SCHEMA_ANY:
	case SCHEMA_UNUSED:
		obuf_puts(out, "anything");
		break;
	}
}

static void
put_sentence(struct obuf *out, const struct schema_row *row)
{
	bool quoted = row->help[0] == '\'' || row->help[0] == '.';

	if (row->type == SCHEMA_UNUSED)
		obuf_puts(out, "Known, but does nothing here: ");
	else if (quoted)
		obuf_puts(out, "\\&");
	if (row->type == SCHEMA_UNUSED) {
		put_roff(out, row->help);
	} else {
		obuf_putc(out, (char)toupper((unsigned char)row->help[0]));
		put_roff(out, row->help + 1);
	}
	if (row->needed)
		obuf_puts(out, "; needed");
	if (row->dflt != NULL)
		obuf_printf(out, "; default: %s", row->dflt);
	obuf_puts(out, ".\n");
	if (row->clamp)
		obuf_puts(out, "Beyond the range, the nearer bound is taken, "
			       "with a warning.\n");
}

void
schema_manual_put(const struct schema_table *t, struct obuf *out)
{
	obuf_puts(out, ".Bl -tag -width Ds -compact\n");
	for (size_t i = 0; i < t->nrows; i++) {
		const struct schema_row *row = &t->rows[i];

		if (row->help == NULL)
			continue;
		obuf_printf(out, ".It Cm %s : ", row->key);
		put_type(out, row);
		obuf_putc(out, '\n');
		put_sentence(out, row);
	}
	obuf_puts(out, ".El\n");
}

/* --- for tests ----------------------------------------------------------- */

static const char *
type_name(enum schema_type type)
{
	switch (type) {
	case SCHEMA_BOOL:
		return "bool";
	case SCHEMA_COUNT:
		return "count";
	case SCHEMA_SIZE:
		return "size";
	case SCHEMA_TIME:
		return "time";
	case SCHEMA_WORD:
		return "word";
	case SCHEMA_PLAIN:
		return "plain";
	case SCHEMA_TEXT:
		return "text";
	case SCHEMA_TEXTS:
		return "texts";
	case SCHEMA_OBJECT:
		return "object";
	case SCHEMA_LIST:
		return "list";
	case SCHEMA_ANY:
		return "any";
	case SCHEMA_UNUSED:
		break;
	}
	return "unused";
}

static void
list_bound(struct obuf *out, const struct schema_row *row, uint64_t bound)
{
	char text[QUANTITY_TEXT_MAX];

	if (is_number(row))
		obuf_printf(out, "\t%s",
		    quantity_format(quantity_of(row), bound, text));
	else
		obuf_puts(out, "\t-");
}

static void
list_row(struct obuf *out, const struct schema_row *row)
{
	obuf_printf(out, "\t%s\t%s", row->key, type_name(row->type));
	list_bound(out, row, row->min);
	list_bound(out, row, row->max);
	obuf_printf(out, "\t%s\t", row->unit != NULL ? row->unit : "-");
	if (row->words == NULL)
		obuf_putc(out, '-');
	for (size_t i = 0; row->words != NULL && row->words[i] != NULL; i++)
		obuf_printf(out, "%s%s", i > 0 ? "," : "", row->words[i]);
	obuf_printf(out, "\t%s\t%s%s\n", row->dflt != NULL ? row->dflt : "-",
	    row->needed ? "needed" : "-", row->clamp ? ",clamp" : "");
}

void
schema_manual_list(
    const struct schema_table *t, const char *place, struct obuf *out)
{
	char within[128];

	for (size_t i = 0; i < t->nrows; i++) {
		const struct schema_row *row = &t->rows[i];

		obuf_puts(out, place);
		list_row(out, row);
		if (row->type != SCHEMA_OBJECT)
			continue;
		(void)snprintf(within, sizeof(within), "%s%s%s", place,
		    place[0] != '\0' ? "." : "", row->key);
		schema_manual_list(row->table, within, out);
	}
}
