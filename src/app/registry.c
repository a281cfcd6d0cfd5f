#include "app/registry.h"
#include "app/cmd_list.h"
#include "app/completion.h"
#include "base/attr.h"
#include "cli/cmd_check.h"
#include "cli/cmd_proxy.h"
#include "cli/cmd_read.h"
#include "cli/cmd_run.h"
#include "cli/cmd_tap.h"
#include "cli/cmdline.h"
#include "personality/personality_gotcpspy.h"
#include "personality/personality_netrecord.h"
#include "personality/personality_stethoscope.h"
#include "personality/personality_tcpreen.h"
#include "personality/personality_teecp.h"
#include "personality/teecp_args.h"

static const struct registry_command commands[] = {
	{
	    .name = "proxy",
	    .help = "relay streams, watch and record them",
	    .options = cmdline_proxy,
	    .main = cmd_proxy,
	},
	{
	    .name = "tap",
	    .help = "watch streams that pass an interface, record them",
	    .options = cmdline_tap,
	    .main = cmd_tap,
	},
	{
	    .name = "read",
	    .help = "watch streams in capture files, record them",
	    .options = cmdline_read,
	    .files = true,
	    .main = cmd_read,
	},
	{
	    .name = "run",
	    .help = "run as a service, from a configuration",
	    .options = cmdline_run,
	    .files = true,
	    .main = cmd_run,
	},
	{
	    .name = "check",
	    .help = "say what is wrong with a configuration",
	    .files = true,
	    .main = cmd_check,
	},
	{
	    .name = "list",
	    .help = "show interfaces, formats, sinks or personalities",
	    .words = "interfaces formats sinks personalities",
	    .main = cmd_list,
	},
	{
	    .name = "completion",
	    .words = "bash zsh fish",
	    .main = completion_main,
	},
};

static const struct registry_command personalities[] = {
	{
	    .name = "gotcpspy",
	    .help = "three logs per connection, as hex and as they are",
	    .options = personality_gotcpspy_options,
	    .go = true,
	    .main = personality_gotcpspy,
	},
	{
	    .name = "netrecord",
	    .help = "a log with times per connection",
	    .main = personality_netrecord,
	},
	{
	    .name = "stethoscope",
	    .help = "streams of named ends to consumers, control by JSON",
	    .options = personality_stethoscope_options,
	    .go = true,
	    .main = personality_stethoscope,
	},
	{
	    .name = "tcpreen",
	    .help = "watch sessions on the console, log them",
	    .options = personality_tcpreen_options,
	    .main = personality_tcpreen,
	},
	{
	    .name = "teecp",
	    .help = "payloads of packets to another server, as they come",
	    .options = teecp_args_options,
	    .go = true,
	    .main = personality_teecp,
	},
};

const struct registry_command *
registry_commands(size_t *n)
{
	*n = ATTR_COUNT(commands);
	return commands;
}

const struct registry_command *
registry_personalities(size_t *n)
{
	*n = ATTR_COUNT(personalities);
	return personalities;
}
