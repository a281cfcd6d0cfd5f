#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/obuf.h"
#include "base/quantity.h"
#include "config/plan.h"
#include "config/stethoscope.h"

/* As the original's files are made, less the umask. */
#define FILE_MODE 0666U

/* What a packet takes in rings and queues: a full one of Ethernet. */
#define PACKET_ROOM 2048

/* A time of nothing cannot be asked for; this is as good. */
#define SHORTEST_NS CLOCK_NS_PER_MS

/* The bytes as text on the heap, @out is empty; NULL without memory. */
static char *
take_text(struct obuf *out)
{
	char *text = NULL;

	obuf_putc(out, '\0');
	if (!out->failed)
		text = strdup((const char *)out->data);
	obuf_done(out);
	return text;
}

static int
set_text(struct sink_spec *spec, const char *key, struct obuf *out)
{
	char *text = take_text(out);
	int rc = text == NULL ? -ENOMEM : sink_spec_set(spec, key, text);

	free(text);
	return rc;
}

static int
set_time(struct sink_spec *spec, const char *key, uint64_t ns)
{
	char text[QUANTITY_TEXT_MAX];

	return sink_spec_set(
	    spec, key, quantity_format(QUANTITY_TIME, ns, text));
}

/* --- input --------------------------------------------------------------- */

static int
add_input(const struct stethoscope *s, struct plan *p)
{
	struct plan_source *src = plan_add_source(p, PLAN_TAP, NULL);
	struct obuf filter = { .data = NULL };

	if (src == NULL)
		return -ENOMEM;
	src->idle_timeout_ns = s->capture.idle_ns;
	src->workers = (unsigned)s->runtime.workers;
	/* Several rings would get the halves of a tunnelled connection. */
	if (src->workers > 1)
		src->capture.decap = 0;
	if (s->capture.ring > 0)
		src->capture.buffer = (size_t)s->capture.ring;
	else if (s->runtime.queue > 0)
		src->capture.buffer = (size_t)s->runtime.queue * PACKET_ROOM;
	src->capture.iface = strdup(s->capture.iface);
	if (src->capture.iface == NULL ||
	    stethoscope_filter(s, &filter, NULL) != 0) {
		obuf_done(&filter);
		return -ENOMEM;
	}
	src->capture.filter = take_text(&filter);
	return src->capture.filter != NULL ? 0 : -ENOMEM;
}

/* --- which end is which -------------------------------------------------- */

static char *
local_text(const struct stethoscope *s)
{
	struct obuf out = { .data = NULL };

	for (size_t i = 0; i < s->capture.local.n; i++)
		obuf_printf(
		    &out, "%s%s", i > 0 ? " " : "", s->capture.local.v[i]);
	return take_text(&out);
}

static int
set_locals(const struct stethoscope *s, struct sink_spec *spec)
{
	struct obuf port = { .data = NULL };
	char *text = local_text(s);
	int rc = text == NULL ? -ENOMEM : sink_spec_set(spec, "local", text);

	free(text);
	if (rc != 0 || s->capture.remote_port == 0)
		return rc;
	obuf_printf(&port, "%" PRIu64, s->capture.remote_port);
	return set_text(spec, "remote-port", &port);
}

/* --- consumers ----------------------------------------------------------- */

/* In the order of the streams: requests, responses. */
static int
set_startup(const struct stethoscope *s, struct sink_spec *spec)
{
	const struct stethoscope_capture *c = &s->capture;
	uint64_t c2s = c->has_c2s ? c->c2s : c->buffer;
	uint64_t s2c = c->has_s2c ? c->s2c : c->buffer;
	bool swap = s->role == STETHOSCOPE_SERVER;
	struct obuf out = { .data = NULL };

	obuf_printf(
	    &out, "%" PRIu64 "/%" PRIu64, swap ? s2c : c2s, swap ? c2s : s2c);
	return set_text(spec, "startup", &out);
}

/* How long what is left may take when a session is over. */
static uint64_t
linger_ns(const struct stethoscope *s)
{
	uint64_t ns = s->runtime.grace_ns + s->runtime.linger_ns;

	if (s->runtime.drain_ns > ns)
		ns = s->runtime.drain_ns;
	return ns > SHORTEST_NS ? ns : SHORTEST_NS;
}

