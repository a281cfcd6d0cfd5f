#include <stdio.h>
#include <string.h>

#include "app/cmd_list.h"
#include "app/print.h"
#include "app/registry.h"
#include "app/run.h"
#include "base/attr.h"
#include "base/log.h"
#include "base/obuf.h"
#include "config/nearest.h"
#include "config/sink_text.h"
#include "sink/formats.h"

#define NAME_WIDTH 16

static void
list_formats(struct obuf *out)
{
	const struct format *f;

	for (size_t i = 0; (f = formats_at(i)) != NULL; i++)
		if (f->help != NULL)
			obuf_printf(
			    out, "%-*s%s\n", NAME_WIDTH, f->name, f->help);
	obuf_printf(out, "%-*s%s\n", NAME_WIDTH, "none", "nothing");
}

static void
list_keys(struct obuf *out, const struct sink_key *keys)
{
	char spelling[64];

	for (const struct sink_key *k = keys; k != NULL && k->key != NULL;
	     k++) {
		(void)snprintf(
		    spelling, sizeof(spelling), "%s=%s", k->key, k->values);
		obuf_printf(out, "  %-26s%s\n", spelling, k->help);
	}
}

static void
list_sinks(struct obuf *out)
{
	const struct sink_kind *const *kinds;
	char spelling[64];
	size_t n;

	kinds = registry_sinks(&n);
	for (size_t i = 0; i < n; i++) {
		if (kinds[i]->help == NULL)
			continue;
		(void)snprintf(spelling, sizeof(spelling), "%s%s%s",
		    kinds[i]->name, sink_text_has_arg(kinds[i]) ? ":" : "",
		    sink_text_has_arg(kinds[i]) ? kinds[i]->arg : "");
		obuf_printf(
		    out, "%-*s%s\n", NAME_WIDTH, spelling, kinds[i]->help);
		list_keys(out, kinds[i]->keys);
	}
	obuf_puts(out, "\nkeys of all sinks:\n");
	list_keys(out, sink_text_keys());
}

static void
list_personalities(struct obuf *out)
{
	const struct registry_command *p;
	size_t n;

	p = registry_personalities(&n);
	for (size_t i = 0; i < n; i++)
		obuf_printf(out, "%-*s%s\n", NAME_WIDTH, p[i].name, p[i].help);
}

/** struct topic - Something that can be listed. */
struct topic {
	const char *name;
	void (*list)(struct obuf *out);
};

static const struct topic topics[] = {
	{ "formats", list_formats },
	{ "sinks", list_sinks },
	{ "personalities", list_personalities },
};

#define USAGE "usage: teeline list formats|sinks|personalities\n"

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
		log_error("list: \"%.64s\" cannot be listed: formats, sinks "
			  "or personalities",
		    word);
	return RUN_USAGE;
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
		log_error("list: one word is needed: formats, sinks or "
			  "personalities");
		return RUN_USAGE;
	}
	for (size_t i = 0; i < ATTR_COUNT(topics); i++) {
		if (strcmp(topics[i].name, argv[1]) == 0) {
			topics[i].list(&out);
			return print_out(&out);
		}
	}
	return complain(argv[1]);
}
