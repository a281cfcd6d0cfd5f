#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/quantity.h"
#include "config/schema_judge.h"
#include "config/word.h"

/* Longest text of a number that is looked at; the limits have 20 digits. */
#define MAX_NUMBER 64

static const char *
wanted(const struct schema_row *row)
{
	switch (row->type) {
	case SCHEMA_BOOL:
		return "true or false";
	case SCHEMA_COUNT:
		return "a whole number";
	case SCHEMA_SIZE:
		return "a size (65536, \"64KiB\")";
	case SCHEMA_TIME:
		return row->unit != NULL && strcmp(row->unit, "ms") == 0
			   ? "a number of milliseconds"
			   : "a time (1.5, \"500ms\", \"2m\")";
	case SCHEMA_PLAIN:
		return "a text in quotes or a number";
	case SCHEMA_WORD:
	case SCHEMA_TEXT:
		return "a text in quotes";
	case SCHEMA_TEXTS:
		return "a text in quotes, or a list of such";
	case SCHEMA_OBJECT:
		return "an object ({ ... })";
	case SCHEMA_LIST:
		return "a list ([ ... ])";
	case SCHEMA_ANY:
	case SCHEMA_UNUSED:
		break;
	}
	return "something else";
}

static int
wrong_kind(const struct schema_value *v, struct err *err)
{
	return err_set(err, -EINVAL, "%s is needed, this is %s", wanted(v->row),
	    jsonish_kind_name(v->node->kind));
}

static int
judge_truth_text(struct schema_value *v, struct err *err)
{
	static const char *const words[] = { "false", "no", "off", "n", "0",
		"true", "yes", "on", "y", "1" };
	const size_t half = ATTR_COUNT(words) / 2;

	for (size_t i = 0; i < ATTR_COUNT(words); i++) {
		if (strcasecmp(v->node->text, words[i]) != 0)
			continue;
		v->number = i >= half;
		findings_warn(v->reading->findings, v->node->pos,
		    "%s: \"%s\" is taken as %s: write that, without quotes",
		    v->row->key, words[i], i >= half ? "true" : "false");
		return 0;
	}
	return wrong_kind(v, err);
}

static int
judge_bool(struct schema_value *v, struct err *err)
{
	const struct jsonish *node = v->node;

	if (node->kind == JSONISH_BOOL) {
		v->number = node->truth;
		v->text = node->truth ? "true" : "false";
		return 0;
	}
	if (!v->reading->lenient)
		return wrong_kind(v, err);
	if (node->kind == JSONISH_STRING)
		return judge_truth_text(v, err);
	if (node->kind != JSONISH_NUMBER)
		return wrong_kind(v, err);
	v->number = strtod(node->text, NULL) != 0;
	findings_warn(v->reading->findings, node->pos,
	    "%s: %.32s is taken as %s: write that", v->row->key, node->text,
	    v->number != 0 ? "true" : "false");
	return 0;
}

/*
 * JSON knows one kind of number, and programs that write it put 5.0 or 1e3
 * where 5 or 1000 is meant.  Whole values lose their point.
 */
static void
plain_number(const char *text, char buf[MAX_NUMBER])
{
	size_t n;

	(void)snprintf(buf, MAX_NUMBER, "%s", text);
	/* What does not fit becomes no number at all, or out of range. */
	if (strpbrk(text, "eE") != NULL)
		(void)snprintf(buf, MAX_NUMBER, "%.9f", strtod(text, NULL));
	if (strchr(buf, '.') == NULL)
		return;
	n = strlen(buf);
	while (buf[n - 1] == '0')
		buf[--n] = '\0';
	if (buf[n - 1] == '.')
		buf[n - 1] = '\0';
}

