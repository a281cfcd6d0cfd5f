#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "cli/cmdline.h"
#include "cli/conf.h"
#include "cli/conf_input.h"
#include "cli/conf_option.h"
#include "cli/conf_output.h"
#include "config/stethoscope.h"
#include "run/run.h"
#include "run/sinks.h"

/**
 * struct reading - A file of ours being read
 * @c:		Has the plan; first, for the setters of options.  It has no
 *		input of its own.
 * @outputs:	To be judged at the end
 * @bad_inputs:	Names of inputs mean nothing
 */
struct reading {
	struct cmdline c;
	struct conf_output_list outputs;
	bool bad_inputs;
};

/* --- setters ------------------------------------------------------------- */

static int
add_input(void *self, const struct schema_value *v, struct err *err)
{
	struct reading *r = self;
	size_t before = v->reading->findings->errors;
	int rc = conf_input_add(&r->c.plan, v);

	(void)err;
	if (v->reading->findings->errors > before)
		r->bad_inputs = true;
	return rc;
}

static int
add_output(void *self, const struct schema_value *v, struct err *err)
{
	struct reading *r = self;

	(void)err;
	return conf_output_add(&r->c.plan, &r->outputs, v);
}

static int
set_control(void *self, const struct schema_value *v, struct err *err)
{
	return cmdline_control(
	    &((struct reading *)self)->c.plan.control, v->text, err);
}

static int
set_token(void *self, const struct schema_value *v, struct err *err)
{
	(void)err;
	((struct reading *)self)->c.plan.control.no_token = v->number == 0;
	return 0;
}

static const char *const level_words[] = { "error", "warn", "info", "debug",
	NULL };
static_assert(
    ATTR_COUNT(level_words) == LOG_NLEVELS + 1, "a word for each level");

static int
set_level(void *self, const struct schema_value *v, struct err *err)
{
	(void)err;
	*(enum log_level *)(void *)((char *)self + v->row->at) =
	    (enum log_level)v->number;
	return 0;
}

/* --- the tables ---------------------------------------------------------- */

#define AT(field) .at = offsetof(struct reading, c.plan.field)

/* What is kept of a session never needs more than it can have. */
#define MAX_HISTORY ((uint64_t)1 << 40)

static const struct schema_row control_rows[] = {
	{ .key = "listen",
	    .type = SCHEMA_PLAIN,
	    .arg = "LISTEN",
	    .help = "where page, API and metrics are served: PORT (loopback), "
		    "ADDR:PORT, [V6]:PORT, unix:PATH or fd:NAME; nowhere if it "
		    "is left out",
	    .set = set_control },
	{ .key = "token-file",
	    .type = SCHEMA_TEXT,
	    .arg = "FILE",
	    .help = "where the token is read from; a random one, which is "
		    "printed, if it is left out",
	    AT(control.token_file),
	    .set = schema_set_text },
	{ .key = "token",
	    .type = SCHEMA_BOOL,
	    .dflt = "true",
	    .help = "whether a token is asked for at all",
	    .set = set_token },
	{ .key = "history",
	    .type = SCHEMA_SIZE,
	    .max = MAX_HISTORY,
	    .dflt = "64KiB",
	    .help = "latest bytes kept of each session; 0 keeps none",
	    AT(control.history),
	    .set = schema_set_size },
	{ .key = "history-total",
	    .type = SCHEMA_SIZE,
	    .max = MAX_HISTORY,
	    .dflt = "64MiB",
	    .help = "latest bytes kept of all sessions together",
	    AT(control.history_total),
	    .set = schema_set_size },
};

static const struct schema_table control_table = { "control", control_rows,
	ATTR_COUNT(control_rows) };

static const struct schema_row logging_rows[] = {
	{ .key = "level",
	    .type = SCHEMA_WORD,
	    .words = level_words,
	    .dflt = "warn",
	    .help = "how much is said on standard error",
	    AT(log.level),
	    .set = set_level },
	{ .key = "timestamps",
	    .type = SCHEMA_BOOL,
	    .dflt = "false",
	    .help = "lines on standard error begin with date and time, as "
		    "those of the file always do",
	    AT(log.timestamps),
	    .set = schema_set_bool },
	{ .key = "file",
	    .type = SCHEMA_TEXT,
	    .arg = "FILE",
	    .help = "where it is written as well; it grows, and is opened "
		    "again on SIGHUP",
	    AT(log.file),
	    .set = schema_set_text },
	{ .key = "file-level",
	    .type = SCHEMA_WORD,
	    .words = level_words,
	    .dflt = "info",
	    .help = "how much is written to the file",
	    AT(log.file_level),
	    .set = set_level },
};

