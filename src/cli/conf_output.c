#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/obuf.h"
#include "cli/conf_output.h"
#include "config/sink_text.h"
#include "core/fanout.h"
#include "run/kinds.h"
#include "run/sinks.h"

/** struct conf_output_ref - An input that an output, @key of it, wants to hear.
 */
struct conf_output_ref {
	const char *key;
	const char *name;
	struct jsonish_pos pos;
};

/**
 * struct build - An output being read
 * @spec:	What it comes to
 * @list:	Gets the names of inputs
 */
struct build {
	struct sink_spec spec;
	const struct sink_kind *kind;
	struct conf_output_list *list;
};

/* --- setters ------------------------------------------------------------- */

static int
set_key(void *self, const struct schema_value *v, struct err *err)
{
	struct build *b = self;

	return sink_text_key(&b->spec, b->kind, v->row->key, v->text, err);
}

/* Type and argument have been looked at before there was a table. */
static int
set_nothing(void *self, const struct schema_value *v, struct err *err)
{
	(void)self;
	(void)v;
	(void)err;
	return 0;
}

static int
add_ref(struct conf_output_list *list, const struct conf_output_ref *ref)
{
	struct conf_output_ref *more =
	    realloc(list->refs, (list->nrefs + 1) * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	list->refs = more;
	more[list->nrefs++] = *ref;
	return 0;
}

static int
set_input(void *self, const struct schema_value *v, struct err *err)
{
	struct build *b = self;
	const struct conf_output_ref ref = { "inputs", v->text, v->node->pos };

	(void)err;
	if (add_ref(b->list, &ref) != 0)
		return -ENOMEM;
	return sink_spec_hear(&b->spec, v->text);
}

/* --- the tables ---------------------------------------------------------- */

/* As -C, -G and -W have it. */
#define ROTATE_MIN_BYTES ((uint64_t)1000000)
#define ROTATE_MAX_BYTES ((uint64_t)1 << 50)
#define ROTATE_MIN_NS    (CLOCK_NS_PER_S / 10)
#define ROTATE_MAX_NS    (UINT64_C(365) * 86400 * CLOCK_NS_PER_S)

static const struct schema_row rotate_rows[] = {
	{ .key = "size",
	    .type = SCHEMA_SIZE,
	    .min = ROTATE_MIN_BYTES,
	    .max = ROTATE_MAX_BYTES,
	    .arg = "SIZE",
	    .help = "begin another file before it is longer than this",
	    .at = offsetof(struct build, spec.rotation.bytes),
	    .set = schema_set_u64 },
	{ .key = "every",
	    .type = SCHEMA_TIME,
	    .min = ROTATE_MIN_NS,
	    .max = ROTATE_MAX_NS,
	    .arg = "SEC",
	    .help = "begin another file after so long",
	    .at = offsetof(struct build, spec.rotation.span_ns),
	    .set = schema_set_u64 },
	{ .key = "keep",
	    .type = SCHEMA_COUNT,
	    .min = 1,
	    .max = INT_MAX,
	    .arg = "N",
	    .help = "keep so many finished files, delete the oldest",
	    .at = offsetof(struct build, spec.rotation.keep),
	    .set = schema_set_unsigned },
};

static const struct schema_table rotate_table = { "rotate", rotate_rows,
	ATTR_COUNT(rotate_rows) };

static const struct schema_row type_row = {
	.key = "type",
	.type = SCHEMA_TEXT,
	.arg = "KIND",
	.help = "what kind of output, as in teeline list sinks",
	.needed = true,
	.set = set_nothing,
};

static const struct schema_row to_row = {
	.key = "to",
	.type = SCHEMA_TEXT,
	.help = "where to",
	.needed = true,
	.set = set_nothing,
};

static const struct schema_row inputs_row = {
	.key = "inputs",
	.type = SCHEMA_TEXTS,
	.arg = "NAME",
	.help = "names of the inputs that it hears; all of them if it is left "
		"out",
	.set = set_input,
};

static const struct schema_row overwrite_row = {
	.key = "overwrite",
	.type = SCHEMA_BOOL,
	.dflt = "false",
	.help = "it may replace files that exist",
	.at = offsetof(struct build, spec.overwrite),
	.set = schema_set_bool,
};

static const struct schema_row rotate_row = {
	.key = "rotate",
	.type = SCHEMA_OBJECT,
	.help = "divide the recording into several files",
	.table = &rotate_table,
};

static bool
writes_file(const struct sink_kind *kind)
{
	return kind->arg != NULL && strcmp(kind->arg, "FILE") == 0;
}

static bool
can_rotate(const struct sink_kind *kind)
{
	return strcmp(kind->name, "pcapng") == 0 ||
	       strcmp(kind->name, "pcap") == 0;
}

static void
add_row(struct conf_output_table *t, const struct schema_row *row)
{
	assert(t->table.nrows < SCHEMA_MAX_ROWS);
	t->rows[t->table.nrows++] = *row;
}

static void
add_keys(struct conf_output_table *t, const struct sink_key *keys)
{
	for (const struct sink_key *k = keys; k != NULL && k->key != NULL;
	     k++) {
		/* Here it is a list, with a row of its own. */
		if (strcmp(k->key, "input") == 0)
			continue;
		add_row(t, &(struct schema_row){ .key = k->key,
			       .type = SCHEMA_PLAIN,
			       .arg = k->values,
			       .help = k->help,
			       .set = set_key });
	}
}

void
conf_output_table(struct conf_output_table *t, const struct sink_kind *kind)
{
	struct schema_row to = to_row;

	(void)snprintf(
	    t->name, sizeof(t->name), "an output of type %.64s", kind->name);
	t->table = (struct schema_table){ t->name, t->rows, 0 };
	add_row(t, &type_row);
	to.arg = kind->arg;
	if (sink_text_has_arg(kind))
		add_row(t, &to);
	add_row(t, &inputs_row);
	if (writes_file(kind))
		add_row(t, &overwrite_row);
	if (can_rotate(kind))
		add_row(t, &rotate_row);
	add_keys(t, kind->keys);
	add_keys(t, sink_text_keys());
}

/* --- reading ------------------------------------------------------------- */

/* NULL with a finding when the type is missing or unknown */
static const struct sink_kind *
find_kind(const struct schema_value *v)
{
	const struct jsonish *type = jsonish_find(v->node, "type");
	struct findings *f = v->reading->findings;
	const struct sink_kind *kind = NULL;
	struct sink_text_kinds kinds;
	struct err err = { "" };

	if (type == NULL) {
		findings_error(f, v->node->pos,
		    "an output needs the key type (\"teeline list sinks\" "
		    "shows what there is)");
	} else if (type->kind != JSONISH_STRING) {
		findings_error(f, type->pos,
		    "type: a text in quotes is needed, this is %s",
		    jsonish_kind_name(type->kind));
	} else {
		kinds.kinds = kinds_all(&kinds.n);
		kind = sink_text_kind(&kinds, type->text, &err);
		if (kind == NULL)
			findings_error(f, type->pos, "type: %s", err.text);
	}
	return kind;
}

static void
check_rotation(const struct build *b, const struct schema_value *v)
{
	const struct jsonish *node = jsonish_find(v->node, "rotate");
	struct findings *f = v->reading->findings;

	if (node == NULL || node->kind != JSONISH_OBJECT ||
	    !can_rotate(b->kind))
		return;
	if (jsonish_find(node, "size") == NULL &&
	    jsonish_find(node, "every") == NULL)
		findings_error(f, node->pos,
		    "rotate: size or every is needed, to say when a file is "
		    "finished");
	else if (sinks_is_stdout(&b->spec))
		findings_error(f, node->pos,
		    "rotate: standard output cannot be divided into files");
}

/* An empty list would mean all of them, which is not what it says. */
static void
check_inputs(const struct schema_value *v)
{
	const struct jsonish *inputs = jsonish_find(v->node, "inputs");

	if (inputs != NULL && inputs->kind == JSONISH_LIST &&
	    inputs->nitems == 0)
		findings_error(v->reading->findings, inputs->pos,
		    "inputs: at least one name is needed");
}

static int
read_object(struct build *b, const struct schema_value *v)
{
	const struct jsonish *to = jsonish_find(v->node, "to");
	struct conf_output_table t = { .name = "" };
	int rc;

	b->kind = find_kind(v);
	if (b->kind == NULL)
		return -EINVAL;
	conf_output_table(&t, b->kind);
	/* Whether there must be one is judged with the other keys. */
	rc = sink_spec_init(&b->spec, b->kind->name,
	    to != NULL && to->kind == JSONISH_STRING ? to->text : "");
	if (rc == 0)
		rc = schema_read(&t.table, v->node, b, v->reading);
	if (rc != -ENOMEM) {
		check_rotation(b, v);
		check_inputs(v);
	}
	return rc;
}

static int
read_text(struct build *b, const struct schema_value *v)
{
	struct sink_text_kinds kinds;
	struct err err = { "" };
	int rc;

	kinds.kinds = kinds_all(&kinds.n);
	rc = sink_text_parse(&b->spec, v->node->text, &kinds, &err);
	if (rc == -EINVAL)
		findings_error(v->reading->findings, v->node->pos, "%s: %s",
		    v->row->key, err.text);
	return rc;
}

static int
read_any(struct build *b, const struct schema_value *v)
{
	if (v->node->kind == JSONISH_STRING)
		return read_text(b, v);
	if (v->node->kind == JSONISH_OBJECT)
		return read_object(b, v);
	findings_error(v->reading->findings, v->node->pos,
	    "%s: an object ({ ... }) or a text like \"KIND:ARG\" is needed, "
	    "this is %s",
	    v->row->key, jsonish_kind_name(v->node->kind));
	return -EINVAL;
}

static void
check_name(
    const struct plan *p, const struct build *b, const struct schema_value *v)
{
	const struct jsonish *name = jsonish_find(v->node, "name");

	for (size_t i = 0; b->spec.name != NULL && i < p->nsinks; i++)
		if (p->sinks[i].name != NULL &&
		    strcmp(p->sinks[i].name, b->spec.name) == 0)
			findings_error(v->reading->findings,
			    name != NULL ? name->pos : v->node->pos,
			    "name: \"%s\" is the name of another output",
			    b->spec.name);
}

/* What the control plane shows of an output that was no text. */
static int
name_text(struct sink_spec *spec)
{
	struct obuf text = { .data = NULL };

	if (spec->text != NULL)
		return 0;
	sink_text_format(spec, &text);
	obuf_putc(&text, '\0');
	if (!text.failed)
		spec->text = strdup((char *)text.data);
	obuf_done(&text);
	return spec->text != NULL ? 0 : -ENOMEM;
}

static int
add(struct plan *p, struct conf_output_list *list, struct build *b,
    struct jsonish_pos pos)
{
	struct jsonish_pos *more =
	    realloc(list->places, (list->n + 1) * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	list->places = more;
	more[list->n] = pos;
	if (name_text(&b->spec) != 0 || plan_add_sink(p, &b->spec) != 0)
		return -ENOMEM;
	list->n++;
	return 0;
}

/* The one that was added last, as a text; its names are the plan's now. */
static int
add_refs(
    const struct plan *p, struct conf_output_list *list, struct jsonish_pos pos)
{
	const struct sink_spec *spec = &p->sinks[p->nsinks - 1];

	for (size_t i = 0; i < spec->ninputs; i++) {
		const struct conf_output_ref ref = { "input", spec->inputs[i],
			pos };

		if (add_ref(list, &ref) != 0)
			return -ENOMEM;
	}
	return 0;
}

int
conf_output_add(
    struct plan *p, struct conf_output_list *list, const struct schema_value *v)
{
	size_t before = v->reading->findings->errors;
	struct build b = { .list = list };
	size_t had = list->n;
	int rc = read_any(&b, v);

	if (rc != -ENOMEM)
		check_name(p, &b, v);
	if (rc == 0 && v->reading->findings->errors == before)
		rc = add(p, list, &b, v->node->pos);
	if (rc == 0 && b.kind == NULL && list->n > had)
		rc = add_refs(p, list, v->node->pos);
	sink_spec_done(&b.spec);
	return rc == -ENOMEM ? rc : 0;
}

/* --- all together -------------------------------------------------------- */

static void
check_ref(
    const struct plan *p, const struct conf_output_ref *ref, struct findings *f)
{
	struct err err = { "" };

	if (plan_check_input(p, ref->name, &err) != 0)
		findings_error(f, ref->pos, "%s: %s", ref->key, err.text);
}

static void
check_stdout(const struct plan *p, const struct conf_output_list *list,
    struct findings *f)
{
	const struct jsonish_pos *first = NULL;

	for (size_t i = 0; i < p->nsinks; i++) {
		if (!sinks_is_stdout(&p->sinks[i]))
			continue;
		if (first != NULL)
			findings_error(f, list->places[i],
			    "the output of line %u, column %u goes to "
			    "standard output already",
			    first->line, first->column);
		else
			first = &list->places[i];
	}
}

void
conf_output_finish(const struct plan *p, const struct conf_output_list *list,
    bool inputs_known, struct findings *f)
{
	for (size_t i = 0; inputs_known && i < list->nrefs; i++)
		check_ref(p, &list->refs[i], f);
	check_stdout(p, list, f);
	if (p->nsinks > FANOUT_MAX_SINKS)
		findings_error(f, list->places[FANOUT_MAX_SINKS],
		    "one output too many: %d are possible", FANOUT_MAX_SINKS);
	for (size_t i = 0; i < p->nsinks; i++) {
		struct err err = { "" };

		if (sinks_try(p, &p->sinks[i], &err) != 0)
			findings_error(f, list->places[i], "%s", err.text);
	}
}

void
conf_output_done(struct conf_output_list *list)
{
	free(list->places);
	free(list->refs);
	*list = (struct conf_output_list){ .n = 0 };
}
