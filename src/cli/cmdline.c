#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cmdline.h"
#include "core/fanout.h"
#include "run/sinks.h"

int
cmdline_init(struct cmdline *c, enum plan_input input)
{
	*c = (struct cmdline){ .format = NULL };
	plan_init(&c->plan);
	return plan_add_source(&c->plan, input, NULL) != NULL ? 0 : -ENOMEM;
}

struct plan_source *
cmdline_source(struct cmdline *c)
{
	return &c->plan.sources[0];
}

void
cmdline_done(struct cmdline *c)
{
	plan_done(&c->plan);
}

int
cmdline_pair(
    struct cmdline *c, const char *listen, const char *target, struct err *err)
{
	struct endpoint client;
	struct endpoint server;
	int rc;

	rc = endpoint_parse(&client, ENDPOINT_LISTEN, listen, err);
	if (rc != 0) {
		err_prefix(err, "LISTEN ");
		return rc;
	}
	rc = endpoint_parse(&server, ENDPOINT_DIAL, target, err);
	if (rc != 0) {
		err_prefix(err, "TARGET ");
		endpoint_done(&client);
		return rc;
	}
	rc = plan_add_pair(cmdline_source(c), &client, &server);
	return rc != 0 ? err_set(err, rc, "out of memory") : 0;
}

