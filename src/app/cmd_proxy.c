#include <errno.h>
#include <unistd.h>

#include "app/cmd_proxy.h"
#include "app/cmdline.h"
#include "app/print.h"
#include "app/run.h"
#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"

static const char intro[] =
    "usage: teeline proxy [OPTION...] LISTEN TARGET\n"
    "       teeline proxy [OPTION...] -L LISTEN=TARGET...\n"
    "\n"
    "Relay TCP streams from LISTEN to TARGET, watch them, record them.\n"
    "\n"
    "  LISTEN  PORT (loopback), ADDR:PORT, [V6]:PORT, *:PORT, unix:PATH or\n"
    "          dial:HOST:PORT; port 0: any free one\n"
    "  TARGET  HOST:PORT, [V6]:PORT, unix:PATH or listen:[ADDR:]PORT\n";

static const char outro[] =
    "\n"
    "  teeline proxy 8081 example.com:80\n"
    "  teeline proxy 2121 ftp.example.com:21 -f hex -o flows:talk -w t.pcapng\n"
    "\n"
    "The manual: teeline(1).\n";

static int
print_help(void)
{
	struct obuf out = { .data = NULL };

	obuf_puts(&out, intro);
	option_help(cmdline_proxy(), &out);
	obuf_puts(&out, outro);
	return print_out(&out);
}

static int
read_operands(struct cmdline *c, char **argv, int n, struct err *err)
{
	if (n == 0 && c->plan.proxy.npairs > 0)
		return 0;
	if (n == 2)
		return cmdline_pair(c, argv[1], argv[2], err);
	if (n > 2)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is one operand too many: LISTEN TARGET are "
		    "needed",
		    argv[3]);
	return err_set(err, -EINVAL,
	    "LISTEN and TARGET are needed, as in: teeline proxy 8081 "
	    "example.com:80");
}

static int
read_plan(struct cmdline *c, int argc, char **argv, struct err *err)
{
	int rc = option_parse(cmdline_proxy(), &argc, argv, c, err);

	if (rc == 0)
		rc = read_operands(c, argv, argc - 1, err);
	if (rc == 0)
		rc = cmdline_finish(c, isatty(STDOUT_FILENO) == 1, err);
	return rc;
}

static enum log_level
log_level(const struct plan *p)
{
	if (p->quiet)
		return LOG_LEVEL_ERROR;
	if (p->verbose == 0)
		return LOG_LEVEL_WARN;
	return p->verbose == 1 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
}

int
cmd_proxy(int argc, char **argv)
{
	struct cmdline c;
	struct err err = { "" };
	int status;
	int rc;

	cmdline_init(&c);
	rc = read_plan(&c, argc, argv, &err);
	if (c.help) {
		status = print_help();
	} else if (c.version) {
		status = print_version();
	} else if (rc != 0) {
		log_error("%s", err.text);
		status = rc == -ENOMEM ? RUN_FAIL : RUN_USAGE;
	} else {
		log_init("teeline", log_level(&c.plan));
		status = run_plan(&c.plan);
	}
	cmdline_done(&c);
	return status;
}
