#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

#include "core/sink_spec.h"

#include "net/writer.h"

#include "sink/recorder.h"

/* On the writer's thread. */
static void
on_notice(void *self, const char *text)
{
	const struct recorder *r = self;

	if (writer_stdout_gone() && r->stdout_gone != NULL)
		r->stdout_gone(r->notice_self);
	else if (r->notice != NULL)
		r->notice(r->notice_self, text);
}

int
recorder_init(struct recorder *r, const struct sink *sink,
    const struct sink_env *env, struct err *err)
{
	const struct writer_opts o = {
		.name = sink->name,
		.limit = sink->queue,
		.max_open = env->max_open,
		.notice = on_notice,
		.notice_self = r,
	};

	*r = (struct recorder){
		.notice = env->notice,
		.stdout_gone = env->stdout_gone,
		.notice_self = env->self,
	};
	/* Longer names are cut. */
	(void)snprintf(r->name, sizeof(r->name), "%s", sink->name);
	r->writer = writer_new(&o, err);
	return r->writer == NULL ? -ENOMEM : 0;
}

void
recorder_tell(const struct recorder *r, const char *text)
{
	char line[512];

	if (r->notice == NULL)
		return;
	(void)snprintf(line, sizeof(line), "%s: %s", r->name, text);
	r->notice(r->notice_self, line);
}

void
recorder_rotate(struct recorder *r, struct writer_file *f)
{
	writer_rotate(r->writer, f);
}

void
recorder_done(struct recorder *r)
{
	writer_free(r->writer);
	r->writer = NULL;
}

int
recorder_lane_init(struct recorder *r, struct recorder_lane *l,
    struct sink_lane *lane, struct worker *w, struct err *err)
{
	struct writer_port *port = writer_port_new(r->writer, w, &lane->count);

	if (port == NULL)
		return err_set(err, -ENOMEM, "no memory for a worker");
	*l = (struct recorder_lane){ .port = port, .next = r->lanes };
	r->lanes = l;
	return 0;
}

void
recorder_lane_done(struct recorder *r, struct recorder_lane *l)
{
	struct recorder_lane **at = &r->lanes;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	writer_port_free(l->port);
	l->port = NULL;
}

uint64_t
recorder_turn(struct recorder_lane *l, uint64_t mono_ns)
{
	return writer_turn(l->port, mono_ns);
}

bool
recorder_full(const struct recorder_lane *l)
{
	return writer_full(l->port);
}

int
recorder_drain(struct recorder *r, uint64_t deadline_ns)
{
	return writer_drain(r->writer, deadline_ns);
}

void
recorder_reopen(struct recorder *r)
{
	writer_reopen(r->writer);
}
