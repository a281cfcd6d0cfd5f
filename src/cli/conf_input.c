#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "cli/cmdline.h"
#include "cli/conf_input.h"
#include "cli/conf_option.h"
#include "config/name.h"
#include "config/word.h"
#include "source/filter.h"

/* Each has threads of its own. */
#define MAX_INPUTS 64

/** struct ends - "listen" and "target" of a pair, as far as they are given. */
struct ends {
	struct endpoint client;
	struct endpoint server;
	bool has_client;
	bool has_server;
};

/**
 * struct build - An input being read
 * @c:		Has it as its only one; first, for the setters of options
 * @ends:	Those that stand in the input itself
 * @name:	As written, or NULL; points into the tree
 */
struct build {
	struct cmdline c;
	struct ends ends;
	const char *name;
};

/* --- what the operands of a command say ---------------------------------- */

static int
set_endpoint(struct endpoint *e, bool *has, enum endpoint_how natural,
    const struct schema_value *v, struct err *err)
{
	int rc = endpoint_parse(e, natural, v->text, err);

	if (rc == 0)
		*has = true;
	return rc;
}

static int
set_listen(void *self, const struct schema_value *v, struct err *err)
{
	struct ends *e = (struct ends *)(void *)((char *)self + v->row->at);

	return set_endpoint(
	    &e->client, &e->has_client, ENDPOINT_LISTEN, v, err);
}

static int
set_target(void *self, const struct schema_value *v, struct err *err)
{
	struct ends *e = (struct ends *)(void *)((char *)self + v->row->at);

	return set_endpoint(&e->server, &e->has_server, ENDPOINT_DIAL, v, err);
}

static void
ends_done(struct ends *e)
{
	if (e->has_client)
		endpoint_done(&e->client);
	if (e->has_server)
		endpoint_done(&e->server);
	*e = (struct ends){ .has_client = false };
}

/* Both ends are there; the pair takes them over. */
static int
add_pair(struct build *b, struct ends *e_take)
{
	struct ends e = *e_take;

	*e_take = (struct ends){ .has_client = false };
	return plan_add_pair(cmdline_source(&b->c), &e.client, &e.server);
}

#define LISTEN_ROW(where)                                                      \
	{                                                                      \
		.key = "listen", .type = SCHEMA_PLAIN, .arg = "LISTEN",        \
		.help = "where clients come to, as in proxy", .at = (where),   \
		.set = set_listen                                              \
	}

#define TARGET_ROW(where)                                                      \
	{                                                                      \
		.key = "target", .type = SCHEMA_PLAIN, .arg = "TARGET",        \
		.help = "where they are relayed to, as in proxy",              \
		.at = (where), .set = set_target                               \
	}

static const struct schema_row pair_rows[] = {
	LISTEN_ROW(0),
	TARGET_ROW(0),
};

static const struct schema_table pair_table = { "a pair", pair_rows,
	ATTR_COUNT(pair_rows) };

static void
needs_both(const struct schema_value *v, const char *what)
{
	findings_error(v->reading->findings, v->node->pos,
	    "%s needs both listen and target", what);
}

static int
set_pair(void *self, const struct schema_value *v, struct err *err)
{
	struct build *b = self;
	struct ends e = { .has_client = false };
	int rc = schema_read(&pair_table, v->node, &e, v->reading);

	(void)err;
	if (rc == 0 && e.has_client && e.has_server)
		rc = add_pair(b, &e);
	else if (rc == 0)
		needs_both(v, "a pair");
	ends_done(&e);
	return rc == -ENOMEM ? rc : 0;
}

static int
set_filter(void *self, const struct schema_value *v, struct err *err)
{
	struct plan_capture *pc = &cmdline_source(self)->capture;
	struct filter *trial = filter_new(v->text, err);

	if (trial == NULL)
		return -EINVAL;
	filter_free(trial);
	free(pc->filter);
	pc->filter = strdup(v->text);
	return pc->filter != NULL ? 0 : -ENOMEM;
}