int
cmdline_control(struct plan_control *pc, const char *text, struct err *err)
{
	struct endpoint e;
	char *copy;
	int rc = endpoint_parse(&e, ENDPOINT_LISTEN, text, err);

	if (rc != 0)
		return rc;
	if (e.how != ENDPOINT_LISTEN)
		rc = err_set(err, -EINVAL,
		    "\"%.64s\": the control plane waits for clients, it calls "
		    "nobody",
		    text);
	endpoint_done(&e);
	if (rc != 0)
		return rc;
	copy = strdup(text);
	if (copy == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	free(pc->listen);
	pc->listen = copy;
	return 0;
}

static bool
is_capture(const struct sink_spec *spec)
{
	return strcmp(spec->kind, "pcapng") == 0 ||
	       strcmp(spec->kind, "pcap") == 0;
}

/* Makes -f the first sink; the order is that of the sheet. */
static int
add_format(struct plan *p, const char *format, struct err *err)
{
	struct sink_spec spec;

	if (sink_spec_init(&spec, format, "-") != 0 ||
	    plan_add_sink(p, &spec) != 0)
		return err_set(err, -ENOMEM, "out of memory");
	spec = p->sinks[p->nsinks - 1];
	memmove(p->sinks + 1, p->sinks, (p->nsinks - 1) * sizeof(spec));
	p->sinks[0] = spec;
	return 0;
}

static int
check_stdout(const struct plan *p, bool terminal, struct err *err)
{
	const struct sink_spec *first = NULL;

	for (size_t i = 0; i < p->nsinks; i++) {
		const struct sink_spec *spec = &p->sinks[i];

		if (!sinks_is_stdout(spec))
			continue;
		if (first != NULL)
			return err_set(err, -EINVAL,
			    "%s and %s would both write to standard output: "
			    "give one of them a file, or say -f none",
			    first->kind, spec->kind);
		if (terminal && is_capture(spec))
			return err_set(err, -EINVAL,
			    "%s is nothing for a terminal: give it a file, or "
			    "redirect standard output",
			    spec->kind);
		first = spec;
	}
	return 0;
}

/* The files that -w writes; only these may replace others without asking. */
static bool
is_written(const struct sink_spec *spec)
{
	return is_capture(spec) && spec->overwrite;
}

static int
settle_rotation(struct cmdline *c, struct err *err)
{
	const struct sink_rotation *r = &c->rotation;
	bool rotates = r->bytes > 0 || r->span_ns > 0;
	bool any = false;

	if (!rotates && r->keep == 0)
		return 0;
	if (!rotates)
		return err_set(err, -EINVAL,
		    "-W says how many files of -C or -G are kept: give one of "
		    "these");
	for (size_t i = 0; i < c->plan.nsinks; i++) {
		struct sink_spec *spec = &c->plan.sinks[i];

		if (!is_written(spec))
			continue;
		if (sinks_is_stdout(spec))
			return err_set(err, -EINVAL,
			    "standard output cannot be divided into files: -w "
			    "FILE is needed with -C and -G");
		spec->rotation = *r;
		any = true;
	}
	return any ? 0
		   : err_set(err, -EINVAL,
			 "-C and -G divide what -w writes: -w FILE is needed");
}

/* tap -r FILE is read FILE, whose name and silences are those of read. */
static int
become_read(struct cmdline *c, struct err *err)
{
	struct plan_source *s = cmdline_source(c);
	char *name = strdup(plan_input_name(PLAN_READ));

	if (name == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	free(s->name);
	s->name = name;
	s->input = PLAN_READ;
	if (!c->has_idle)
		s->idle_timeout_ns = 0;
	return 0;
}

static int
settle_input(struct cmdline *c, struct err *err)
{
	const struct option_row *live = c->live_option;
	struct plan_source *s = cmdline_source(c);
	int rc = 0;

	if (s->input == PLAN_TAP && s->capture.nfiles > 0)
		rc = become_read(c, err);
	if (rc != 0 || s->input != PLAN_READ || live == NULL)
		return rc;
	return err_set(err, -EINVAL,
	    "--%s is about capturing, and -r reads a file: leave one of them "
	    "out",
	    live->name);
}

/*
 * The kernel deals packets out by their outer headers: the two halves of a
 * connection in a tunnel may come to two rings.
 */
int
cmdline_settle_decap(struct cmdline *c, const char *dashes, struct err *err)
{
	struct plan_source *s = cmdline_source(c);

	if (s->input != PLAN_TAP || s->workers <= 1)
		return 0;
	if (c->has_decap && s->capture.decap > 0)
		return err_set(err, -EINVAL,
		    "%sdecap needs one ring: several would get the halves of a "
		    "connection in a tunnel; leave out %sworkers",
		    dashes, dashes);
	s->capture.decap = 0;
	return 0;
}

void
cmdline_settle_log(struct plan *p)
{
	if (p->quiet)
		p->log.level = LOG_LEVEL_ERROR;
	else if (p->verbose == 1)
		p->log.level = LOG_LEVEL_INFO;
	else if (p->verbose > 1)
		p->log.level = LOG_LEVEL_DEBUG;
}

/* What is said about a control plane means nothing without one. */
static int
settle_control(const struct cmdline *c, struct err *err)
{
	const struct plan_control *pc = &c->plan.control;
	const char *other = pc->token_file != NULL ? "token-file"
			    : pc->no_token         ? "no-token"
			    : c->has_history       ? "history"
						   : NULL;

	if (pc->token_file != NULL && pc->no_token)
		return err_set(err, -EINVAL,
		    "--control-token-file and --control-no-token contradict "
		    "each other");
	if (other != NULL && pc->listen == NULL)
		return err_set(err, -EINVAL,
		    "--control-%s is about a control plane: --control LISTEN "
		    "is needed as well",
		    other);
	return 0;
}

int
cmdline_finish(struct cmdline *c, bool terminal, struct err *err)
{
	struct plan *p = &c->plan;
	const char *format = c->format != NULL ? c->format : "text";
	int rc = settle_input(c, err);

	if (rc == 0)
		rc = cmdline_settle_decap(c, "--", err);
	if (rc == 0)
		rc = settle_rotation(c, err);
	if (rc == 0)
		rc = settle_control(c, err);
	if (rc != 0)
		return rc;
	cmdline_settle_log(p);
	/* Whoever sends a record to standard output wants it alone there. */
	for (size_t i = 0; c->format == NULL && i < p->nsinks; i++)
		if (sinks_is_stdout(&p->sinks[i]))
			format = "none";
	if (strcmp(format, "none") != 0) {
		rc = add_format(p, format, err);
		if (rc != 0)
			return rc;
	}
	if (p->nsinks > FANOUT_MAX_SINKS)
		return err_set(err, -EINVAL,
		    "%zu sinks are wanted; %d are possible", p->nsinks,
		    FANOUT_MAX_SINKS);
	for (size_t i = 0; c->has_on_full && i < p->nsinks; i++) {
		if (p->sinks[i].has_on_full)
			continue;
		p->sinks[i].has_on_full = true;
		p->sinks[i].on_full = c->on_full;
	}
	return check_stdout(p, terminal, err);
}
