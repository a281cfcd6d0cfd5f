#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "base/text.h"
#include "cli/cmd_check.h"
#include "cli/conf.h"
#include "cli/print.h"
#include "config/option.h"
#include "config/plan.h"
#include "run/run.h"

static const char help[] =
    "usage: teeline check CONFIG\n"
    "\n"
    "Say what is wrong with a configuration, run nothing.\n"
    "\n"
    "  CONFIG  as \"teeline run\" takes it\n"
    "\n"
    "Everything that is wrong is told, each in a line that begins with\n"
    "FILE:LINE:COLUMN; then the exit status is 2.  The manual:\n"
    "teeline.conf(5).\n";

static int
set_help(void *self, const struct option_value *v, struct err *err)
{
	(void)v;
	(void)err;
	*(bool *)self = true;
	return -ECANCELED;
}

static const struct option_row rows[] = {
	{ .letter = 'h',
	    .name = "help",
	    .help = "print this and leave",
	    .set = set_help },
};

static const struct option_table table = { .rows = rows,
	.nrows = ATTR_COUNT(rows) };

static int
say_fine(const char *path)
{
	struct obuf out = { .data = NULL };

	text_escape_put(&out, path, TEXT_WORDS);
	obuf_puts(&out, ": fine\n");
	return print_out(&out);
}

static int
check(const char *path)
{
	struct plan plan;
	int status;

	plan_init(&plan);
	status = conf_read_or_say(&plan, path);
	plan_done(&plan);
	return status == RUN_OK ? say_fine(path) : status;
}

int
cmd_check(int argc, char **argv)
{
	struct obuf out = { .data = NULL };
	struct err err = { "" };
	bool wants_help = false;
	int rc = option_parse(&table, &argc, argv, &wants_help, &err);

	if (wants_help) {
		obuf_puts(&out, help);
		return print_out(&out);
	}
	if (rc == 0 && argc == 2)
		return check(argv[1]);
	if (rc != 0)
		log_error("check: %s", err.text);
	else
		log_error("check: one CONFIG is needed, as in: teeline check "
			  "/etc/teeline/teeline.conf");
	return RUN_USAGE;
}
