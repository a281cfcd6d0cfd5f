#include <inttypes.h>
#include <string.h>

#include "base/attr.h"
#include "base/obuf.h"
#include "control/backend.h"
#include "control/metrics.h"
#include "control/metrics_process.h"
#include "core/count.h"
#include "core/dir.h"
#include "http/http_reply.h"
#include "http/http_request.h"

#define TYPE "text/plain; version=0.0.4; charset=utf-8"

/* --- the text format --------------------------------------------------- */

void
metrics_family(
    struct obuf *o, const char *name, const char *type, const char *help)
{
	obuf_printf(o, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
value_put(struct obuf *o, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			obuf_putc(o, '\\');
		if (*text == '\n')
			obuf_puts(o, "\\n");
		else
			obuf_putc(o, *text);
	}
}

void
metrics_sample(struct obuf *o, const char *name,
    const struct metrics_label *labels, size_t n, uint64_t value)
{
	obuf_puts(o, name);
	for (size_t i = 0; i < n; i++) {
		obuf_printf(o, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
		value_put(o, labels[i].value);
		obuf_putc(o, '"');
	}
	obuf_printf(o, "%s %" PRIu64 "\n", n > 0 ? "}" : "", value);
}

static void
counter(struct obuf *o, const char *name, const char *help, uint64_t value)
{
	metrics_family(o, name, "counter", help);
	metrics_sample(o, name, NULL, 0, value);
}

static void
gauge(struct obuf *o, const char *name, const char *help, uint64_t value)
{
	metrics_family(o, name, "gauge", help);
	metrics_sample(o, name, NULL, 0, value);
}

/* --- the sheet --------------------------------------------------------- */

/* A member of a member of a member; a missing one is NULL, or 0. */
static const json_t *
at(const json_t *o, const char *a, const char *b)
{
	o = json_object_get(o, a);
	return b != NULL ? json_object_get(o, b) : o;
}

static uint64_t
number(const json_t *n)
{
	return (uint64_t)json_integer_value(n);
}

static const char *
text(const json_t *t)
{
	return json_is_string(t) ? json_string_value(t) : "";
}

static uint64_t
both(const json_t *sheet, const char *key)
{
	uint64_t sum = 0;

	for (int d = 0; d < DIR_NDIRS; d++)
		sum += number(json_object_get(
		    at(sheet, "bytes", dir_name((enum dir)d)), key));
	return sum;
}

static void
put_sessions(struct obuf *o, const json_t *sheet)
{
	json_t *ends =
	    json_object_get(json_object_get(sheet, "sessions"), "ends");
	const json_t *n;
	const char *how;

	gauge(o, "teeline_sessions_active", "Sessions that are open.",
	    number(at(sheet, "sessions", "open")));
	metrics_family(o, "teeline_sessions_total", "counter",
	    "Sessions that are over, by how they ended.");
	json_object_foreach(ends, how, n)
	{
		const struct metrics_label l = { "end", how };

		metrics_sample(o, "teeline_sessions_total", &l, 1, number(n));
	}
	counter(o, "teeline_sessions_opened_total", "Sessions that opened.",
	    number(at(sheet, "sessions", "total")));
}

static void
put_streams(struct obuf *o, const json_t *sheet)
{
	static const char name[] = "teeline_stream_bytes_total";
	const json_t *in;
	size_t i;

	metrics_family(o, name, "counter",
	    "Bytes of streams that were passed to outputs.");
	json_array_foreach(json_object_get(sheet, "inputs"), i, in)
	{
		for (int d = 0; d < DIR_NDIRS; d++) {
			const char *dir = dir_name((enum dir)d);
			const struct metrics_label l[] = {
				{ "input", text(at(in, "name", NULL)) },
				{ "direction", dir },
			};

			metrics_sample(o, name, l, ATTR_COUNT(l),
			    number(json_object_get(
				at(in, "bytes", dir), "delivered")));
		}
	}
	counter(o, "teeline_stream_gap_bytes_total",
	    "Bytes of streams that are missing from every record.",
	    both(sheet, "gap"));
	counter(o, "teeline_stream_undelivered_bytes_total",
	    "Bytes that a proxy read and could not deliver.",
	    both(sheet, "undelivered"));
	counter(o, "teeline_stream_overlap_conflicts_total",
	    "Ranges that were sent twice and differ.",
	    number(at(sheet, "conflicts", NULL)));
}

/* --- captures ---------------------------------------------------------- */

/* The interface that the input of this line of the sheet captures on. */
static const char *
iface_of(const json_t *inputs, const json_t *line)
{
	const char *name = text(at(line, "name", NULL));
	const json_t *in;
	size_t i;

	json_array_foreach(inputs, i, in)
	{
		const json_t *iface = at(in, "interface", NULL);

		if (strcmp(text(at(in, "name", NULL)), name) == 0 &&
		    json_is_string(iface))
			return json_string_value(iface);
	}
	return NULL;
}

/* The sum over all inputs that capture on @iface. */
static uint64_t
iface_sum(const struct metrics *m, const char *iface, const char *group,
    const char *key)
{
	const json_t *line;
	uint64_t sum = 0;
	size_t i;

	json_array_foreach(at(m->sheet, "inputs", NULL), i, line)
	{
		const char *name = iface_of(m->inputs, line);

		if (name != NULL && strcmp(name, iface) == 0)
			sum += number(at(line, group, key));
	}
	return sum;
}

/* Has an input before line @n the same interface? */
static bool
is_repeated(const struct metrics *m, const char *iface, size_t n)
{
	const json_t *lines = at(m->sheet, "inputs", NULL);

	for (size_t i = 0; i < n; i++) {
		const char *name =
		    iface_of(m->inputs, json_array_get(lines, i));

		if (name != NULL && strcmp(name, iface) == 0)
			return true;
	}
	return false;
}

/** struct drop - Who lost a packet, and where the sheet has it. */
struct drop {
	const char *reason;
	const char *key;
};

static void
put_iface(struct obuf *o, const struct metrics *m, const char *name,
    const char *iface)
{
	static const struct drop drops[] = {
		{ "kernel", "dropped" },
		{ "nic", "interface_dropped" },
	};
	struct metrics_label l[] = { { "iface", iface }, { "reason", NULL } };

	if (strcmp(name, "teeline_capture_packets_total") == 0) {
		metrics_sample(
		    o, name, l, 1, iface_sum(m, iface, "packets", "received"));
		return;
	}
	for (size_t i = 0; i < ATTR_COUNT(drops); i++) {
		l[1].value = drops[i].reason;
		metrics_sample(
		    o, name, l, 2, iface_sum(m, iface, "kernel", drops[i].key));
	}
}

static void
put_captures(struct obuf *o, const struct metrics *m)
{
	static const char *const families[][2] = {
		{ "teeline_capture_packets_total",
		    "Packets that an interface gave us." },
		{ "teeline_capture_dropped_packets_total",
		    "Packets that never came to us." },
	};
	const json_t *line;
	size_t i;

	for (size_t f = 0; f < ATTR_COUNT(families); f++) {
		metrics_family(o, families[f][0], "counter", families[f][1]);
		json_array_foreach(at(m->sheet, "inputs", NULL), i, line)
		{
			const char *iface = iface_of(m->inputs, line);

			if (iface != NULL && !is_repeated(m, iface, i))
				put_iface(o, m, families[f][0], iface);
		}
	}
}

/* --- outputs ----------------------------------------------------------- */

static void
put_output(
    struct obuf *o, const json_t *sheet, const char *name, const char *key)
{
	const json_t *sink;
	size_t i;

	json_array_foreach(json_object_get(sheet, "sinks"), i, sink)
	{
		const struct metrics_label l = { "output",
			text(at(sink, "name", NULL)) };

		metrics_sample(o, name, &l, 1, number(at(sink, key, NULL)));
	}
}

/* All reasons of all outputs, so that the first drop is an increase. */
static void
put_drops(struct obuf *o, const json_t *sheet, const char *name,
    const char *help, const char *key)
{
	const json_t *sink;
	size_t i;

	metrics_family(o, name, "counter", help);
	json_array_foreach(json_object_get(sheet, "sinks"), i, sink)
	{
		for (int r = 0; r < DROP_NREASONS; r++) {
			const char *why = count_drop_name((enum drop_reason)r);
			const struct metrics_label l[] = {
				{ "output", text(at(sink, "name", NULL)) },
				{ "reason", why },
			};

			metrics_sample(o, name, l, ATTR_COUNT(l),
			    number(json_object_get(
				at(sink, "dropped", why), key)));
		}
	}
}

static void
put_outputs(struct obuf *o, const json_t *sheet)
{
	static const struct {
		const char *name;
		const char *type;
		const char *help;
		const char *key;
	} rows[] = {
		{ "teeline_output_offered_bytes_total", "counter",
		    "Bytes that an output was given.", "offered" },
		{ "teeline_output_written_bytes_total", "counter",
		    "Bytes that an output has written.", "written" },
		{ "teeline_output_queue_bytes", "gauge",
		    "Bytes that wait in an output.", "queued" },
	};

	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		metrics_family(o, rows[i].name, rows[i].type, rows[i].help);
		put_output(o, sheet, rows[i].name, rows[i].key);
	}
	put_drops(o, sheet, "teeline_output_dropped_bytes_total",
	    "Bytes that an output did not write, by reason.", "bytes");
	put_drops(o, sheet, "teeline_output_dropped_records_total",
	    "Records of no bytes that an output did not write, by reason.",
	    "records");
}

/* --- the control plane ------------------------------------------------- */

static void
put_server(struct obuf *o, const struct http_server_count *c)
{
	static const char name[] = "teeline_control_responses_total";
	static const char *const classes[] = { "2xx", "3xx", "4xx", "5xx" };

	gauge(o, "teeline_control_clients", "Clients of the control plane.",
	    c->clients);
	gauge(o, "teeline_control_streams",
	    "Clients of the control plane that follow something.", c->streams);
	counter(o, "teeline_control_refused_connections_total",
	    "Clients that the control plane had no room for.", c->refused);
	metrics_family(o, name, "counter",
	    "Answers of the control plane, by class of status.");
	for (size_t i = 0; i < ATTR_COUNT(classes); i++) {
		const struct metrics_label l = { "class", classes[i] };

		metrics_sample(o, name, &l, 1, c->requests[i + 2]);
	}
}

static void
put_build(struct obuf *o)
{
	const struct metrics_label l = { "version", TEELINE_VERSION };

	metrics_family(o, "teeline_build_info", "gauge",
	    "What is running; the value is 1.");
	metrics_sample(o, "teeline_build_info", &l, 1, 1);
}

void
metrics_put(struct obuf *o, const struct metrics *m)
{
	put_build(o);
	put_sessions(o, m->sheet);
	put_streams(o, m->sheet);
	put_captures(o, m);
	put_outputs(o, m->sheet);
	put_server(o, &m->server);
	metrics_process_put(o, m->start_ns);
}

void
metrics_handle(struct http_request *rq)
{
	const struct backend *be = rq->backend;
	json_t *sheet = be->sheet(be->self);
	json_t *inputs = be->inputs(be->self);
	const struct metrics m = { sheet, inputs, be->start_ns,
		http_server_count(rq->server) };
	struct obuf body = { .data = NULL };

	if (sheet != NULL && inputs != NULL) {
		metrics_put(&body, &m);
		http_reply_body(rq, 200, TYPE, &body);
	} else {
		http_reply_problem(rq, 503, "out of memory");
	}
	json_decref(sheet);
	json_decref(inputs);
}
