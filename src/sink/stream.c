#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/obuf.h"

#include "core/session.h"

#include "net/writer.h"

#include "sink/chorus.h"
#include "sink/format.h"
#include "sink/formats.h"
#include "sink/keys.h"
#include "sink/recorder.h"
#include "sink/recorder_ops.h"
#include "sink/stream.h"
#include "sink/template.h"

/*
 * How it works.  What goes into one file is a view of a session: usually
 * there is one, with {dir} one per direction.  Each event becomes one record
 * of its view's file.
 *
 * A format may ask to be called again after some silence (a partial line is
 * to be shown).  Events carry no monotonic time, but the turn that follows
 * them does: so a view that asks is put on the list @fresh of its lane, gets
 * its time at the end of the turn and moves to @waiting, which stays sorted
 * since every session of a format asks for the same silence.
 */

/**
 * struct stream - The sink, as all workers share it; read-only in flight
 * @rec:	First: recorder_ops.h wants it there
 * @ops:	Of this sink: need and state depend on the format
 * @chorus:	Owned; @format is its; NULL: a single format
 * @look:	What the format may use
 * @names:	What the files are called; NULL when there is one for all
 * @shared:	That one
 * @append:	It goes on where it ends
 * @mode:	Of new files
 * @only:	The session that is shown; 0: all
 * @nviews:	Of a session
 * @view_size:	A view with the format's state behind it
 */
struct stream {
	struct recorder rec;
	struct sink_ops ops;
	const struct format *format;
	struct chorus *chorus;
	struct format_opts look;
	struct template *names;
	struct writer_file *shared;
	bool append;
	mode_t mode;
	uint64_t only;
	size_t nviews;
	size_t view_size;
};

/**
 * struct stream_lane - The sink, as one worker sees it
 * @fresh:	Views that asked for idle() in this turn
 * @waiting:	Views that wait for it, the next one first
 */
struct stream_lane {
	struct recorder_lane rec;
	struct list fresh;
	struct list waiting;
};

/**
 * struct view - A session, or a direction of it, in its file
 * @node:	On @fresh, @waiting, or on neither
 * @silence_ns:	What the format asked for
 * @due_ns:	When that is over; valid on @waiting
 */
struct view {
	struct list node;
	const struct session *s;
	struct writer_file *file;
	uint64_t silence_ns;
	uint64_t due_ns;
};

static size_t
round_up(size_t n)
{
	size_t align = alignof(max_align_t);

	return (n + align - 1) / align * align;
}

static struct view *
view_at(const struct stream *str, void *st, size_t i)
{
	return (struct view *)(void *)((char *)st + i * str->view_size);
}

static struct view *
view_of(const struct stream *str, void *st, enum dir dir)
{
	return view_at(str, st, str->nviews == 1 ? 0 : (size_t)dir);
}

/* The format's own state. */
static void *
state_of(struct view *v)
{
	return (char *)v + round_up(sizeof(*v));
}

/* --- events ------------------------------------------------------------ */

static int
open_file(const struct stream *str, struct view *v, const struct session *s,
    enum dir dir)
{
	char path[TEMPLATE_PATH_MAX];
	int rc;

	v->file = str->shared;
	if (v->file != NULL)
		return 0;
	rc = template_expand(str->names, s, dir, path);
	if (rc != 0)
		return rc;
	/*
	 * Never over a file that is there, whatever was asked for: it may be
	 * one that an earlier session of this run has made.
	 */
	v->file = writer_file_new(&(struct writer_file_opts){
	    .path = path,
	    .fd = -1,
	    .exists = WRITER_EXISTS_SUFFIX,
	    .mode = str->mode,
	});
	return v->file == NULL ? -ENOMEM : 0;
}

static int
open_files(const struct stream *str, void *st, const struct session *s)
{
	for (size_t i = 0; i < str->nviews; i++) {
		struct view *v = view_at(str, st, i);
		int rc = open_file(str, v, s, (enum dir)i);

		if (rc != 0) {
			if (i > 0)
				writer_file_free(view_at(str, st, 0)->file);
			return rc;
		}
		list_init(&v->node);
		v->s = s;
	}
	return 0;
}

