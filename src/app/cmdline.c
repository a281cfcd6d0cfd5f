#include <errno.h>
#include <string.h>

#include "app/cmdline.h"
#include "app/registry.h"
#include "base/err.h"
#include "core/fanout.h"

void
cmdline_init(struct cmdline *c)
{
	*c = (struct cmdline){ .format = NULL };
	plan_init(&c->plan);
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
	rc = plan_add_pair(&c->plan, &client, &server);
	return rc != 0 ? err_set(err, rc, "out of memory") : 0;
}

static bool
writes_stdout(const struct sink_spec *spec)
{
	const struct sink_kind *kind = registry_find_sink(spec->kind);

	return kind != NULL && kind->arg != NULL &&
	       strcmp(kind->arg, "FILE") == 0 && strcmp(spec->arg, "-") == 0;
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

		if (!writes_stdout(spec))
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

int
cmdline_finish(struct cmdline *c, bool terminal, struct err *err)
{
	struct plan *p = &c->plan;
	const char *format = c->format != NULL ? c->format : "text";
	int rc;

	/* Whoever sends a record to standard output wants it alone there. */
	for (size_t i = 0; c->format == NULL && i < p->nsinks; i++)
		if (writes_stdout(&p->sinks[i]))
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
