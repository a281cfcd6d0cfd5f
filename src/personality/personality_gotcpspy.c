#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "cli/print.h"
#include "config/plan.h"
#include "personality/personality.h"
#include "personality/personality_gotcpspy.h"
#include "run/run.h"

/**
 * struct gotcpspy - Its command line
 *
 * The texts point into argv; NULL: not given.
 */
struct gotcpspy {
	const char *host;
	const char *port;
	const char *listen_port;
};

static int
set_host(void *self, const struct option_value *v, struct err *err)
{
	struct gotcpspy *g = self;

	(void)err;
	g->host = v->text;
	return 0;
}

static int
set_port(void *self, const struct option_value *v, struct err *err)
{
	struct gotcpspy *g = self;

	(void)err;
	g->port = v->text;
	return 0;
}

static int
set_listen_port(void *self, const struct option_value *v, struct err *err)
{
	struct gotcpspy *g = self;

	(void)err;
	g->listen_port = v->text;
	return 0;
}

/* In the order of the alphabet, as Go prints them. */
static const struct option_row rows[] = {
	{
	    .name = "host",
	    .arg = "string",
	    .type = OPTION_TEXT,
	    .help = "target host or address",
	    .set = set_host,
	},
	{
	    .name = "listen_port",
	    .arg = "string",
	    .type = OPTION_TEXT,
	    .dflt = "0",
	    .help = "listen port",
	    .set = set_listen_port,
	},
	{
	    .name = "port",
	    .arg = "string",
	    .type = OPTION_TEXT,
	    .dflt = "0",
	    .help = "target port",
	    .set = set_port,
	},
	{ .name = "h", .type = OPTION_FLAG, .set = personality_help },
	{ .name = "help", .type = OPTION_FLAG, .set = personality_help },
};

static const struct option_table table = {
	.rows = rows,
	.nrows = ATTR_COUNT(rows),
};

const struct option_table *
personality_gotcpspy_options(void)
{
	return &table;
}

/* "listen_post" is how the original spells it. */
static int
usage(void)
{
	struct obuf out = { .data = NULL };

	obuf_puts(&out, "usage: gotcpspy -host target_host -port target_port "
			"-listen_post=local_port\n");
	(void)print_out(&out); /* it ends with a failure in any case */
	personality_defaults(&table);
	return RUN_FAIL;
}

static void
on_ready(const struct plan *p, const struct addr *listening, size_t n)
{
	struct obuf out = { .data = NULL };

	if (n == 0)
		return;
	obuf_printf(
	    &out, "Start listening on port %" PRIu16, listening[0].port);
	obuf_puts(&out, " and forwarding data to ");
	obuf_puts(&out, p->sources[0].proxy.pairs[0].label);
	obuf_putc(&out, '\n');
	(void)print_out(&out); /* it has told the user */
}

/* As Go's net.JoinHostPort(). */
static void
join(char *buf, size_t size, const struct gotcpspy *g)
{
	bool v6 = strchr(g->host, ':') != NULL;

	(void)snprintf(buf, size, "%s%s%s:%s", v6 ? "[" : "", g->host,
	    v6 ? "]" : "", g->port);
}

static int
make_plan(struct plan *p, const struct gotcpspy *g, struct err *err)
{
	struct personality_end client = { .how = ENDPOINT_LISTEN, .host = "*" };
	struct personality_end server = {
		.how = ENDPOINT_DIAL,
		.host = g->host,
	};
	const struct personality_sink logs = {
		.kind = "gotcpspy",
		.arg = ".",
		.on_full = ON_FULL_PAUSE,
	};
	const struct personality_sink errors = {
		.kind = "gotcpspy-errors",
		.arg = "-",
		.on_full = ON_FULL_DROP,
	};
	char label[ADDR_TEXT_MAX];
	int rc;

	if (endpoint_parse_port(g->listen_port, &client.port) != 0)
		return err_set(err, -EINVAL,
		    "-listen_port \"%.64s\" is neither a number up to 65535 "
		    "nor a service",
		    g->listen_port);
	if (endpoint_parse_port(g->port, &server.port) != 0 || server.port == 0)
		return err_set(err, -EINVAL,
		    "-port \"%.64s\" is neither a number from 1 to 65535 nor a "
		    "service",
		    g->port);
	join(label, sizeof(label), g);
	rc = personality_add_pair(p, &client, &server, label);
	if (rc == 0)
		rc = personality_add_sink(p, &logs);
	if (rc == 0)
		rc = personality_add_sink(p, &errors);
	p->ready = on_ready;
	return rc == 0 ? 0 : err_set(err, rc, "out of memory");
}

int
personality_gotcpspy(int argc, char **argv)
{
	struct gotcpspy g = { .host = NULL };
	struct err err = { "" };
	struct plan p;
	int status = RUN_FAIL;

	if (!personality_flags(&table, &argc, argv, &g, &status))
		return status;
	if (g.host == NULL || g.port == NULL || g.listen_port == NULL)
		return usage();
	if (personality_relays(&p, &err) == 0 && make_plan(&p, &g, &err) == 0)
		status = run_plan(&p);
	else
		log_error("%s", err.text);
	plan_done(&p);
	return status == RUN_USAGE ? RUN_FAIL : status;
}
