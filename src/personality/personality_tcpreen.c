#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "cli/print.h"
#include "config/plan.h"
#include "personality/personality.h"
#include "personality/personality_tcpreen.h"
#include "personality/tcpreen_args.h"
#include "run/run.h"

/*
 * From the command line (personality/tcpreen_args.h) to a plan, and what
 * tcpreen says while it runs.
 */

/* Misspelt by the original; scripts may look for it. */
#define HINT "Try \"tcpreeen -h | more\" for more information.\n"

const struct option_table *
personality_tcpreen_options(void)
{
	return tcpreen_args_options();
}

/* --- what it says ------------------------------------------------------ */

static int
print_usage(void)
{
	const struct option_table *t = personality_tcpreen_options();
	struct obuf out = { .data = NULL };

	obuf_puts(&out,
	    "Usage: tcpreen [OPTION]... SERVER_PORT [LOCAL_PORT]\n"
	    "Establishes a bridge between two TCP ports then monitors TCP "
	    "sessions.\n\n");
	for (size_t i = 0; i < t->nrows; i++)
		if (t->rows[i].help != NULL)
			obuf_printf(&out, "  -%c, --%-8s %s\n",
			    t->rows[i].letter, t->rows[i].name,
			    t->rows[i].help);
	obuf_puts(&out,
	    "\n"
	    "List of available protocols: local tcp tcp6\n"
	    "List of available log formats: C hex count null raw password "
	    "strip\n\n"
	    "The manual: tcpreen(1).\n");
	return print_out(&out);
}

static int
print_tcpreen_version(void)
{
	struct obuf out = { .data = NULL };

	obuf_puts(&out,
	    "TCP re-engineering tool 1.4.4, spoken by teeline " TEELINE_VERSION
	    "\n"
	    "This is free software under the MIT license.\n"
	    "There is NO warranty, to the extent permitted by law.\n");
	return print_out(&out);
}

/* "Listening on: ADDR port PORT", by names unless -n was given. */
static void
put_listening(struct obuf *out, const struct plan *p, const struct addr *a)
{
	char host[NI_MAXHOST], service[NI_MAXSERV], text[ADDR_TEXT_MAX];
	struct sockaddr_storage ss;
	socklen_t len;

	obuf_puts(out, "Listening on: ");
	if (a->family == AF_UNIX) {
		obuf_puts(out, " port ");
		obuf_puts(out, a->path);
	} else if (p->names && addr_to_sockaddr(a, &ss, &len) == 0 &&
		   getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host),
		       service, sizeof(service), 0) == 0) {
		obuf_printf(out, "%.200s port %.100s", host, service);
	} else {
		obuf_puts(out, addr_format_ip(a, text));
		obuf_printf(out, " port %u", a->port);
	}
	obuf_putc(out, '\0');
}

static void
say_listening(const struct plan *p, const struct addr *listening, size_t n,
    void (*say)(const char *line))
{
	struct obuf line = { .data = NULL };

	for (size_t i = 0; i < n; i++) {
		obuf_clear(&line);
		put_listening(&line, p, &listening[i]);
		if (!line.failed)
			say((const char *)line.data);
	}
	obuf_done(&line);
}

static void
say_on_stderr(const char *line)
{
	log_print("%s", line);
}

static void
say_on_syslog(const char *line)
{
	syslog(LOG_NOTICE, "%s", line);
}

static void
on_ready(const struct plan *p, const struct addr *listening, size_t n)
{
	say_listening(p, listening, n, say_on_stderr);
}

static void
on_stopping(const struct plan *p, int number)
{
	(void)p;
	log_print("Caught signal: %s", strsignal(number));
}

/* What the program itself has to say goes the same way from here on. */
static void
log_to_syslog(void *self, enum log_level level, const char *line)
{
	static const int priority[LOG_NLEVELS] = {
		[LOG_LEVEL_ERROR] = LOG_ERR,
		[LOG_LEVEL_WARN] = LOG_WARNING,
		[LOG_LEVEL_INFO] = LOG_INFO,
		[LOG_LEVEL_DEBUG] = LOG_DEBUG,
	};

	(void)self;
	syslog(priority[level], "%s", line);
}

static void
on_daemon_ready(const struct plan *p, const struct addr *listening, size_t n)
{
	bool *started = p->self;

	openlog("tcpreen", LOG_PID, LOG_DAEMON);
	log_set_writer(log_to_syslog, NULL);
	syslog(LOG_NOTICE, "starting");
	*started = true;
	say_listening(p, listening, n, say_on_syslog);
}

static void
on_daemon_stopping(const struct plan *p, int number)
{
	(void)p;
	syslog(LOG_NOTICE, "Caught signal: %s", strsignal(number));
}

/* --- the plan ---------------------------------------------------------- */

/* "port N" or "HOST port N", as error lines begin. */
static void
label(char *buf, size_t size, const char *host, const char *port)
{
	(void)snprintf(buf, size, "%s%sport %s", host != NULL ? host : "",
	    host != NULL ? " " : "", port);
}

static const char *
loopback(enum endpoint_family family)
{
	return family == ENDPOINT_TCP6 ? "::1" : "127.0.0.1";
}

/*
 * One side from its options: the address, the port (a path with UNIX
 * sockets), and who calls.
 */
static int
make_end(struct personality_end *e, const char *host, const char *port,
    struct err *err)
{
	char name[ADDR_TEXT_MAX];

	if (e->family == ENDPOINT_UNIX) {
		e->host = port;
		return 0;
	}
	if (host != NULL)
		e->host = host;
	else
		e->host = e->how == ENDPOINT_LISTEN ? "*" : loopback(e->family);
	if (endpoint_parse_port(port, &e->port) == 0)
		return 0;
	label(name, sizeof(name), host, port);
	return err_set(
	    err, -EINVAL, "%s: Servname not supported for ai_socktype", name);
}