static const struct schema_table logging_table = { "logging", logging_rows,
	ATTR_COUNT(logging_rows) };

/* Filled in when first needed, on the main thread. */
static struct schema_row runtime_rows[SCHEMA_MAX_ROWS];
static struct schema_table runtime_table = { "runtime", runtime_rows, 0 };

static const struct schema_row rows[] = {
	{ .key = "inputs",
	    .type = SCHEMA_LIST,
	    .arg = "INPUT",
	    .help = "what is heard: at least one",
	    .needed = true,
	    .set = add_input },
	{ .key = "outputs",
	    .type = SCHEMA_LIST,
	    .arg = "OUTPUT",
	    .help = "what becomes of it",
	    .set = add_output },
	{ .key = "control",
	    .type = SCHEMA_OBJECT,
	    .help = "page, API and metrics",
	    .table = &control_table },
	{ .key = "logging",
	    .type = SCHEMA_OBJECT,
	    .help = "what is said to people",
	    .table = &logging_table },
	{ .key = "runtime",
	    .type = SCHEMA_OBJECT,
	    .help = "the whole run",
	    .table = &runtime_table },
};

static const struct schema_table table = { NULL, rows, ATTR_COUNT(rows) };

const struct schema_table *
conf_table(void)
{
	if (runtime_table.nrows == 0)
		runtime_table.nrows = conf_option_rows(
		    CMDLINE_RUNTIME, 0, runtime_rows, SCHEMA_MAX_ROWS);
	return &table;
}

/* Where people look for a key and where it stands are not always the same. */
static const char *
home_of(const char *key)
{
	const struct schema_table *const parts[] = { &control_table,
		&logging_table, &runtime_table };

	for (size_t i = 0; i < ATTR_COUNT(rows); i++)
		if (strcmp(rows[i].key, key) == 0)
			return "the whole configuration";
	for (unsigned i = 0; i < PLAN_NINPUTS; i++) {
		const struct schema_table *t =
		    conf_input_table((enum plan_input)i);

		if (schema_find(t, key) != NULL)
			return t->name;
	}
	for (size_t i = 0; i < ATTR_COUNT(parts); i++)
		if (schema_find(parts[i], key) != NULL)
			return parts[i]->name;
	return NULL;
}

/* --- reading ------------------------------------------------------------- */

static int
read_own(struct plan *p, const struct jsonish *root, struct findings *f)
{
	struct schema_reading reading = { .findings = f, .elsewhere = home_of };
	struct reading r = { .c = { .plan = *p } };
	const struct jsonish *inputs = jsonish_find(root, "inputs");
	int rc = schema_read(conf_table(), root, &r, &reading);

	if (rc == 0 && inputs->nitems == 0)
		findings_error(
		    f, inputs->pos, "inputs: at least one is needed");
	if (rc != -ENOMEM)
		conf_output_finish(&r.c.plan, &r.outputs, !r.bad_inputs, f);
	conf_output_done(&r.outputs);
	*p = r.c.plan;
	return rc;
}

static bool
is_own(const struct jsonish *root)
{
	(void)root;
	return true;
}

/* What the kinds of its outputs think of it, which no key says alone. */
static int
read_stethoscope(struct plan *p, const struct jsonish *root, struct findings *f)
{
	int rc = stethoscope_read(p, root, f);

	for (size_t i = 0; rc == 0 && i < p->nsinks; i++) {
		struct err err = { "" };

		if (sinks_try(p, &p->sinks[i], &err) != 0)
			findings_error(
			    f, root->pos, "%s: %s", p->sinks[i].kind, err.text);
	}
	return rc;
}

static const struct conf_dialect dialects[] = {
	{ "stethoscope", stethoscope_is, read_stethoscope },
	{ "teeline", is_own, read_own },
};

