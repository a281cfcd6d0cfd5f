#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "cli/command.h"
#include "cli/interfaces.h"
#include "cli/print.h"
#include "run/run.h"

static int
print_help(const struct command *cmd)
{
	struct obuf out = { .data = NULL };

	obuf_puts(&out, cmd->intro);
	option_help(cmd->options(), &out);
	obuf_puts(&out, cmd->outro);
	return print_out(&out);
}

static int
read_plan(const struct command *cmd, struct cmdline *c, int argc, char **argv,
    struct err *err)
{
	int rc = option_parse(cmd->options(), &argc, argv, c, err);

	if (rc == 0)
		rc = cmd->operands(c, argv + 1, argc - 1, err);
	if (rc == 0)
		rc = cmdline_finish(c, isatty(STDOUT_FILENO) == 1, err);
	return rc;
}

int
command_main(const struct command *cmd, int argc, char **argv)
{
	struct cmdline c;
	struct err err = { "" };
	int status;
	int rc;

	if (cmdline_init(&c, cmd->input) != 0)
		rc = err_set(&err, -ENOMEM, "out of memory");
	else
		rc = read_plan(cmd, &c, argc, argv, &err);
	if (c.help) {
		status = print_help(cmd);
	} else if (c.version) {
		status = print_version();
	} else if (c.interfaces) {
		status = interfaces_print();
	} else if (rc != 0) {
		log_error("%s", err.text);
		status = rc == -ENOMEM ? RUN_FAIL : RUN_USAGE;
	} else {
		log_init("teeline", c.plan.log.level);
		status = run_plan(&c.plan);
	}
	cmdline_done(&c);
	return status;
}

int
command_filter(struct plan_source *s, char **words, int n, struct err *err)
{
	struct plan_capture *pc = &s->capture;
	struct obuf text = { .data = NULL };

	if (n == 0)
		return 0;
	for (int i = 0; i < n; i++)
		obuf_printf(&text, "%s%s", i > 0 ? " " : "", words[i]);
	obuf_putc(&text, '\0');
	free(pc->filter);
	pc->filter = text.failed ? NULL : strdup((char *)text.data);
	obuf_done(&text);
	if (pc->filter == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	return 0;
}
