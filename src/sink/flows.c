#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/obuf.h"
#include "base/text.h"

#include "core/session.h"

#include "net/pipe.h"
#include "net/writer.h"

#include "sink/flows.h"
#include "sink/formats.h"
#include "sink/recorder.h"
#include "sink/recorder_ops.h"
#include "sink/template.h"

#define QUEUE_DEFAULT ((size_t)64 * 1024 * 1024)

#define NAME_TEMPLATE "{id}-{client}-{server}.{dir}"
#define GAPS_NAME     "gaps.jsonl"

/**
 * struct flows - The sink, as all workers share it; read-only in flight
 * @rec:	First: recorder_ops.h wants it there
 * @dir:	Folder; owned
 * @names:	What the files in it are called
 * @gaps:	gaps.jsonl
 */
struct flows {
	struct recorder rec;
	char *dir;
	struct template *names;
	struct writer_file *gaps;
	mode_t mode;
};

/**
 * struct flow - What is kept for a direction
 * @hole:	Bytes missing after what is in the file: it gets longer only
 *		if more bytes follow
 */
struct flow {
	struct writer_file *file;
	uint64_t hole;
};

/* --- events ------------------------------------------------------------ */

static struct writer_file *
new_file(
    const struct flows *fl, const char *name, const struct writer_file_opts *o)
{
	struct writer_file_opts opts = *o;
	size_t size = strlen(fl->dir) + strlen(name) + 2;
	char *path = malloc(size);
	struct writer_file *f;

	if (path == NULL)
		return NULL;
	(void)snprintf(path, size, "%s/%s", fl->dir, name);
	opts.path = path;
	opts.fd = -1;
	opts.mode = fl->mode;
	f = writer_file_new(&opts);
	free(path);
	return f;
}

static int
open_flow(const struct flows *fl, struct flow *flow, const struct session *s,
    enum dir dir)
{
	const struct writer_file_opts o = {
		.exists = WRITER_EXISTS_SUFFIX,
		.exact = true,
		/* Of what only passed by: no file without bytes. */
		.lazy = session_is_overheard(s),
	};
	char name[TEMPLATE_PATH_MAX];
	int rc = template_expand(fl->names, s, dir, name);

	if (rc != 0)
		return rc;
	flow->file = new_file(fl, name, &o);
	return flow->file == NULL ? -ENOMEM : 0;
}

static int
flows_open(struct sink_lane *lane, void *st, const struct session *s)
{
	const struct flows *fl = lane->sink->self;
	struct flow *flow = st;
	int rc = open_flow(fl, &flow[DIR_CLIENT], s, DIR_CLIENT);

	if (rc != 0)
		return rc;
	rc = open_flow(fl, &flow[DIR_SERVER], s, DIR_SERVER);
	if (rc != 0)
		writer_file_free(flow[DIR_CLIENT].file);
	return rc;
}

static struct writer_port *
port_of(const struct sink_lane *lane)
{
	const struct recorder_lane *l = lane->self;

	return l->port;
}

static void
leave_hole(struct writer_port *port, struct flow *flow)
{
	if (flow->hole == 0)
		return;
	writer_hole(port, flow->file, flow->hole);
	flow->hole = 0;
}

static void
flows_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct flow *flow = (struct flow *)st + c->dir;

	(void)s;
	leave_hole(port_of(lane), flow);
	writer_put(port_of(lane), flow->file, c->data, c->len, c->len);
}

static void
flows_take(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c, void *pipe)
{
	struct flow *flow = (struct flow *)st + c->dir;

	(void)s;
	leave_hole(port_of(lane), flow);
	writer_splice(port_of(lane), flow->file, pipe, c->len);
}

static void
flows_discard(struct sink_lane *lane, void *pipe)
{
	(void)lane;
	pipe_return(pipe);
}

