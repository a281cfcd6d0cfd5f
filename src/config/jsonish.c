#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/jsonish.h"
#include "config/jsonish_scan.h"

/**
 * struct parse - A tree being made
 * @scan:	Its token is the next one to be used
 * @nvalues:	Values so far
 * @depth:	Containers that are open
 */
struct parse {
	struct jsonish_scan scan;
	size_t nvalues;
	unsigned depth;
};

static int parse_value(struct parse *p, struct jsonish *v);

/* The fault is at @pos; hands on @rc, so that it can be an err_set(). */
static int
fault(struct parse *p, struct jsonish_pos pos, int rc)
{
	p->scan.fault = pos;
	return rc;
}

/* "NAME is where WHAT is needed" about the token that stands next. */
static int
unexpected(struct parse *p, const char *what)
{
	const struct jsonish_scan *s = &p->scan;
	int len = s->len < 64 ? (int)s->len : 64;

	if (s->token == JSONISH_TOKEN_END)
		return fault(p, s->pos,
		    err_set(s->err, -EINVAL, "the end is where %s is needed",
			what));
	return fault(p, s->pos,
	    err_set(s->err, -EINVAL, "\"%.*s\" is where %s is needed", len,
		s->start, what));
}

/*
 * Room for one more item of @v, all zero.  Capacity is the power of two at or
 * above nitems, so that it need not be kept.
 */
static struct jsonish *
append(struct parse *p, struct jsonish *v, int *rc)
{
	size_t n = v->nitems;

	if (++p->nvalues > JSONISH_MAX_VALUES) {
		*rc = fault(p, p->scan.pos,
		    err_set(p->scan.err, -EINVAL, "more than %d values",
			JSONISH_MAX_VALUES));
		return NULL;
	}
	if ((n & (n - 1)) == 0) {
		struct jsonish *more =
		    realloc(v->items, (n == 0 ? 1 : 2 * n) * sizeof(*more));

		if (more == NULL) {
			*rc = err_set(p->scan.err, -ENOMEM, "out of memory");
			return NULL;
		}
		v->items = more;
	}
	v->items[n] = (struct jsonish){ .kind = JSONISH_NULL };
	v->nitems++;
	return &v->items[n];
}

/* The text is no string: strndup(3) might look at what is behind its end. */
static char *
copy_of(const struct jsonish_scan *s)
{
	char *copy = malloc(s->len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, s->start, s->len);
	copy[s->len] = '\0';
	return copy;
}

static int
parse_key(struct parse *p, struct jsonish *member)
{
	struct jsonish_scan *s = &p->scan;
	int rc = 0;

	member->key_pos = s->pos;
	if (s->token == JSONISH_TOKEN_WORD) {
		member->key = copy_of(s);
		if (member->key == NULL)
			rc = err_set(s->err, -ENOMEM, "out of memory");
	} else if (s->token == JSONISH_TOKEN_STRING) {
		rc = jsonish_scan_text(s, &member->key);
	} else {
		return unexpected(p, "a key");
	}
	if (rc == 0)
		rc = jsonish_scan_next(s);
	if (rc != 0)
		return rc;
	if (!jsonish_scan_is(s, ':'))
		return unexpected(p, "a : after the key");
	return jsonish_scan_next(s);
}

/* Where the end is, helps less than where the beginning is. */
static int
unclosed(struct parse *p, const struct jsonish *v)
{
	return fault(p, p->scan.pos,
	    err_set(p->scan.err, -EINVAL,
		"the end, and the %s of line %u, column %u is still open",
		v->kind == JSONISH_OBJECT ? "{" : "[", v->pos.line,
		v->pos.column));
}

static int
parse_items(struct parse *p, struct jsonish *v, char close)
{
	struct jsonish_scan *s = &p->scan;
	bool object = v->kind == JSONISH_OBJECT;
	int rc = jsonish_scan_next(s);

	while (rc == 0 && !jsonish_scan_is(s, close)) {
		struct jsonish *item;

		if (s->token == JSONISH_TOKEN_END)
			return unclosed(p, v);
		item = append(p, v, &rc);
		if (item == NULL)
			return rc;
		if (object)
			rc = parse_key(p, item);
		if (rc == 0)
			rc = parse_value(p, item);
		if (rc != 0 || jsonish_scan_is(s, close))
			break;
		if (s->token == JSONISH_TOKEN_END)
			return unclosed(p, v);
		if (!jsonish_scan_is(s, ','))
			return unexpected(
			    p, object ? "a comma or }" : "a comma or ]");
		rc = jsonish_scan_next(s);
	}
	return rc != 0 ? rc : jsonish_scan_next(s);
}

