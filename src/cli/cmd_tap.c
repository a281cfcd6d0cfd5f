#include "cli/cmd_tap.h"
#include "cli/command.h"

static const char intro[] =
    "usage: teeline tap [OPTION...] [FILTER...]\n"
    "       teeline tap -r FILE [OPTION...] [FILTER...]\n"
    "       teeline tap -D\n"
    "\n"
    "Watch the TCP streams that pass an interface, record them.\n"
    "\n"
    "  FILTER  which packets to look at, as in pcap-filter(7); all of them\n"
    "          if it is left out\n";

static const char outro[] =
    "\n"
    "  teeline tap port 80\n"
    "  teeline tap -i eth0 -f none -w net.pcapng -o flows:talk host 192.0.2.7\n"
    "\n"
    "The manual: teeline(1).\n";

static int
take_operands(struct cmdline *c, char **argv, int n, struct err *err)
{
	return command_filter(cmdline_source(c), argv, n, err);
}

static const struct command command = {
	.input = PLAN_TAP,
	.options = cmdline_tap,
	.intro = intro,
	.outro = outro,
	.operands = take_operands,
};

int
cmd_tap(int argc, char **argv)
{
	return command_main(&command, argc, argv);
}
