#include <errno.h>

#include "base/err.h"
#include "cli/cmd_proxy.h"
#include "cli/command.h"

static const char intro[] =
    "usage: teeline proxy [OPTION...] LISTEN TARGET\n"
    "       teeline proxy [OPTION...] -L LISTEN=TARGET...\n"
    "\n"
    "Relay TCP streams from LISTEN to TARGET, watch them, record them.\n"
    "\n"
    "  LISTEN  PORT (loopback), ADDR:PORT, [V6]:PORT, *:PORT, unix:PATH,\n"
    "          dial:HOST:PORT or fd:NAME (of the service manager); port 0:\n"
    "          any free one\n"
    "  TARGET  HOST:PORT, [V6]:PORT, unix:PATH or listen:[ADDR:]PORT\n";

static const char outro[] =
    "\n"
    "  teeline proxy 8081 example.com:80\n"
    "  teeline proxy 2121 ftp.example.com:21 -f hex -o flows:talk -w t.pcapng\n"
    "\n"
    "The manual: teeline(1).\n";

static int
take_operands(struct cmdline *c, char **argv, int n, struct err *err)
{
	if (n == 0 && cmdline_source(c)->proxy.npairs > 0)
		return 0;
	if (n == 2)
		return cmdline_pair(c, argv[0], argv[1], err);
	if (n > 2)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is one operand too many: LISTEN TARGET are "
		    "needed",
		    argv[2]);
	return err_set(err, -EINVAL,
	    "LISTEN and TARGET are needed, as in: teeline proxy 8081 "
	    "example.com:80");
}

static const struct command command = {
	.input = PLAN_PROXY,
	.options = cmdline_proxy,
	.intro = intro,
	.outro = outro,
	.operands = take_operands,
};

int
cmd_proxy(int argc, char **argv)
{
	return command_main(&command, argc, argv);
}