static int
stream_open(struct sink_lane *lane, void *st, const struct session *s)
{
	const struct stream *str = lane->sink->self;
	struct stream_lane *l = lane->self;
	int rc;

	if (str->only != 0 && s->id != str->only)
		return -ECANCELED;
	rc = open_files(str, st, s);
	if (rc != 0 || str->format->open == NULL)
		return rc;
	for (size_t i = 0; i < str->nviews; i++) {
		struct view *v = view_at(str, st, i);

		str->format->open(
		    &str->look, state_of(v), s, writer_begin(l->rec.port));
		writer_end(l->rec.port, v->file, 0);
	}
	return 0;
}

static void
stream_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	const struct stream *str = lane->sink->self;
	struct stream_lane *l = lane->self;
	struct view *v = view_of(str, st, c->dir);
	struct obuf *out = writer_begin(l->rec.port);

	v->silence_ns = str->format->data(&str->look, state_of(v), s, c, out);
	/* What needs no bytes has been counted as written by the fan-out. */
	writer_end(l->rec.port, v->file,
	    str->format->need == NEED_NOTHING ? 0 : c->len);
	list_remove(&v->node);
	if (v->silence_ns != 0)
		list_append(&l->fresh, &v->node);
}

static void
stream_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	const struct stream *str = lane->sink->self;
	struct stream_lane *l = lane->self;
	struct view *v = view_of(str, st, g->dir);

	str->format->gap(
	    &str->look, state_of(v), s, g, writer_begin(l->rec.port));
	writer_end(l->rec.port, v->file, 0);
}

static void
stream_conflict(struct sink_lane *lane, void *st, const struct session *s,
    const struct conflict *c)
{
	const struct stream *str = lane->sink->self;
	struct stream_lane *l = lane->self;
	struct view *v = view_of(str, st, c->dir);

	str->format->conflict(
	    &str->look, state_of(v), s, c, writer_begin(l->rec.port));
	writer_end(l->rec.port, v->file, 0);
}

static void
stream_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	const struct stream *str = lane->sink->self;
	struct stream_lane *l = lane->self;
	struct view *v = view_of(str, st, e->dir);

	str->format->end(
	    &str->look, state_of(v), s, e, writer_begin(l->rec.port));
	writer_end(l->rec.port, v->file, 0);
}

/* The last of a view; what its format says to that is written, or not. */
static void
close_view(const struct stream *str, struct writer_port *port, struct view *v,
    const struct session *s, bool say)
{
	struct obuf *out;
	size_t mark;

	list_remove(&v->node);
	if (str->format->close != NULL) {
		out = writer_begin(port);
		mark = out->len;
		str->format->close(&str->look, state_of(v), s, out);
		if (!say)
			out->len = mark;
		writer_end(port, v->file, 0);
	}
	if (v->file != str->shared)
		writer_close(port, v->file);
}

static void
stream_close(struct sink_lane *lane, void *st, const struct session *s)
{
	const struct stream *str = lane->sink->self;
	struct stream_lane *l = lane->self;

	for (size_t i = 0; i < str->nviews; i++)
		close_view(str, l->rec.port, view_at(str, st, i), s, true);
}

static void
stream_abort(struct sink_lane *lane, void *st, const struct session *s)
{
	const struct stream *str = lane->sink->self;
	struct stream_lane *l = lane->self;

	/* The session goes on: its format only lets go of its memory. */
	for (size_t i = 0; i < str->nviews; i++)
		close_view(str, l->rec.port, view_at(str, st, i), s, false);
}

/* --- the end of a turn ------------------------------------------------- */

static void
start_waiting(struct stream_lane *l, uint64_t mono_ns)
{
	struct list *node;

	while ((node = list_shift(&l->fresh)) != NULL) {
		struct view *v = LIST_ENTRY(node, struct view, node);

		v->due_ns = mono_ns + v->silence_ns;
		list_append(&l->waiting, node);
	}
}

/* Call idle() for all whose time has come; returns when the next one's has. */
static uint64_t
end_waiting(const struct stream *str, struct stream_lane *l, uint64_t mono_ns)
{
	while (!list_is_empty(&l->waiting)) {
		struct view *v = LIST_ENTRY(l->waiting.next, struct view, node);

		if (v->due_ns > mono_ns)
			return v->due_ns;
		list_remove(&v->node);
		str->format->idle(
		    &str->look, state_of(v), v->s, writer_begin(l->rec.port));
		writer_end(l->rec.port, v->file, 0);
	}
	return CLOCK_NEVER;
}