static int
clamp(struct schema_value *v, const char *text, struct err *err)
{
	const struct schema_row *row = v->row;
	enum quantity_kind kind = row->type == SCHEMA_SIZE   ? QUANTITY_SIZE
				  : row->type == SCHEMA_TIME ? QUANTITY_TIME
							     : QUANTITY_COUNT;
	const struct quantity_range all = { 0, row->max };
	char taken[QUANTITY_TEXT_MAX];
	uint64_t low;
	bool too_small =
	    text[0] == '-' || quantity_parse(kind, text, &all, &low, NULL) == 0;

	v->number = too_small ? row->min : row->max;
	findings_warn(v->reading->findings, v->node->pos, "%s: %s; %s is used",
	    row->key, err->text, quantity_format(kind, v->number, taken));
	return 0;
}

static int
judge_number(struct schema_value *v, enum quantity_kind kind, struct err *err)
{
	const struct schema_row *row = v->row;
	const struct quantity_range range = { row->min, row->max };
	bool is_text = v->node->kind == JSONISH_STRING;
	char number[MAX_NUMBER];
	char text[MAX_NUMBER + 8];
	bool bare;
	int rc;

	if (v->node->kind != JSONISH_NUMBER &&
	    (!is_text || (kind == QUANTITY_COUNT && !v->reading->lenient)))
		return wrong_kind(v, err);
	v->text = v->node->text;
	if (is_text)
		(void)snprintf(number, sizeof(number), "%s", v->text);
	else
		plain_number(v->text, number);
	bare = number[strspn(number, "-.0123456789")] == '\0';
	(void)snprintf(text, sizeof(text), "%s%s", number,
	    bare && row->unit != NULL ? row->unit : "");
	rc = quantity_parse(kind, text, &range, &v->number, err);
	if (rc == -ERANGE && row->clamp)
		return clamp(v, text, err);
	if (rc == 0 && is_text && bare && v->reading->lenient)
		findings_warn(v->reading->findings, v->node->pos,
		    "%s: \"%s\" is taken as a number: write it without quotes",
		    row->key, number);
	return rc == 0 ? 0 : -EINVAL;
}

static int
judge_text(struct schema_value *v, struct err *err)
{
	const struct schema_row *row = v->row;

	if (v->node->kind != JSONISH_STRING)
		return wrong_kind(v, err);
	if (v->node->text[0] == '\0' && !row->empty)
		return err_set(err, -EINVAL, "%s must not be empty",
		    row->arg != NULL ? row->arg : "the text");
	v->text = v->node->text;
	return 0;
}

static int
judge_plain(struct schema_value *v, struct err *err)
{
	switch (v->node->kind) {
	case JSONISH_BOOL:
		v->text = v->node->truth ? "yes" : "no";
		return 0;
	case JSONISH_NUMBER:
		v->text = v->node->text;
		return 0;
	case JSONISH_STRING:
		return judge_text(v, err);
	case JSONISH_NULL:
	case JSONISH_LIST:
	case JSONISH_OBJECT:
		break;
	}
	return wrong_kind(v, err);
}

static int
judge_word(struct schema_value *v, struct err *err)
{
	const struct schema_row *row = v->row;
	int rc;

	if (v->node->kind != JSONISH_STRING)
		return wrong_kind(v, err);
	rc = word_find(row->words, row->fold, v->node->text, &v->number, err);
	if (rc == 0)
		v->text = row->words[v->number];
	return rc;
}

int
schema_judge(struct schema_value *v, struct err *err)
{
	switch (v->row->type) {
	case SCHEMA_BOOL:
		return judge_bool(v, err);
	case SCHEMA_COUNT:
		return judge_number(v, QUANTITY_COUNT, err);
	case SCHEMA_SIZE:
		return judge_number(v, QUANTITY_SIZE, err);
	case SCHEMA_TIME:
		return judge_number(v, QUANTITY_TIME, err);
	case SCHEMA_WORD:
		return judge_word(v, err);
	case SCHEMA_PLAIN:
		return judge_plain(v, err);
	case SCHEMA_TEXT:
	case SCHEMA_TEXTS:
		return judge_text(v, err);
	case SCHEMA_OBJECT:
	case SCHEMA_LIST:
		return wrong_kind(v, err);
	case SCHEMA_ANY:
	case SCHEMA_UNUSED:
		return 0;
	}
	return -EINVAL;
}
