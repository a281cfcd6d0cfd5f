#include <stdio.h>
#include <string.h>

#include "app/cmd_list.h"
#include "app/registry.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "cli/interfaces.h"
#include "cli/print.h"
#include "config/nearest.h"
#include "config/sink_text.h"
#include "run/kinds.h"
#include "run/run.h"
#include "sink/formats.h"

#define NAME_WIDTH 16
#define KEY_WIDTH  28

/* What is too long for its column has a line to itself. */
static void
put_row(struct obuf *out, int width, const char *spelling, const char *help)
{
	if (strlen(spelling) + 2 > (size_t)width)
		obuf_printf(out, "%s\n%*s%s\n", spelling, width, "", help);
	else
		obuf_printf(out, "%-*s%s\n", width, spelling, help);
}

static int
list_formats(struct obuf *out, struct err *err)
{
	const struct format *f;

	(void)err;
	for (size_t i = 0; (f = formats_at(i)) != NULL; i++)
		if (f->help != NULL)
			put_row(out, NAME_WIDTH, f->name, f->help);
	put_row(out, NAME_WIDTH, "none", "nothing");
	return 0;
}

static void
list_keys(struct obuf *out, const struct sink_key *keys)
{
	char spelling[64];

	for (const struct sink_key *k = keys; k != NULL && k->key != NULL;
	     k++) {
		(void)snprintf(
		    spelling, sizeof(spelling), "  %s=%s", k->key, k->values);
		put_row(out, KEY_WIDTH, spelling, k->help);
	}
}

static int
list_sinks(struct obuf *out, struct err *err)
{
	const struct sink_kind *const *kinds;
	char spelling[64];
	size_t n;

	(void)err;
	kinds = kinds_all(&n);
	for (size_t i = 0; i < n; i++) {
		if (kinds[i]->help == NULL)
			continue;
		(void)snprintf(spelling, sizeof(spelling), "%s%s%s",
		    kinds[i]->name, sink_text_has_arg(kinds[i]) ? ":" : "",
		    sink_text_has_arg(kinds[i]) ? kinds[i]->arg : "");
		put_row(out, NAME_WIDTH, spelling, kinds[i]->help);
		list_keys(out, kinds[i]->keys);
	}
	obuf_puts(out, "\nkeys of all sinks:\n");
	list_keys(out, sink_text_keys());
	return 0;
}

static int
list_personalities(struct obuf *out, struct err *err)
{
	const struct registry_command *p;
	size_t n;

	(void)err;
	p = registry_personalities(&n);
	for (size_t i = 0; i < n; i++)
		put_row(out, NAME_WIDTH, p[i].name, p[i].help);
	return 0;
}

/** struct topic - Something that can be listed: 0 or -errno with an error. */
struct topic {
	const char *name;
	int (*list)(struct obuf *out, struct err *err);
};

static const struct topic topics[] = {
	{ "interfaces", interfaces_put },
	{ "formats", list_formats },
	{ "sinks", list_sinks },
	{ "personalities", list_personalities },
};

#define USAGE "usage: teeline list interfaces|formats|sinks|personalities\n"

static int
complain(const char *word)
{
	struct nearest near;

	nearest_init(&near, word);
	for (size_t i = 0; i < ATTR_COUNT(topics); i++)
		nearest_offer(&near, topics[i].name);
	if (nearest_word(&near) != NULL)
		log_error("list: \"%.64s\" cannot be listed (did you mean "
			  "%s?)",
		    word, nearest_word(&near));
	else
		log_error("list: \"%.64s\" cannot be listed: interfaces, "
			  "formats, sinks or personalities",
		    word);
	return RUN_USAGE;
}

static int
print_topic(const struct topic *t)
{
	struct obuf out = { .data = NULL };
	struct err err = { "" };

	if (t->list(&out, &err) == 0)
		return print_out(&out);
	log_error("%s", err.text);
	obuf_done(&out);
	return RUN_FAIL;
}

int
cmd_list(int argc, char **argv)
{
	struct obuf out = { .data = NULL };

	if (argc == 2 &&
	    (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
		obuf_puts(&out, USAGE);
		return print_out(&out);
	}
	if (argc != 2) {
		log_error("list: one word is needed: interfaces, formats, "
			  "sinks or personalities");
		return RUN_USAGE;
	}
	for (size_t i = 0; i < ATTR_COUNT(topics); i++)
		if (strcmp(topics[i].name, argv[1]) == 0)
			return print_topic(&topics[i]);
	return complain(argv[1]);
}
