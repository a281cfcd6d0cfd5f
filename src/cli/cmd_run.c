#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "cli/cmd_run.h"
#include "cli/cmdline.h"
#include "cli/conf.h"
#include "cli/optional.h"
#include "cli/print.h"
#include "run/run.h"

/*
 * The configuration is read first, and then the options once more, so that
 * what the command line says counts.  The same happens on SIGHUP, which is
 * why the words are kept.
 */

static const char intro[] =
    "usage: teeline run [OPTION...] CONFIG\n"
    "\n"
    "Run as a service, with any number of inputs and outputs.\n"
    "\n"
    "  CONFIG  what to hear and what becomes of it; \"teeline check\" says\n"
    "          what is wrong with it.  SIGHUP reads it again\n";

static const char outro[] = "\n"
			    "  teeline run /etc/teeline/teeline.conf\n"
			    "\n"
			    "What CONFIG may say: teeline.conf(5).  The "
			    "manual: teeline(1).\n";

/** struct words - The command line, of which parsing moves the words. */
struct words {
	int argc;
	char **argv;
};

static struct words kept;

/* Parses a copy of the words; @path is the operand, from @from itself. */
static int
parse(struct cmdline *c, const struct words *from, const char **path,
    struct err *err)
{
	int argc = from->argc;
	char **argv = calloc((size_t)argc + 1, sizeof(*argv));
	int rc;

	if (argv == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	memcpy(argv, from->argv, (size_t)argc * sizeof(*argv));
	rc = option_parse(cmdline_run(), &argc, argv, c, err);
	if (rc == 0 && argc != 2)
		rc = err_set(err, -EINVAL,
		    argc < 2
			? "CONFIG is needed, as in: teeline run "
			  "/etc/teeline/teeline.conf"
			: "one CONFIG is enough: it may have any number of "
			  "inputs");
	if (rc == 0)
		*path = argv[1];
	free(argv);
	return rc;
}

/* Options that were given replace what the configuration says. */
static int
override(struct plan *p)
{
	struct cmdline c = { .plan = *p };
	struct err err = { "" };
	bool quiet = p->quiet;
	const char *path;
	int rc;

	/* A dialect that knows no sheet is not -q: its log has a level. */
	c.plan.quiet = false;
	rc = parse(&c, &kept, &path, &err);
	*p = c.plan;
	if (rc != 0) {
		/* They were right before; only memory can be short now. */
		log_error("%s", err.text);
		return RUN_FAIL;
	}
	cmdline_settle_log(p);
	p->quiet = p->quiet || quiet;
	return RUN_OK;
}

/* SIGHUP; the run goes on with what it has when this fails. */
static int
reread(const struct plan *now, struct plan *fresh)
{
	int status = conf_read_or_log(fresh, now->config);

	if (status == RUN_OK)
		status = override(fresh);
	if (status == RUN_OK)
		optional_settle(fresh);
	return status == RUN_OK ? 0 : -EINVAL;
}

static int
run(const char *path)
{
	struct plan plan;
	int status;

	plan_init(&plan);
	status = conf_read_or_say(&plan, path);
	if (status == RUN_OK)
		status = override(&plan);
	if (status == RUN_OK) {
		plan.reread = reread;
		log_init("teeline", plan.log.level);
		log_set_stamps(plan.log.timestamps);
		optional_settle(&plan);
		status = run_plan(&plan);
	}
	plan_done(&plan);
	return status;
}

static int
print_help(void)
{
	struct obuf out = { .data = NULL };

	obuf_puts(&out, intro);
	option_help(cmdline_run(), &out);
	obuf_puts(&out, outro);
	return print_out(&out);
}

int
cmd_run(int argc, char **argv)
{
	struct cmdline c = { .format = NULL };
	struct err err = { "" };
	const char *path = NULL;
	int status;
	int rc;

	kept = (struct words){ argc, argv };
	plan_init(&c.plan);
	rc = parse(&c, &kept, &path, &err);
	cmdline_done(&c);
	if (c.help) {
		status = print_help();
	} else if (c.version) {
		status = print_version();
	} else if (rc != 0) {
		log_error("run: %s", err.text);
		status = rc == -ENOMEM ? RUN_FAIL : RUN_USAGE;
	} else {
		status = run(path);
	}
	return status;
}