/* What both kinds of output have in common; takes @spec over. */
static int
add_consumers(const struct stethoscope *s, struct plan *p,
    struct sink_spec *spec, bool header)
{
	bool server = s->role == STETHOSCOPE_SERVER;
	int rc = sink_spec_set(spec, "role", server ? "server" : "client");

	spec->queue = (size_t)s->runtime.output_buffer;
	spec->has_on_full = true;
	spec->on_full = ON_FULL_DROP;
	if (rc == 0)
		rc = set_locals(s, spec);
	if (rc == 0)
		rc = set_startup(s, spec);
	if (rc == 0 && s->capture.keep != 0)
		rc = sink_spec_set(spec, "keep", "tail");
	if (rc == 0 && header)
		rc = sink_spec_set(spec, "header", "line");
	if (rc == 0)
		rc = set_time(spec, "linger", linger_ns(s));
	if (rc == 0)
		rc = plan_add_sink(p, spec);
	if (rc != 0)
		sink_spec_done(spec);
	return rc;
}

static int
start_spec(struct sink_spec *spec, const char *kind, struct obuf *arg)
{
	char *text = take_text(arg);
	int rc = text == NULL ? -ENOMEM : sink_spec_init(spec, kind, text);

	free(text);
	return rc;
}

static void
put_host(struct obuf *out, const char *host)
{
	bool bare = strchr(host, ':') != NULL && host[0] != '[';

	obuf_printf(out, bare ? "[%s]:" : "%s:", host);
}

static int
add_connector(const struct stethoscope *s, struct plan *p)
{
	const struct stethoscope_connector *c = &s->connector;
	struct obuf arg = { .data = NULL };
	struct sink_spec spec;
	int rc;

	if (!c->enabled)
		return 0;
	put_host(&arg, c->host);
	obuf_printf(
	    &arg, "%" PRIu64 "/%" PRIu64, c->requests_port, c->responses_port);
	rc = start_spec(&spec, "connect", &arg);
	if (rc != 0)
		return rc;
	rc = set_time(&spec, "connect-timeout", c->connect_ns);
	if (rc == 0)
		rc = set_time(&spec, "retry", c->retry_ns);
	if (rc == 0)
		return add_consumers(s, p, &spec, c->header);
	sink_spec_done(&spec);
	return rc;
}

static int
add_listener(const struct stethoscope *s, struct plan *p)
{
	const struct stethoscope_listener *l = &s->listener;
	struct obuf arg = { .data = NULL }, first = { .data = NULL };
	struct sink_spec spec;
	int rc;

	if (!l->enabled)
		return 0;
	put_host(&arg, l->bind_ip);
	obuf_printf(&arg, "%" PRIu64 "-%" PRIu64, l->first, l->last);
	rc = start_spec(&spec, "listen", &arg);
	if (rc != 0)
		return rc;
	if (l->first_requests != 0) {
		obuf_printf(&first, "%" PRIu64 "/%" PRIu64, l->first_requests,
		    l->first_responses);
		rc = set_text(&spec, "first", &first);
	}
	if (rc == 0)
		return add_consumers(s, p, &spec, l->header);
	sink_spec_done(&spec);
	return rc;
}

/* --- packets ------------------------------------------------------------- */

/* A folder in a template; braces in it are no fields. */
static void
put_folder(struct obuf *out, const char *dir)
{
	for (const char *c = dir; *c != '\0'; c++) {
		if (*c == '{' || *c == '}')
			obuf_putc(out, *c);
		obuf_putc(out, *c);
	}
	if (out->len > 0 && out->data[out->len - 1] != '/')
		obuf_putc(out, '/');
}

static bool
rotates(const struct stethoscope *s)
{
	return s->pcap.rotate_bytes != 0 || s->pcap.rotate_ns != 0;
}

