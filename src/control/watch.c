#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

#include "control/follower.h"
#include "control/watch.h"
#include "control/watch_lane.h"

struct watch *
watch_new(const struct watch_opts *o, struct err *err)
{
	static char name[] = "watch";
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		(void)err_set(err, -ENOMEM, "no memory for control");
		return NULL;
	}
	w->opts = *o;
	w->sink = (struct sink){
		.ops = watch_lane_ops(o->history > 0),
		.name = name,
		.on_full = ON_FULL_DROP,
		.self = w,
	};
	list_init(&w->lanes);
	return w;
}

struct sink *
watch_sink(struct watch *w)
{
	return &w->sink;
}

uint64_t
watch_missed(const struct watch *w)
{
	return atomic_load(&w->missed);
}

void
watch_free(struct watch *w)
{
	struct list *node;

	if (w == NULL)
		return;
	while ((node = list_shift(&w->lanes)) != NULL)
		watch_lane_free(LIST_ENTRY(node, struct watch_lane, node));
	free(w);
}

struct watch_session *
watch_session_ref(struct watch_session *ws)
{
	atomic_fetch_add_explicit(&ws->refs, 1, memory_order_relaxed);
	return ws;
}

void
watch_session_unref(struct watch_session *ws)
{
	if (ws == NULL ||
	    atomic_fetch_sub_explicit(&ws->refs, 1, memory_order_acq_rel) > 1)
		return;
	assert(list_is_empty(&watch_lane_entry(ws)->touched));
	free(ws->host[DIR_CLIENT]);
	free(ws->host[DIR_SERVER]);
	free(ws->target);
	free(ws->error);
	free(watch_lane_entry(ws));
}

struct follower *
watch_follow(const struct watch *w, struct watch_session *ws,
    const struct follower_opts *o)
{
	assert(ws->lane->watch == w);
	return follower_new(watch_lane_entry(ws), o);
}

void
watch_refresh(const struct watch *w, struct watch_session *ws)
{
	assert(ws->lane->watch == w);
	watch_lane_refresh(watch_lane_entry(ws));
}

void
watch_end(const struct watch *w, struct watch_session *ws)
{
	assert(ws->lane->watch == w);
	watch_lane_end(watch_lane_entry(ws));
}