static uint64_t
stream_turn(struct sink_lane *lane, uint64_t mono_ns)
{
	struct stream_lane *l = lane->self;
	uint64_t idle_ns, flush_ns;

	start_waiting(l, mono_ns);
	idle_ns = end_waiting(lane->sink->self, l, mono_ns);
	flush_ns = recorder_turn(&l->rec, mono_ns);
	return idle_ns < flush_ns ? idle_ns : flush_ns;
}

/* --- life -------------------------------------------------------------- */

static int
stream_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	struct stream_lane *l;

	l = recorder_ops_lane_make(lane, w, sizeof(*l), err);
	if (l == NULL)
		return -ENOMEM;
	list_init(&l->fresh);
	list_init(&l->waiting);
	return 0;
}

static void
stream_free(struct sink *sink)
{
	struct stream *str = sink == NULL ? NULL : sink->self;

	if (str == NULL)
		return;
	recorder_done(&str->rec);
	writer_file_free(str->shared);
	template_free(str->names);
	chorus_free(str->chorus);
	free(str);
	sink->self = NULL;
}

static const struct sink_ops base_ops = {
	.lane_new = stream_lane_new,
	.lane_free = recorder_ops_lane_free,
	.drain = recorder_ops_drain,
	.reopen = recorder_ops_reopen,
	.free = stream_free,
	.open = stream_open,
	.close = stream_close,
	.abort = stream_abort,
	.turn = stream_turn,
	.full = recorder_ops_full,
};

/* What the format does not look at never comes here. */
static void
set_ops(struct stream *str)
{
	const struct format *f = str->format;

	str->view_size = round_up(sizeof(struct view)) + f->session_size;
	str->view_size = round_up(str->view_size);
	str->ops = base_ops;
	str->ops.kind = f->name;
	str->ops.need = f->need;
	str->ops.session_size = str->nviews * str->view_size;
	str->ops.data = f->data != NULL ? stream_data : NULL;
	str->ops.gap = f->gap != NULL ? stream_gap : NULL;
	str->ops.conflict = f->conflict != NULL ? stream_conflict : NULL;
	str->ops.end = f->end != NULL ? stream_end : NULL;
}

/* --- making ------------------------------------------------------------ */

const struct sink_key stream_keys[] = {
	{ "append", "yes|no", "go on at the end of a file that exists" },
	{ NULL, NULL, NULL },
};

/* Descriptor that @arg stands for; -1: it is a file. */
static int
console_of(const char *arg)
{
	if (strcmp(arg, "-") == 0)
		return STDOUT_FILENO;
	return strcmp(arg, "&2") == 0 ? STDERR_FILENO : -1;
}

static int
open_console(struct stream *str, struct sink *sink, const struct sink_env *env,
    const struct sink_spec *spec, int fd)
{
	if (!spec->has_on_full)
		sink->on_full = strcmp(env->source, "read") == 0 ? ON_FULL_PAUSE
								 : ON_FULL_DROP;
	if (fd == STDOUT_FILENO) {
		str->look.utf8 = env->utf8;
		str->look.color = env->color;
	}
	str->look.ascii = !str->look.utf8 && isatty(fd) == 1;
	str->only = env->only;
	str->shared = writer_file_new(&(struct writer_file_opts){ .fd = fd });
	return str->shared == NULL ? -ENOMEM : 0;
}

/* Only the one file of all sessions can go on; @can: that is what is wanted. */
static int
read_append(
    const struct sink_spec *spec, bool can, bool *append, struct err *err)
{
	int rc = keys_flag(spec, "append", append, err);

	if (rc == 0 && *append && !can)
		rc = err_set(err, -EINVAL,
		    "append=yes is for one file of all sessions, not for "
		    "%.128s",
		    spec->arg);
	return rc;
}

static enum writer_exists
what_if_it_exists(const struct sink_spec *spec, bool append, bool overwrite)
{
	/* What this run has written already is not lost. */
	if (spec->past == SINK_PAST_OTHER)
		return WRITER_EXISTS_SUFFIX;
	if (append || spec->past == SINK_PAST_SAME)
		return WRITER_EXISTS_APPEND;
	return overwrite ? WRITER_EXISTS_OVERWRITE : WRITER_EXISTS_REFUSE;
}

