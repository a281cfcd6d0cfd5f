#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "cli/cmd_read.h"
#include "cli/command.h"

static const char intro[] =
    "usage: teeline read [OPTION...] FILE... [-- FILTER...]\n"
    "\n"
    "Watch the TCP streams in capture files, record them.\n"
    "\n"
    "  FILE    pcap, pcapng or a netrecord log, also packed by gzip or zstd;\n"
    "          - is standard input.  Several are one capture, in this order\n"
    "  FILTER  which packets to look at, as in pcap-filter(7); all of them\n"
    "          if it is left out\n";

static const char outro[] =
    "\n"
    "  teeline read net.pcapng\n"
    "  teeline read -f summary mon.pcap tue.pcap.gz -- host 192.0.2.7\n"
    "  ssh gate tcpdump -U -w - tcp | teeline read -\n"
    "\n"
    "The manual: teeline(1).\n";

static int
take_operands(struct cmdline *c, char **argv, int n, struct err *err)
{
	int files = 0;

	while (files < n && strcmp(argv[files], "--") != 0)
		files++;
	if (files == 0)
		return err_set(err, -EINVAL,
		    "a FILE is needed, as in: teeline read net.pcapng");
	for (int i = 0; i < files; i++)
		if (plan_add_file(cmdline_source(c), argv[i]) != 0)
			return err_set(err, -ENOMEM, "out of memory");
	if (files == n)
		return 0;
	return command_filter(
	    cmdline_source(c), argv + files + 1, n - files - 1, err);
}

static const struct command command = {
	.input = PLAN_READ,
	.options = cmdline_read,
	.intro = intro,
	.outro = outro,
	.operands = take_operands,
};

int
cmd_read(int argc, char **argv)
{
	return command_main(&command, argc, argv);
}
