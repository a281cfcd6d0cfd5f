#include <errno.h>
#include <stdbool.h>

#include "app/help.h"
#include "app/registry.h"
#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "cli/print.h"
#include "config/nearest.h"
#include "config/option.h"
#include "run/run.h"

/** struct asked - What the options before any command ask for. */
struct asked {
	bool help;
	bool version;
};

static int
set_help(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct asked *)self)->help = true;
	return -ECANCELED;
}

static int
set_version(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	((struct asked *)self)->version = true;
	return -ECANCELED;
}

static const struct option_row rows[] = {
	{ .letter = 'h', .name = "help", .set = set_help },
	{ .letter = 'V', .name = "version", .set = set_version },
};

static const struct option_table table = { .rows = rows,
	.nrows = ATTR_COUNT(rows) };

static void
describe(struct obuf *out, const struct registry_command *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c[i].help != NULL)
			obuf_printf(out, "  %-16s%s\n", c[i].name, c[i].help);
}

static int
print_help(void)
{
	struct obuf out = { .data = NULL };
	const struct registry_command *c;
	size_t n;

	obuf_puts(&out,
	    "usage: teeline COMMAND [OPTION...] [OPERAND...]\n"
	    "\n"
	    "Listen in on TCP streams, write down what was said, pass it "
	    "on.\n"
	    "\n"
	    "Commands:\n");
	c = registry_commands(&n);
	describe(&out, c, n);
	c = registry_personalities(&n);
	obuf_puts(&out,
	    "\nPrograms that live on here, with their own command lines:\n");
	describe(&out, c, n);
	obuf_puts(&out,
	    "\n"
	    "\"teeline COMMAND --help\" shows the options of a command, "
	    "\"teeline -V\" the\n"
	    "version.  The manual: teeline(1).\n");
	return print_out(&out);
}

static int
unknown_command(const char *word)
{
	const struct registry_command *c;
	struct nearest near;
	size_t n;

	nearest_init(&near, word);
	c = registry_commands(&n);
	for (size_t i = 0; i < n; i++)
		if (c[i].help != NULL)
			nearest_offer(&near, c[i].name);
	c = registry_personalities(&n);
	for (size_t i = 0; i < n; i++)
		nearest_offer(&near, c[i].name);
	if (nearest_word(&near) != NULL)
		log_error("\"%.64s\" is no command (did you mean %s?)", word,
		    nearest_word(&near));
	else
		log_error("\"%.64s\" is no command (\"teeline --help\" shows "
			  "them all)",
		    word);
	return RUN_USAGE;
}

int
help_main(int argc, char **argv)
{
	struct asked asked = { .help = false };
	struct err err = { "" };
	int rc = option_parse(&table, &argc, argv, &asked, &err);

	if (asked.help)
		return print_help();
	if (asked.version)
		return print_version();
	if (rc != 0) {
		log_error("%s", err.text);
		return RUN_USAGE;
	}
	if (argc > 1)
		return unknown_command(argv[1]);
	log_error("a command is needed, as in: teeline proxy 8081 "
		  "example.com:80 (\"teeline --help\" shows them all)");
	return RUN_USAGE;
}