/* A line of gaps.jsonl: the event, and in which file it is a hole. */
static void
tell_gap(struct sink_lane *lane, const struct session *s, const struct gap *g)
{
	static const struct format_opts look;
	const struct flows *fl = lane->sink->self;
	char name[TEMPLATE_PATH_MAX];
	struct obuf *out;

	/* It fitted when the session was opened. */
	if (template_expand(fl->names, s, g->dir, name) != 0)
		return;
	out = writer_begin(port_of(lane));
	format_jsonl.gap(&look, NULL, s, g, out);
	if (!out->failed)
		out->len -= strlen("}\n");
	obuf_puts(out, ",\"file\":");
	text_json_put(out, name);
	obuf_puts(out, "}\n");
	writer_end(port_of(lane), fl->gaps, 0);
}

static void
flows_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	struct flow *flow = (struct flow *)st + g->dir;

	flow->hole += g->len;
	tell_gap(lane, s, g);
}

static void
flows_abort(struct sink_lane *lane, void *st, const struct session *s)
{
	struct flow *flow = st;

	(void)s;
	writer_close(port_of(lane), flow[DIR_CLIENT].file);
	writer_close(port_of(lane), flow[DIR_SERVER].file);
}

static void
flows_close(struct sink_lane *lane, void *st, const struct session *s)
{
	struct flow *flow = st;

	if (s->reason != HOW_REFUSED) {
		flows_abort(lane, st, s);
		return;
	}
	/* No byte came, so the writer has not heard of them. */
	writer_file_free(flow[DIR_CLIENT].file);
	writer_file_free(flow[DIR_SERVER].file);
}

/* --- life -------------------------------------------------------------- */

static void
flows_free(struct sink *sink)
{
	struct flows *fl = sink == NULL ? NULL : sink->self;

	if (fl == NULL)
		return;
	recorder_done(&fl->rec);
	writer_file_free(fl->gaps);
	template_free(fl->names);
	free(fl->dir);
	free(fl);
	sink->self = NULL;
}

static const struct sink_ops flows_ops = {
	.kind = "flows",
	.need = NEED_FILE,
	.session_size = sizeof(struct flow[DIR_NDIRS]),
	.lane_new = recorder_ops_lane_new,
	.lane_free = recorder_ops_lane_free,
	.drain = recorder_ops_drain,
	.reopen = recorder_ops_reopen,
	.free = flows_free,
	.open = flows_open,
	.data = flows_data,
	.take = flows_take,
	.discard = flows_discard,
	.gap = flows_gap,
	.close = flows_close,
	.abort = flows_abort,
	.turn = recorder_ops_turn,
	.full = recorder_ops_full,
};

static int
open_folder(struct flows *fl, const char *dir, struct err *err)
{
	static const struct writer_file_opts o = {
		.exists = WRITER_EXISTS_APPEND,
		.lazy = true,
	};

	fl->names = template_new(NAME_TEMPLATE, err);
	if (fl->names == NULL)
		return -ENOMEM;
	fl->dir = strdup(dir);
	if (fl->dir != NULL)
		fl->gaps = new_file(fl, GAPS_NAME, &o);
	if (fl->gaps == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	return 0;
}

static int
flows_check(
    const struct sink_spec *spec, const struct sink_env *env, struct err *err)
{
	(void)env;
	if (spec->arg[0] == '\0')
		return err_set(err, -EINVAL, "%s: which DIR?", spec->kind);
	return 0;
}

static int
flows_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	int rc = flows_check(spec, env, err);
	struct flows *fl;

	if (rc != 0)
		return rc;
	fl = calloc(1, sizeof(*fl));
	if (fl == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	sink->self = fl;
	fl->mode = spec->mode != 0 ? (mode_t)spec->mode : 0600;
	rc = open_folder(fl, spec->arg, err);
	if (rc == 0)
		rc = recorder_init(&fl->rec, sink, env, err);
	if (rc != 0) {
		flows_free(sink);
		return rc;
	}
	sink->ops = &flows_ops;
	return 0;
}

const struct sink_kind flows_kind = {
	.name = "flows",
	.arg = "DIR",
	.help = "the exact bytes of each direction in a file of its own",
	.queue = QUEUE_DEFAULT,
	.make = flows_make,
	.check = flows_check,
};