/* The one file of all sessions, opened now so that its user sees a failure. */
static int
open_shared(struct stream *str, const char *path, enum writer_exists exists,
    struct err *err)
{
	str->shared = writer_file_new(&(struct writer_file_opts){
	    .path = path,
	    .fd = -1,
	    .exists = exists,
	    .mode = str->mode,
	});
	if (str->shared == NULL)
		return err_set(err, -ENOMEM, "no memory for %s", path);
	return writer_file_open(str->shared, err);
}

/* Where the one file of all sessions is. */
static int
expand_shared(
    const struct stream *str, char path[TEMPLATE_PATH_MAX], struct err *err)
{
	if (template_expand(str->names, NULL, DIR_CLIENT, path) != 0)
		return err_set(err, -EINVAL, "the path is too long");
	return 0;
}

static int
open_named(struct stream *str, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	bool overwrite = spec->overwrite || env->overwrite;
	char path[TEMPLATE_PATH_MAX];
	int rc;

	if (template_has_fields(str->names)) {
		str->nviews = template_has_dir(str->names) ? DIR_NDIRS : 1;
		return 0;
	}
	rc = expand_shared(str, path, err);
	template_free(str->names);
	str->names = NULL;
	if (rc != 0)
		return rc;
	return open_shared(
	    str, path, what_if_it_exists(spec, str->append, overwrite), err);
}

static int
open_target(struct stream *str, struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	int fd = console_of(spec->arg);

	if (fd < 0)
		return open_named(str, spec, env, err);
	if (open_console(str, sink, env, spec, fd) != 0)
		return err_set(err, -ENOMEM, "no memory for a sink");
	return 0;
}

/* The format that the kind names, alone or with others. */
static int
find_format(struct stream *str, const struct sink_spec *spec, struct err *err)
{
	const char *with = sink_spec_get(spec, "with");

	str->format = formats_find(spec->kind);
	assert(str->format != NULL);
	if (with == NULL)
		return 0;
	str->chorus = chorus_new(spec->kind, with, err);
	if (str->chorus == NULL)
		return -EINVAL;
	str->format = &str->chorus->format;
	str->look.chorus = str->chorus;
	return 0;
}

static int
read_target(struct stream *str, const struct sink_spec *spec, struct err *err)
{
	char path[TEMPLATE_PATH_MAX];
	bool own;
	int rc;

	if (spec->arg[0] == '\0')
		return err_set(err, -EINVAL,
		    "%s: which FILE? - is standard output", spec->kind);
	if (console_of(spec->arg) >= 0)
		return read_append(spec, false, &str->append, err);
	str->names = template_new(spec->arg, err);
	if (str->names == NULL)
		return -EINVAL;
	own = template_has_fields(str->names);
	rc = read_append(spec, !own, &str->append, err);
	return rc != 0 || own ? rc : expand_shared(str, path, err);
}

int
stream_check(
    const struct sink_spec *spec, const struct sink_env *env, struct err *err)
{
	struct stream str = { .names = NULL };
	int rc = find_format(&str, spec, err);

	(void)env;
	if (rc == 0)
		rc = read_target(&str, spec, err);
	template_free(str.names);
	chorus_free(str.chorus);
	return rc;
}

int
stream_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	struct stream *str = calloc(1, sizeof(*str));
	int rc;

	if (str == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	str->mode = spec->mode != 0 ? (mode_t)spec->mode : 0600;
	str->look.start_ns = env->start_ns;
	str->look.inputs = env->inputs;
	str->nviews = 1;
	sink->self = str;
	rc = find_format(str, spec, err);
	if (rc == 0)
		rc = read_target(str, spec, err);
	if (rc == 0)
		rc = open_target(str, sink, spec, env, err);
	if (rc != 0)
		goto fail;
	rc = recorder_init(&str->rec, sink, env, err);
	if (rc != 0)
		goto fail;
	set_ops(str);
	sink->ops = &str->ops;
	return 0;

fail:
	stream_free(sink);
	return rc;
}