static int
add_ends(struct plan *p, const struct tcpreen_args *a, struct err *err)
{
	struct personality_end client = {
		.how = a->connect ? ENDPOINT_DIAL : ENDPOINT_LISTEN,
		.family = a->family[DIR_CLIENT],
	};
	struct personality_end server = {
		.how = a->listen ? ENDPOINT_LISTEN : ENDPOINT_DIAL,
		.family = a->family[DIR_SERVER],
	};
	char name[ADDR_TEXT_MAX];
	int rc;

	rc = make_end(&server, a->server, a->server_port, err);
	if (rc == 0)
		rc = make_end(&client, a->address, a->local_port, err);
	if (rc != 0)
		return rc;
	label(name, sizeof(name), a->server, a->server_port);
	rc = personality_add_pair(p, &client, &server, name);
	return rc == 0 ? 0 : err_set(err, rc, "out of memory");
}

/* Recording comes first: what is read waits for it, as in the original. */
static int
add_log(struct plan *p, const struct tcpreen_log *log)
{
	const struct personality_sink sink = {
		.kind = log->format->kind,
		.arg = log->path,
		.overwrite = true,
		.on_full = ON_FULL_PAUSE,
	};

	return personality_add_sink(p, &sink);
}

/*
 * What goes to standard output is one sink, however many outputs there are:
 * they tell each event one after the other.
 */
static int
add_to_stdout(struct sink_spec *spec, const struct tcpreen_log *log)
{
	const char *before = sink_spec_get(spec, "with");
	struct obuf with = { .data = NULL };
	int rc = -ENOMEM;

	if (before != NULL)
		obuf_printf(&with, "%s,", before);
	obuf_puts(&with, log->format->kind);
	obuf_putc(&with, '\0');
	if (!with.failed)
		rc = sink_spec_set(spec, "with", (const char *)with.data);
	obuf_done(&with);
	return rc;
}

static int
add_logs(struct plan *p, const struct tcpreen_args *a)
{
	size_t out = SIZE_MAX;
	int rc = 0;

	for (size_t i = 0; i < a->nlogs && rc == 0; i++) {
		bool to_stdout = strcmp(a->logs[i].path, "-") == 0;

		if (to_stdout && out != SIZE_MAX) {
			rc = add_to_stdout(&p->sinks[out], &a->logs[i]);
			continue;
		}
		if (to_stdout)
			out = p->nsinks;
		rc = add_log(p, &a->logs[i]);
	}
	return rc;
}

static int
add_notes(struct plan *p, const char *kind, const char *arg, const char *level)
{
	const struct personality_sink sink = {
		.kind = kind,
		.arg = arg,
		.on_full = ON_FULL_DROP,
	};
	int rc = personality_add_sink(p, &sink);

	if (rc == 0 && level != NULL)
		rc = sink_spec_set(&p->sinks[p->nsinks - 1], "level", level);
	return rc;
}

static int
add_outputs(struct plan *p, const struct tcpreen_args *a)
{
	int rc = add_logs(p, a);

	if (rc != 0)
		return rc;
	if (a->daemon) {
		rc = add_notes(p, "syslog", "tcpreen-peers", "info");
		if (rc == 0)
			rc = add_notes(p, "syslog", "tcpreen-errors", "err");
		return rc;
	}
	return a->level > 0 ? add_notes(p, "tcpreen-errors", "&2", NULL) : 0;
}

static int
make_plan(struct plan *p, const struct tcpreen_args *a, struct err *err)
{
	int rc = add_ends(p, a, err);

	if (rc != 0)
		return rc;
	if (add_outputs(p, a) != 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (a->user != NULL) {
		p->user = strdup(a->user);
		if (p->user == NULL)
			return err_set(err, -ENOMEM, "out of memory");
	}
	p->names = !a->numeric;
	p->daemon = a->daemon;
	p->sources[0].max_bytes = a->max_bytes;
	p->sources[0].max_sessions = a->max_sessions;
	p->sources[0].max_concurrent = a->max_concurrent;
	if (a->daemon) {
		p->ready = on_daemon_ready;
		p->stopping = on_daemon_stopping;
	} else if (a->level > 0) {
		p->ready = on_ready;
		p->stopping = on_stopping;
	}
	return 0;
}

static int
relay(const struct tcpreen_args *a)
{
	struct err err = { "" };
	struct plan p;
	bool started = false;
	int status = RUN_FAIL;

	if (personality_relays(&p, &err) == 0 && make_plan(&p, a, &err) == 0) {
		p.self = &started;
		status = run_plan(&p);
	} else {
		log_print("%s", err.text);
	}
	/* Sinks have threads of their own that talk to syslog: not before. */
	if (started)
		syslog(LOG_NOTICE, "stopping");
	plan_done(&p);
	return status == RUN_USAGE ? RUN_FAIL : status;
}

int
personality_tcpreen(int argc, char **argv)
{
	struct tcpreen_args a;
	struct err err = { "" };
	int status = RUN_FAIL;

	switch (tcpreen_args_read(&a, argc, argv, &err)) {
	case TCPREEN_ARGS_RUN:
		status = relay(&a);
		break;
	case TCPREEN_ARGS_HELP:
		status = print_usage();
		break;
	case TCPREEN_ARGS_VERSION:
		status = print_tcpreen_version();
		break;
	case TCPREEN_ARGS_WRONG:
		if (err.text[0] != '\0')
			log_print("%s.", err.text);
		(void)fputs(HINT, stderr);
		break;
	}
	tcpreen_args_done(&a);
	return status;
}
