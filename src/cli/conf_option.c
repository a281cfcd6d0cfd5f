#include <assert.h>

#include "cli/cmdline.h"
#include "cli/conf_option.h"

static enum schema_type
type_of(const struct option_row *row)
{
	switch (row->type) {
	case OPTION_FLAG:
		return SCHEMA_BOOL;
	case OPTION_TEXT:
	case OPTION_STRING:
		return row->many ? SCHEMA_TEXTS : SCHEMA_TEXT;
	case OPTION_WORD:
		return SCHEMA_WORD;
	case OPTION_COUNT:
		return SCHEMA_COUNT;
	case OPTION_SIZE:
		return SCHEMA_SIZE;
	case OPTION_TIME:
		break;
	}
	return SCHEMA_TIME;
}

static int
set_option(void *self, const struct schema_value *v, struct err *err)
{
	const struct option_row *row = v->row->data;
	const struct option_value value = {
		.row = row,
		.text = v->text,
		.number = v->number,
	};

	/* A flag can only be raised; down is where all of them begin. */
	if (row->type == OPTION_FLAG && v->number == 0)
		return 0;
	return row->set(self, &value, err);
}

static struct schema_row
as_key(const struct option_row *row)
{
	return (struct schema_row){
		.key = row->name,
		.type = type_of(row),
		.min = row->min,
		.max = row->max,
		.words = row->words,
		.dflt = row->type == OPTION_FLAG ? "false" : row->dflt,
		.arg = row->arg,
		.help = row->help,
		.empty = row->type == OPTION_STRING,
		.data = row,
		.set = set_option,
	};
}

size_t
conf_option_rows(
    unsigned place, unsigned command, struct schema_row *rows, size_t max)
{
	/* All commands have the same rows; bits say which are whose. */
	const struct option_table *t = cmdline_run();
	size_t n = 0;

	for (size_t i = 0; i < t->nrows; i++) {
		unsigned where = t->rows[i].commands;

		if ((where & place) == 0 ||
		    (command != 0 && (where & command) == 0))
			continue;
		assert(n < max);
		rows[n++] = as_key(&t->rows[i]);
	}
	return n;
}
