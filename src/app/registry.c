#include <assert.h>
#include <string.h>

#include "app/cmd_check.h"
#include "app/cmd_list.h"
#include "app/cmd_proxy.h"
#include "app/cmd_read.h"
#include "app/cmd_run.h"
#include "app/cmd_tap.h"
#include "app/cmdline.h"
#include "app/completion.h"
#include "app/personality_gotcpspy.h"
#include "app/personality_netrecord.h"
#include "app/personality_stethoscope.h"
#include "app/personality_tcpreen.h"
#include "app/personality_teecp.h"
#include "app/registry.h"
#include "app/teecp_args.h"
#include "base/attr.h"
#include "sink/capture.h"
#include "sink/connect.h"
#include "sink/flows.h"
#include "sink/formats.h"
#include "sink/gotcpspy.h"
#include "sink/listen.h"
#include "sink/netrecord.h"
#include "sink/null.h"
#include "sink/payload.h"
#include "sink/pcapng_listen.h"
#include "sink/stream.h"
#include "sink/syslog.h"
#include "sink/tee.h"

static const struct sink_kind *const kinds[] = {
	&flows_kind,
	&gotcpspy_kind,
	&netrecord_kind,
	&capture_pcapng_kind,
	&capture_pcap_kind,
	&tee_kind,
	&connect_kind,
	&listen_kind,
	&pcapng_listen_kind,
	&payload_kind,
	&syslog_kind,
	&null_kind,
};

/* Room for the kinds that are formats; checked when they are made. */
#define MAX_FORMATS 64

/* Recordings may fall this far behind the traffic. */
#define FILE_QUEUE ((size_t)64 << 20)

static struct sink_kind format_kinds[MAX_FORMATS];
static const struct sink_kind *all[MAX_FORMATS + ATTR_COUNT(kinds)];
static size_t nall;

/* Every format is a sink of its name, made by the stream sink. */
static void
fill_in(void)
{
	const struct format *f;

	for (; (f = formats_at(nall)) != NULL; nall++) {
		assert(nall < MAX_FORMATS);
		format_kinds[nall] = (struct sink_kind){
			.name = f->name,
			.arg = "FILE",
			.help = f->help,
			.keys = stream_keys,
			.queue = FILE_QUEUE,
			.make = stream_make,
		};
		all[nall] = &format_kinds[nall];
	}
	for (size_t i = 0; i < ATTR_COUNT(kinds); i++)
		all[nall++] = kinds[i];
}

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

const struct sink_kind *const *
registry_sinks(size_t *n)
{
	/* The first call is made before there are threads. */
	if (nall == 0)
		fill_in();
	*n = nall;
	return all;
}

const struct sink_kind *
registry_find_sink(const char *name)
{
	const struct sink_kind *const *k;
	size_t n;

	k = registry_sinks(&n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(k[i]->name, name) == 0)
			return k[i];
	return NULL;
}
