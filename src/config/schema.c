#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/nearest.h"
#include "config/schema.h"
#include "config/schema_judge.h"

/* No member of the object is the one that counts. */
#define NONE SIZE_MAX

/**
 * struct walk - An object being read
 * @object:	Its members
 * @counts:	For each row the member that counts, or NONE
 */
struct walk {
	const struct schema_table *table;
	const struct jsonish *object;
	void *self;
	struct schema_reading *reading;
	size_t counts[SCHEMA_MAX_ROWS];
};

const struct schema_row *
schema_find(const struct schema_table *t, const char *key)
{
	for (size_t i = 0; i < t->nrows; i++)
		if (strcmp(t->rows[i].key, key) == 0)
			return &t->rows[i];
	return NULL;
}

static const char *
name_of(const struct schema_table *t)
{
	return t->name != NULL ? t->name : "a configuration";
}

static bool
is_skipped(const struct jsonish *member)
{
	return member->key[0] == '_' || member->kind == JSONISH_NULL;
}

static void
unknown_key(struct walk *w, const struct jsonish *member)
{
	const struct schema_table *t = w->table;
	const char *home = w->reading->elsewhere != NULL
			       ? w->reading->elsewhere(member->key)
			       : NULL;
	struct nearest near;

	nearest_init(&near, member->key);
	for (size_t i = 0; i < t->nrows; i++)
		if (t->rows[i].help != NULL)
			nearest_offer(&near, t->rows[i].key);
	if (home != NULL)
		findings_error(w->reading->findings, member->key_pos,
		    "\"%.64s\" is no key of %s, but of %s", member->key,
		    name_of(t), home);
	else if (nearest_word(&near) != NULL)
		findings_error(w->reading->findings, member->key_pos,
		    "\"%.64s\" is no key of %s (did you mean %s?)", member->key,
		    name_of(t), nearest_word(&near));
	else
		findings_error(w->reading->findings, member->key_pos,
		    "\"%.64s\" is no key of %s", member->key, name_of(t));
}

static void
twice(struct walk *w, size_t before, size_t now)
{
	const struct jsonish *a = &w->object->items[before];
	const struct jsonish *b = &w->object->items[now];

	if (w->reading->lenient)
		findings_warn(w->reading->findings, a->key_pos,
		    "%s comes again in line %u, column %u, and that one counts",
		    a->key, b->key_pos.line, b->key_pos.column);
	else
		findings_error(w->reading->findings, b->key_pos,
		    "%s stands already in line %u, column %u", b->key,
		    a->key_pos.line, a->key_pos.column);
}

/* Which member counts for which row; what is wrong with keys. */
static void
sort_out(struct walk *w)
{
	for (size_t i = 0; i < w->table->nrows; i++)
		w->counts[i] = NONE;
	for (size_t i = 0; i < w->object->nitems; i++) {
		const struct jsonish *member = &w->object->items[i];
		const struct schema_row *row;
		size_t *counts;

		if (member->key[0] == '_')
			continue;
		row = schema_find(w->table, member->key);
		if (row == NULL) {
			unknown_key(w, member);
			continue;
		}
		counts = &w->counts[row - w->table->rows];
		if (*counts != NONE)
			twice(w, *counts, i);
		*counts = i;
	}
	for (size_t i = 0; i < w->table->nrows; i++) {
		const struct schema_row *row = &w->table->rows[i];

		if (row->needed &&
		    (w->counts[i] == NONE ||
			is_skipped(&w->object->items[w->counts[i]])))
			findings_error(w->reading->findings, w->object->pos,
			    "%s needs the key %s", name_of(w->table), row->key);
	}
}

/* Calls the setter; what it says is wrong becomes a finding. */
static int
take(struct walk *w, const struct schema_row *row, const struct jsonish *node)
{
	struct schema_value v = {
		.row = row, .node = node, .reading = w->reading
	};
	struct err err = { "" };
	int rc = 0;

	if (row->type != SCHEMA_LIST)
		rc = schema_judge(&v, &err);
	if (rc == 0)
		rc = row->set(w->self, &v, &err);
	if (rc == -ENOMEM)
		w->reading->findings->failed = true;
	else if (rc != 0)
		findings_error(w->reading->findings, node->pos, "%s: %s",
		    row->key, err.text);
	return rc == -ENOMEM ? rc : 0;
}