static int
read_tree(struct plan *p, const struct jsonish *root, struct findings *f)
{
	size_t i = 0;
	int rc;

	/* The last one takes what is left. */
	while (!dialects[i].is(root))
		i++;
	rc = dialects[i].read(p, root, f);
	if (f->failed)
		return -ENOMEM;
	return rc == 0 && findings_are_bad(f) ? -EINVAL : rc;
}

/* One byte more than is possible, so that too much is seen. */
static int
slurp(FILE *file, struct obuf *text)
{
	uint8_t *room = obuf_room(text, JSONISH_MAX_BYTES + 8);
	size_t n;

	if (room == NULL)
		return -ENOMEM;
	errno = 0;
	n = fread(room, 1, JSONISH_MAX_BYTES + 8, file);
	if (ferror(file))
		return errno != 0 ? -errno : -EIO;
	text->len += n;
	return 0;
}

static int
read_file(const char *path, struct obuf *text, struct err *err)
{
	FILE *file = fopen(path, "re");
	int rc;

	if (file == NULL)
		return err_set(
		    err, -errno, "cannot open %s: %s", path, strerror(errno));
	rc = slurp(file, text);
	(void)fclose(file); /* only read from: nothing can be lost */
	if (rc == -ENOMEM)
		return err_set(err, rc, "out of memory");
	if (rc != 0)
		return err_set(
		    err, rc, "cannot read %s: %s", path, strerror(-rc));
	return 0;
}

int
conf_load(
    struct jsonish *root, const char *path, struct findings *f, struct err *err)
{
	struct obuf text = { .data = NULL };
	struct jsonish_pos where;
	int rc = read_file(path, &text, err);

	/* What the system calls invalid is no finding of ours. */
	if (rc == -EINVAL)
		rc = -EIO;
	if (rc == 0) {
		rc = jsonish_parse(
		    root, (const char *)text.data, text.len, &where, err);
		if (rc == -EINVAL)
			findings_error(f, where, "%s", err->text);
	}
	obuf_done(&text);
	return rc;
}

int
conf_read(struct plan *p, const char *path, struct findings *f, struct err *err)
{
	struct jsonish root;
	int rc = conf_load(&root, path, f, err);

	if (rc != 0)
		return rc;
	rc = read_tree(p, &root, f);
	jsonish_done(&root);
	if (rc == 0) {
		p->config = strdup(path);
		rc = p->config != NULL ? 0 : -ENOMEM;
	}
	return rc == -ENOMEM ? err_set(err, rc, "out of memory") : rc;
}

static void
print_findings(struct findings *f, const char *path)
{
	struct obuf out = { .data = NULL };

	findings_put(f, path, &out);
	/* When it fails there is nobody else to tell. */
	if (out.len > 0)
		(void)fwrite(out.data, 1, out.len, stderr);
	obuf_done(&out);
}

static void
log_findings(struct findings *f, const char *path)
{
	struct obuf out = { .data = NULL };
	char *rest = NULL;
	char *line;

	findings_put(f, path, &out);
	obuf_putc(&out, '\0');
	line = out.failed ? NULL : strtok_r((char *)out.data, "\n", &rest);
	for (; line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		if (findings_are_bad(f))
			log_error("%s", line);
		else
			log_warn("%s", line);
	}
	obuf_done(&out);
}

static int
read_or_tell(struct plan *p, const char *path,
    void (*tell)(struct findings *f, const char *path))
{
	struct findings f = { .n = 0 };
	struct err err = { "" };
	int rc = conf_read(p, path, &f, &err);

	tell(&f, path);
	findings_done(&f);
	if (rc != 0 && rc != -EINVAL)
		log_error("%s", err.text);
	if (rc == 0)
		return RUN_OK;
	/* A file that is not there: the name is wrong. */
	return rc == -EINVAL || rc == -ENOENT ? RUN_USAGE : RUN_FAIL;
}

int
conf_read_or_say(struct plan *p, const char *path)
{
	return read_or_tell(p, path, print_findings);
}

int
conf_read_or_log(struct plan *p, const char *path)
{
	return read_or_tell(p, path, log_findings);
}
