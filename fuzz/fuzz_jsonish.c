#include <errno.h>
#include <jansson.h>

#include "base/err.h"
#include "base/text.h"
#include "config/jsonish.h"
#include "fuzz.h"

/*
 * The reader of configurations (config/jsonish.h).
 *
 * What is JSON (jansson is the judge) is read, to the same values: but for what
 * the header excludes, NUL in strings and what exceeds its limits.  What is
 * refused is refused at a place that there is.
 */

static bool is_same(const struct jsonish *a, json_t *b);

static bool
is_same_object(const struct jsonish *a, json_t *b)
{
	/* Keys that come twice are one of jansson's: the last. */
	for (size_t i = 0; i < a->nitems; i++) {
		const char *key = a->items[i].key;
		json_t *other = json_object_get(b, key);

		if (other == NULL)
			return false;
		if (jsonish_find(a, key) == &a->items[i] &&
		    !is_same(&a->items[i], other))
			return false;
	}
	return json_object_size(b) <= a->nitems;
}

static bool
is_same_list(const struct jsonish *a, json_t *b)
{
	if (json_array_size(b) != a->nitems)
		return false;
	for (size_t i = 0; i < a->nitems; i++) {
		if (!is_same(&a->items[i], json_array_get(b, i)))
			return false;
	}
	return true;
}

static bool
is_same(const struct jsonish *a, json_t *b)
{
	switch (a->kind) {
	case JSONISH_NULL:
		return json_is_null(b);
	case JSONISH_BOOL:
		return json_is_boolean(b) && json_is_true(b) == a->truth;
	case JSONISH_NUMBER:
		return json_is_number(b) && a->text != NULL;
	case JSONISH_STRING:
		return json_is_string(b) &&
		       strcmp(a->text, json_string_value(b)) == 0;
	case JSONISH_LIST:
		return json_is_array(b) && is_same_list(a, b);
	case JSONISH_OBJECT:
		return json_is_object(b) && is_same_object(a, b);
	}
	return false;
}

/* Each value lies behind the one before it, in the text. */
static void
check_tree(const struct jsonish *v, unsigned depth, struct jsonish_pos *last)
{
	bool holds = v->kind == JSONISH_LIST || v->kind == JSONISH_OBJECT;

	FUZZ_CHECK(depth <= JSONISH_MAX_DEPTH + (holds ? 0U : 1U));
	FUZZ_CHECK(v->pos.line >= last->line && v->pos.column > 0);
	FUZZ_CHECK(v->pos.line > last->line || v->pos.column > last->column);
	*last = v->pos;
	FUZZ_CHECK((v->text != NULL) ==
		   (v->kind == JSONISH_STRING || v->kind == JSONISH_NUMBER));
	FUZZ_CHECK(v->nitems == 0 || holds);
	for (size_t i = 0; i < v->nitems; i++) {
		FUZZ_CHECK(
		    (v->items[i].key != NULL) == (v->kind == JSONISH_OBJECT));
		check_tree(&v->items[i], depth + 1, last);
	}
}

static unsigned
count_lines(const uint8_t *p, size_t len)
{
	unsigned n = 1;

	for (size_t i = 0; i < len; i++)
		n += p[i] == '\n';
	return n;
}

/* Refused although it is JSON: for one of these reasons alone. */
static bool
is_excluded(const struct err *err)
{
	return strstr(err->text, "deep") != NULL ||
	       strstr(err->text, "more than") != NULL ||
	       strstr(err->text, "too much") != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jsonish_pos last = { 0, 0 }, where = { 0, 0 };
	struct jsonish root;
	struct err err = { "" };
	int rc = jsonish_parse(&root, (const char *)data, size, &where, &err);
	json_t *judge = NULL;

	/* jansson takes a NUL for the end. */
	if (!memory_is_short() && memchr(data, '\0', size) == NULL)
		judge = json_loadb((const char *)data, size,
		    JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
	if (rc == 0) {
		check_tree(&root, 1, &last);
		FUZZ_CHECK(judge == NULL || is_same(&root, judge));
		jsonish_done(&root);
		jsonish_done(&root);
	} else {
		FUZZ_CHECK(rc == -EINVAL || memory_is_short());
		FUZZ_CHECK(err.text[0] != '\0');
		FUZZ_CHECK(judge == NULL || is_excluded(&err));
	}
	if (rc == -EINVAL) {
		FUZZ_CHECK(where.line > 0 && where.column > 0);
		FUZZ_CHECK(where.line <= count_lines(data, size));
		FUZZ_CHECK(where.column <= size + 1);
	}
	json_decref(judge);
	return 0;
}