static int
take_each(
    struct walk *w, const struct schema_row *row, const struct jsonish *list)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < list->nitems; i++)
		rc = take(w, row, &list->items[i]);
	return rc;
}

static void
wrong_kind(
    struct walk *w, const struct schema_row *row, const struct jsonish *node)
{
	struct schema_value v = {
		.row = row, .node = node, .reading = w->reading
	};
	struct err err = { "" };
	int rc = schema_judge(&v, &err);

	assert(rc == -EINVAL); /* it was no list, and only a list would do */
	findings_error(
	    w->reading->findings, node->pos, "%s: %s", row->key, err.text);
}

static int
read_member(
    struct walk *w, const struct schema_row *row, const struct jsonish *node)
{
	switch (row->type) {
	case SCHEMA_UNUSED:
		findings_warn(w->reading->findings, node->key_pos,
		    "%s does nothing: %s", row->key, row->help);
		return 0;
	case SCHEMA_OBJECT:
		return schema_read(row->table, node, w->self, w->reading);
	case SCHEMA_LIST:
		if (node->kind == JSONISH_LIST)
			return take_each(w, row, node);
		wrong_kind(w, row, node);
		return 0;
	case SCHEMA_TEXTS:
		if (node->kind == JSONISH_LIST)
			return take_each(w, row, node);
		return take(w, row, node);
	case SCHEMA_BOOL:
	case SCHEMA_COUNT:
	case SCHEMA_SIZE:
	case SCHEMA_TIME:
	case SCHEMA_WORD:
	case SCHEMA_PLAIN:
	case SCHEMA_TEXT:
	case SCHEMA_ANY:
		break;
	}
	return take(w, row, node);
}

static int
read_members(struct walk *w)
{
	for (size_t i = 0; i < w->object->nitems; i++) {
		const struct jsonish *member = &w->object->items[i];
		const struct schema_row *row;
		int rc;

		if (is_skipped(member))
			continue;
		row = schema_find(w->table, member->key);
		if (row == NULL || w->counts[row - w->table->rows] != i)
			continue;
		rc = read_member(w, row, member);
		if (rc == -ENOMEM)
			return rc;
	}
	return 0;
}

int
schema_read(const struct schema_table *t, const struct jsonish *node,
    void *self, struct schema_reading *reading)
{
	struct walk w = {
		.table = t, .object = node, .self = self, .reading = reading
	};
	size_t before = reading->findings->errors;

	assert(t->nrows <= SCHEMA_MAX_ROWS);
	if (node->kind != JSONISH_OBJECT) {
		findings_error(reading->findings, node->pos,
		    "%s: an object ({ ... }) is needed, this is %s", name_of(t),
		    jsonish_kind_name(node->kind));
		return -EINVAL;
	}
	sort_out(&w);
	if (read_members(&w) != 0 || reading->findings->failed) {
		reading->findings->failed = true;
		return -ENOMEM;
	}
	return reading->findings->errors == before ? 0 : -EINVAL;
}

static void *
field(void *self, const struct schema_value *v)
{
	return (char *)self + v->row->at;
}

int
schema_set_bool(void *self, const struct schema_value *v, struct err *err)
{
	(void)err;
	*(bool *)field(self, v) = v->number != 0;
	return 0;
}

int
schema_set_u64(void *self, const struct schema_value *v, struct err *err)
{
	(void)err;
	*(uint64_t *)field(self, v) = v->number;
	return 0;
}

int
schema_set_unsigned(void *self, const struct schema_value *v, struct err *err)
{
	(void)err;
	assert(v->number <= UINT_MAX);
	*(unsigned *)field(self, v) = (unsigned)v->number;
	return 0;
}

int
schema_set_size(void *self, const struct schema_value *v, struct err *err)
{
	(void)err;
	assert(v->number <= SIZE_MAX);
	*(size_t *)field(self, v) = (size_t)v->number;
	return 0;
}

int
schema_set_text(void *self, const struct schema_value *v, struct err *err)
{
	char **where = field(self, v);
	char *copy = strdup(v->text);

	if (copy == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	free(*where);
	*where = copy;
	return 0;
}