static int
set_file(void *self, const struct schema_value *v, struct err *err)
{
	(void)err;
	return plan_add_file(cmdline_source(self), v->text);
}

/* --- the tables ---------------------------------------------------------- */

static int
set_name(void *self, const struct schema_value *v, struct err *err)
{
	((struct build *)self)->name = v->text;
	return name_check(v->text, err);
}

/* Has been looked at before there was a table. */
static int
set_type(void *self, const struct schema_value *v, struct err *err)
{
	(void)self;
	(void)v;
	(void)err;
	return 0;
}

static const char *const type_words[] = { "proxy", "tap", "read", NULL };
static_assert(
    ATTR_COUNT(type_words) == PLAN_NINPUTS + 1, "a word for each kind");

#define FILTER_ROW                                                             \
	{                                                                      \
		.key = "filter", .type = SCHEMA_TEXT, .arg = "FILTER",         \
		.help = "which packets to look at, as in pcap-filter(7); all " \
			"of them if it is left out",                           \
		.set = set_filter                                              \
	}

static const struct schema_row common_rows[] = {
	{ .key = "type",
	    .type = SCHEMA_WORD,
	    .words = type_words,
	    .help = "how it hears: the command of that name",
	    .needed = true,
	    .set = set_type },
	{ .key = "name",
	    .type = SCHEMA_TEXT,
	    .arg = "NAME",
	    .help = "what records, outputs and metrics call it; the type if "
		    "it is left out, with a number where that is taken",
	    .set = set_name },
};

static const struct schema_row proxy_rows[] = {
	LISTEN_ROW(offsetof(struct build, ends)),
	TARGET_ROW(offsetof(struct build, ends)),
	{ .key = "pairs",
	    .type = SCHEMA_LIST,
	    .arg = "PAIR",
	    .help = "more of them: objects with listen and target",
	    .set = set_pair },
};

static const struct schema_row tap_rows[] = {
	FILTER_ROW,
};

static const struct schema_row read_rows[] = {
	{ .key = "files",
	    .type = SCHEMA_TEXTS,
	    .arg = "FILE",
	    .help = "what to read; several are one capture, in this order",
	    .needed = true,
	    .set = set_file },
	FILTER_ROW,
};

/** struct kind - What differs between kinds of inputs, for their tables. */
struct kind {
	const char *name;
	unsigned command;
	const struct schema_row *rows;
	size_t nrows;
};

static const struct kind kinds[PLAN_NINPUTS] = {
	[PLAN_PROXY] = { "an input of type proxy", CMDLINE_PROXY, proxy_rows,
	    ATTR_COUNT(proxy_rows) },
	[PLAN_TAP] = { "an input of type tap", CMDLINE_TAP, tap_rows,
	    ATTR_COUNT(tap_rows) },
	[PLAN_READ] = { "an input of type read", CMDLINE_READ, read_rows,
	    ATTR_COUNT(read_rows) },
};

/* Filled in when first needed, on the main thread. */
static struct schema_row rows[PLAN_NINPUTS][SCHEMA_MAX_ROWS];
static struct schema_table tables[PLAN_NINPUTS];

static void
fill_in(enum plan_input input)
{
	const struct kind *k = &kinds[input];
	struct schema_row *to = rows[input];
	size_t n = 0;

	for (size_t i = 0; i < ATTR_COUNT(common_rows); i++)
		to[n++] = common_rows[i];
	for (size_t i = 0; i < k->nrows; i++)
		to[n++] = k->rows[i];
	n += conf_option_rows(
	    CMDLINE_INPUT, k->command, to + n, SCHEMA_MAX_ROWS - n);
	tables[input] = (struct schema_table){ k->name, to, n };
}

const struct schema_table *
conf_input_table(enum plan_input input)
{
	if (tables[input].rows == NULL)
		fill_in(input);
	return &tables[input];
}