static int
parse_container(struct parse *p, struct jsonish *v)
{
	bool object = jsonish_scan_is(&p->scan, '{');
	int rc;

	v->kind = object ? JSONISH_OBJECT : JSONISH_LIST;
	if (p->depth == JSONISH_MAX_DEPTH)
		return fault(p, v->pos,
		    err_set(p->scan.err, -EINVAL, "nested more than %d deep",
			JSONISH_MAX_DEPTH));
	p->depth++;
	rc = parse_items(p, v, object ? '}' : ']');
	p->depth--;
	return rc;
}

static int
parse_word(struct parse *p, struct jsonish *v)
{
	static const struct {
		const char *word;
		enum jsonish_kind kind;
		bool truth;
	} words[] = {
		{ "null", JSONISH_NULL, false },
		{ "true", JSONISH_BOOL, true },
		{ "false", JSONISH_BOOL, false },
	};
	struct jsonish_scan *s = &p->scan;

	for (size_t i = 0; i < ATTR_COUNT(words); i++) {
		if (s->len != strlen(words[i].word) ||
		    memcmp(s->start, words[i].word, s->len) != 0)
			continue;
		v->kind = words[i].kind;
		v->truth = words[i].truth;
		return jsonish_scan_next(s);
	}
	return fault(p, s->pos,
	    err_set(s->err, -EINVAL,
		"%.*s is neither true, false nor null: a text needs quotes",
		(int)(s->len < 64 ? s->len : 64), s->start));
}

static int
parse_number(struct parse *p, struct jsonish *v)
{
	struct jsonish_scan *s = &p->scan;

	if (!jsonish_scan_number(s))
		return fault(p, s->pos,
		    err_set(s->err, -EINVAL,
			"%.*s is no number as JSON writes it: a text needs "
			"quotes",
			(int)(s->len < 64 ? s->len : 64), s->start));
	v->kind = JSONISH_NUMBER;
	v->text = copy_of(s);
	if (v->text == NULL)
		return err_set(s->err, -ENOMEM, "out of memory");
	return jsonish_scan_next(s);
}

static int
parse_value(struct parse *p, struct jsonish *v)
{
	struct jsonish_scan *s = &p->scan;
	int rc;

	v->pos = s->pos;
	switch (s->token) {
	case JSONISH_TOKEN_STRING:
		v->kind = JSONISH_STRING;
		rc = jsonish_scan_text(s, &v->text);
		return rc != 0 ? rc : jsonish_scan_next(s);
	case JSONISH_TOKEN_NUMBER:
		return parse_number(p, v);
	case JSONISH_TOKEN_WORD:
		return parse_word(p, v);
	case JSONISH_TOKEN_SIGN:
		if (*s->start == '{' || *s->start == '[')
			return parse_container(p, v);
		break;
	case JSONISH_TOKEN_END:
		break;
	}
	return unexpected(p, "a value");
}

static int
parse_text(struct parse *p, struct jsonish *root)
{
	int rc = jsonish_scan_next(&p->scan);

	if (rc == 0)
		rc = parse_value(p, root);
	if (rc == 0 && p->scan.token != JSONISH_TOKEN_END)
		return unexpected(p, "the end");
	return rc;
}

int
jsonish_parse(struct jsonish *root, const char *text, size_t len,
    struct jsonish_pos *where, struct err *err)
{
	struct jsonish made = { .kind = JSONISH_NULL };
	struct parse p = { .nvalues = 1 };
	int rc = jsonish_scan_init(&p.scan, text, len, err);

	if (rc == 0)
		rc = parse_text(&p, &made);
	if (rc == 0) {
		*root = made;
		return 0;
	}
	if (rc == -EINVAL)
		*where = p.scan.fault;
	jsonish_done(&made);
	return rc;
}

void
jsonish_done(struct jsonish *root)
{
	for (size_t i = 0; i < root->nitems; i++)
		jsonish_done(&root->items[i]);
	free(root->items);
	free(root->text);
	free(root->key);
	*root = (struct jsonish){ .kind = JSONISH_NULL };
}

const struct jsonish *
jsonish_find(const struct jsonish *object, const char *key)
{
	if (object->kind != JSONISH_OBJECT)
		return NULL;
	for (size_t i = object->nitems; i-- > 0;)
		if (strcmp(object->items[i].key, key) == 0)
			return &object->items[i];
	return NULL;
}

const char *
jsonish_kind_name(enum jsonish_kind kind)
{
	switch (kind) {
	case JSONISH_NULL:
		return "null";
	case JSONISH_BOOL:
		return "true or false";
	case JSONISH_NUMBER:
		return "a number";
	case JSONISH_STRING:
		return "a text";
	case JSONISH_LIST:
		return "a list";
	case JSONISH_OBJECT:
		return "an object";
	}
	return "nothing";
}
