#include <string.h>

#include <jansson.h>

#include "base/addr.h"
#include "base/endpoint.h"
#include "config/plan.h"
#include "core/fanout.h"
#include "core/sink.h"
#include "run/input.h"
#include "run/manage.h"
#include "run/manage_json.h"
#include "run/outputs.h"
#include "run/sheet.h"
#include "run/sinks.h"
#include "run/sources.h"

/* Listeners of one input that are shown. */
#define MAX_ADDRS 64

/* As much as json_integer() holds: no queue is longer. */
static json_t *
json_of(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

/* A list of texts; an entry that lacks for want of memory makes it NULL. */
static void
add_text(json_t **list, const char *text)
{
	if (json_array_append_new(*list, json_string(text)) == 0)
		return;
	json_decref(*list);
	*list = NULL;
}

/* --- inputs ------------------------------------------------------------ */

static json_t *
listening_json(const struct input *in)
{
	struct addr addrs[MAX_ADDRS];
	size_t n = sources_addrs(in->source, in->plan, addrs, MAX_ADDRS);
	json_t *list = json_array();
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		add_text(&list, addr_format(&addrs[i], text));
	return list;
}

static json_t *
targets_json(const struct plan_source *s)
{
	json_t *list = json_array();
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < s->proxy.npairs; i++) {
		const struct plan_pair *pair = &s->proxy.pairs[i];

		add_text(&list, pair->label != NULL
				    ? pair->label
				    : endpoint_format(&pair->server, text));
	}
	return list;
}

static json_t *
files_json(const struct plan_source *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->capture.nfiles; i++)
		add_text(&list, s->capture.files[i]);
	return list;
}

static const char *
state_name(enum input_state state)
{
	static const char *const names[] = {
		[INPUT_NEW] = "starting",
		[INPUT_HEARS] = "running",
		[INPUT_STOPS] = "stopping",
		[INPUT_OVER] = "over",
	};

	return names[state];
}

static json_t *
input_json(const struct input *in)
{
	const struct plan_source *s = in->plan;

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:s?, s:s?, s:o}",
	    "name", s->name, "kind", plan_input_name(s->input), "state",
	    state_name(in->state), "workers", json_of(in->nworkers),
	    "listening", listening_json(in), "targets", targets_json(s),
	    "interface", sources_iface(in->source, s), "filter",
	    s->capture.filter, "files", files_json(s));
}

json_t *
manage_json_inputs(const struct manage_run *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->ninputs; i++) {
		if (json_array_append_new(list, input_json(&r->inputs[i])) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

/* --- outputs ----------------------------------------------------------- */

/* The names of the inputs that it hears. */
static json_t *
heard_json(const struct manage_run *r, const struct sink *sink)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->ninputs; i++) {
		const struct input *in = &r->inputs[i];

		if (in->nworkers > 0 &&
		    fanout_lane_of(in->fans[0], sink) != NULL)
			add_text(&list, in->plan->name);
	}
	return list;
}

static const char *
output_state(const struct manage_run *r, size_t i)
{
	static const char *const names[] = {
		[OUTPUTS_HERE] = "running",
		[OUTPUTS_LEAVING] = "leaving",
		[OUTPUTS_STUCK] = "stuck",
	};

	return names[outputs_state(r->outputs, i)];
}

/* The line of the sheet about the sink of this name; borrowed. */
static json_t *
find_line(const json_t *lines, const char *name)
{
	json_t *line;
	size_t i;

	json_array_foreach(lines, i,
	    line) if (strcmp(json_string_value(json_object_get(line, "name")),
			  name) == 0) return line;
	return NULL;
}

static json_t *
output_json(const struct manage_run *r, size_t i, const json_t *lines)
{
	const struct sink *sink = r->sinks->v[i];
	json_t *o = json_pack("{s:s, s:s, s:s?, s:s, s:s, s:o, s:o}", "name",
	    sink->name, "kind", sink->ops->kind, "text", r->sinks->made[i].text,
	    "state", output_state(r, i), "on_full",
	    sink_on_full_name(sink->on_full), "queue", json_of(sink->queue),
	    "inputs", heard_json(r, sink));

	if (o != NULL &&
	    json_object_update_missing(o, find_line(lines, sink->name)) == 0)
		return o;
	json_decref(o);
	return NULL;
}

json_t *
manage_json_outputs(const struct manage_run *r)
{
	json_t *list = json_array(), *sheet;
	struct sheet sh;
	int rc = 0;

	if (r->take_sheet(r->self, &sh) != 0) {
		json_decref(list);
		return NULL;
	}
	sheet = sheet_json(&sh);
	for (size_t i = 0; rc == 0 && i < r->sinks->n; i++)
		rc = json_array_append_new(
		    list, output_json(r, i, json_object_get(sheet, "sinks")));
	json_decref(sheet);
	sheet_done(&sh);
	if (rc == 0)
		return list;
	json_decref(list);
	return NULL;
}