/* --- reading ------------------------------------------------------------- */

/* Return: 0; -EINVAL with a finding when the type is missing or unknown */
static int
find_type(const struct schema_value *v, enum plan_input *input)
{
	const struct jsonish *type = jsonish_find(v->node, "type");
	struct findings *f = v->reading->findings;
	struct err err = { "" };
	uint64_t index;

	if (v->node->kind != JSONISH_OBJECT) {
		findings_error(f, v->node->pos,
		    "%s: an object ({ ... }) is needed, this is %s",
		    v->row->key, jsonish_kind_name(v->node->kind));
	} else if (type == NULL) {
		findings_error(f, v->node->pos,
		    "an input needs the key type: proxy, tap or read");
	} else if (type->kind != JSONISH_STRING) {
		findings_error(f, type->pos,
		    "type: \"proxy\", \"tap\" or \"read\" is needed, this is "
		    "%s",
		    jsonish_kind_name(type->kind));
	} else if (word_find(type_words, false, type->text, &index, &err) !=
		   0) {
		findings_error(f, type->pos, "type: %s", err.text);
	} else {
		*input = (enum plan_input)index;
		return 0;
	}
	return -EINVAL;
}

static int
settle_pairs(struct build *b, const struct schema_value *v)
{
	struct plan_source *s = cmdline_source(&b->c);
	struct ends *e = &b->ends;

	if (s->input != PLAN_PROXY)
		return 0;
	if (e->has_client && e->has_server)
		return add_pair(b, e);
	if (e->has_client || e->has_server || s->proxy.npairs == 0)
		needs_both(v, "an input of type proxy");
	return 0;
}

/* What follows from several keys together. */
static int
settle(struct build *b, const struct plan *p, const struct schema_value *v)
{
	struct findings *f = v->reading->findings;
	struct err err = { "" };
	int rc = settle_pairs(b, v);

	if (rc == 0 && cmdline_settle_decap(&b->c, "", &err) != 0)
		findings_error(f, v->node->pos, "%s", err.text);
	if (b->name != NULL && plan_find_source(p, b->name) != NULL)
		findings_error(f, jsonish_find(v->node, "name")->pos,
		    "name: \"%s\" is the name of another input", b->name);
	return rc;
}

/* Moves the input to @p, which gives it its name. */
static int
hand_over(struct build *b, struct plan *p)
{
	struct plan_source *from = cmdline_source(&b->c);
	struct plan_source *to = plan_add_source(p, from->input, b->name);
	struct plan_source empty;

	if (to == NULL)
		return -ENOMEM;
	empty = *to;
	*to = *from;
	*from = empty;
	/* Names stay where they were made. */
	from->name = to->name;
	to->name = empty.name;
	to->is_named = empty.is_named;
	return 0;
}

static int
read_one(struct build *b, struct plan *p, const struct schema_value *v)
{
	const struct schema_table *t =
	    conf_input_table(cmdline_source(&b->c)->input);
	size_t before = v->reading->findings->errors;
	int rc = schema_read(t, v->node, b, v->reading);

	if (rc == 0)
		rc = settle(b, p, v);
	if (rc != 0 || v->reading->findings->errors > before)
		return rc == -ENOMEM ? rc : 0;
	if (p->nsources == MAX_INPUTS) {
		findings_error(v->reading->findings, v->node->pos,
		    "one input too many: %d are possible", MAX_INPUTS);
		return 0;
	}
	return hand_over(b, p);
}

int
conf_input_add(struct plan *p, const struct schema_value *v)
{
	struct build b = { .name = NULL };
	enum plan_input input;
	int rc;

	if (find_type(v, &input) != 0)
		return 0;
	rc = cmdline_init(&b.c, input);
	if (rc == 0)
		rc = read_one(&b, p, v);
	ends_done(&b.ends);
	cmdline_done(&b.c);
	return rc;
}