/* @tail: "" for none; files that rotate are numbered instead. */
static void
put_name(struct obuf *out, const struct stethoscope *s, const char *tail)
{
	put_folder(out, s->pcap.dir);
	obuf_printf(out, "%s__{start_ms}%s%s.%s",
	    s->pcap.per_session
		? "{local_ip}_{local_port}__{remote_ip}_{remote_port}"
		: "capture",
	    tail[0] != '\0' ? "__" : "", tail,
	    s->pcap.format == 0 ? "pcapng" : "pcap");
}

static int
set_names(const struct stethoscope *s, struct sink_spec *spec)
{
	struct obuf closed = { .data = NULL }, word = { .data = NULL };
	int rc;

	spec->rotation = (struct sink_rotation){
		.bytes = s->pcap.rotate_bytes,
		.span_ns = s->pcap.rotate_ns,
		.keep = (unsigned)s->pcap.rotate_keep,
	};
	if (rotates(s))
		return 0;
	put_name(&closed, s, "{end_ms}__{reason}");
	rc = set_text(spec, "closed", &closed);
	obuf_printf(&word, "idle_timeout_%gs",
	    (double)s->capture.idle_ns / (double)CLOCK_NS_PER_S);
	if (rc == 0)
		rc = set_text(spec, "timeout-word", &word);
	obuf_done(&word);
	return rc == 0 ? set_locals(s, spec) : rc;
}

static int
add_pcap(const struct stethoscope *s, struct plan *p)
{
	struct obuf arg = { .data = NULL };
	struct sink_spec spec;
	int rc;

	if (!s->pcap.enabled || s->pcap.dir == NULL || s->pcap.dir[0] == '\0')
		return 0;
	put_name(&arg, s, rotates(s) ? "" : "open");
	rc = start_spec(&spec, s->pcap.format == 0 ? "pcapng" : "pcap", &arg);
	if (rc != 0)
		return rc;
	spec.queue = (size_t)s->pcap.queue * PACKET_ROOM;
	spec.has_on_full = true;
	spec.on_full = ON_FULL_DROP;
	spec.mode = FILE_MODE;
	spec.optional = true;
	rc = set_names(s, &spec);
	if (rc == 0)
		rc = plan_add_sink(p, &spec);
	if (rc != 0)
		sink_spec_done(&spec);
	return rc;
}

/* --- control, log -------------------------------------------------------- */

static int
copy_text(char **to, const char *from)
{
	if (from == NULL)
		return 0;
	*to = strdup(from);
	return *to != NULL ? 0 : -ENOMEM;
}

static int
set_lines(const struct stethoscope *s, struct plan *p)
{
	const struct stethoscope_logging *log = &s->logging;

	p->lines = (struct plan_lines){
		.port = (uint16_t)s->control.port,
		.cats = s->control.cats,
		.remote_port = (uint16_t)s->capture.remote_port,
		.is_server = s->role == STETHOSCOPE_SERVER,
		.idle_ns = s->capture.idle_ns,
		.stall_ns = s->listener.stall_ns,
		.stats_ns =
		    log->has_report ? log->report_ns : s->runtime.stats_ns,
		.local = local_text(s),
	};
	if (p->lines.local == NULL ||
	    copy_text(&p->lines.host, s->control.bind_ip) != 0)
		return -ENOMEM;
	return copy_text(&p->lines.token, s->control.token);
}

int
stethoscope_plan(const struct stethoscope *s, struct plan *p)
{
	int rc = add_input(s, p);

	if (rc == 0)
		rc = add_connector(s, p);
	if (rc == 0)
		rc = add_listener(s, p);
	if (rc == 0)
		rc = add_pcap(s, p);
	if (rc == 0)
		rc = set_lines(s, p);
	if (rc != 0)
		return rc;
	p->quiet = true;
	if (s->runtime.drain_ns > 0)
		p->drain_ns = s->runtime.drain_ns;
	rc = copy_text(&p->user, s->runtime.user);
	if (rc != 0)
		return rc;
	p->log.level = (enum log_level)s->logging.console;
	p->log.file_level = (enum log_level)s->logging.file;
	return s->logging.to_file ? copy_text(&p->log.file, s->logging.path)
				  : 0;
}
