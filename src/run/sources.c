#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "base/err.h"
#include "base/log.h"
#include "config/plan.h"
#include "run/sources.h"
#include "source/capture.h"
#include "source/proxy.h"
#include "source/savefile.h"

/* Listeners of one input that are shown at start. */
#define MAX_SHOWN 64

/* --- proxy ------------------------------------------------------------- */

static struct source *
open_proxy(const struct plan_source *s, const struct sources_opts *o, int *code,
    struct err *err)
{
	const struct plan_proxy *pp = &s->proxy;
	struct proxy_pair *pairs = calloc(pp->npairs, sizeof(*pairs));
	struct proxy_opts po = {
		.pairs = pairs,
		.npairs = pp->npairs,
		.connect_timeout_ns = pp->connect_timeout_ns,
		.source = pp->source,
		.reuse_port = pp->reuse_port,
		.backlog = pp->backlog,
		.pipes = pp->copy ? 0 : o->pipes,
		.orderly = pp->orderly,
		.names = o->names,
		.max_sessions = s->max_sessions,
		.max_bytes = s->max_bytes,
		.idle_timeout_ns = s->idle_timeout_ns,
		.place = { s->name, o->numbers },
		.events = o->events,
	};
	struct source *src;

	*code = -EIO;
	if (pairs == NULL) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < pp->npairs; i++)
		pairs[i] = (struct proxy_pair){ &pp->pairs[i].client,
			&pp->pairs[i].server, pp->pairs[i].label };
	src = proxy_new(&po, err);
	free(pairs);
	return src;
}

static size_t
proxy_addrs(const struct source *src, struct addr *out, size_t max)
{
	struct proxy_listening list[MAX_SHOWN];
	size_t n = proxy_listening(src, list, MAX_SHOWN);

	if (n > MAX_SHOWN)
		n = MAX_SHOWN;
	for (size_t i = 0; i < n && i < max; i++)
		out[i] = list[i].addr;
	return n < max ? n : max;
}

static void
announce_proxy(const struct source *src, const struct plan_source *s)
{
	struct proxy_listening list[MAX_SHOWN];
	size_t n = proxy_listening(src, list, MAX_SHOWN);
	char text[ADDR_TEXT_MAX];

	(void)s;
	for (size_t i = 0; i < n && i < MAX_SHOWN; i++)
		log_print("teeline: listening on %s, %s %s",
		    addr_format(&list[i].addr, text),
		    list[i].for_server ? "for servers of" : "relaying to",
		    list[i].peer);
}

static size_t
proxy_workers(const struct plan_source *s)
{
	return s->workers > 0 ? s->workers : uv_available_parallelism();
}

/* --- tap and read ------------------------------------------------------ */

static struct dissect_opts
dissect_opts(const struct plan_source *s)
{
	const struct plan_capture *pc = &s->capture;

	return (struct dissect_opts){
		.flow = {
			.source = plan_input_name(s->input),
			.reasm = {
				.hold = pc->hold,
				.hold_total = pc->hold_total,
				.hold_ns = pc->hold_ns,
				.history = REASM_HISTORY_DEFAULT,
				.overlap = pc->overlap,
			},
			.max_concurrent = s->max_concurrent,
			.idle_ns = s->idle_timeout_ns,
			.max_bytes = s->max_bytes,
		},
		.decap = pc->decap,
	};
}

static size_t
tap_workers(const struct plan_source *s)
{
	return s->workers > 0 ? s->workers : 1;
}

static struct source *
open_tap(const struct plan_source *s, const struct sources_opts *o, int *code,
    struct err *err)
{
	const struct plan_capture *pc = &s->capture;
	const struct capture_opts co = {
		.iface = pc->iface,
		.filter = pc->filter,
		.snaplen = pc->snaplen,
		.buffer = pc->buffer,
		.promiscuous = pc->promiscuous,
		.rings = (unsigned)tap_workers(s),
		.max_packets = pc->max_packets,
		.max_sessions = s->max_sessions,
		.names = o->names,
		.dissect = dissect_opts(s),
		.place = { s->name, o->numbers },
		.events = o->events,
	};

	return capture_new(&co, code, err);
}

static void
announce_tap(const struct source *src, const struct plan_source *s)
{
	const char *filter = s->capture.filter;

	if (filter != NULL)
		log_print("teeline: capturing on %s (%s)", capture_iface(src),
		    filter);
	else
		log_print("teeline: capturing on %s", capture_iface(src));
}

/* One thread reads ahead, one dissects: see source/savefile.h. */
static size_t
read_workers(const struct plan_source *s)
{
	(void)s;
	return 1;
}

static struct source *
open_read(const struct plan_source *s, const struct sources_opts *o, int *code,
    struct err *err)
{
	const struct plan_capture *pc = &s->capture;
	const struct savefile_opts so = {
		.paths = (const char *const *)pc->files,
		.npaths = pc->nfiles,
		.filter = pc->filter,
		.max_packets = pc->max_packets,
		.max_sessions = s->max_sessions,
		.names = o->names,
		.dissect = dissect_opts(s),
		.place = { s->name, o->numbers },
		.events = o->events,
	};

	return savefile_new(&so, code, err);
}

/* --- all of them ------------------------------------------------------- */

/** struct kind - What a kind of source does; NULL: nothing. */
struct kind {
	struct source *(*open)(const struct plan_source *s,
	    const struct sources_opts *o, int *code, struct err *err);
	size_t (*workers)(const struct plan_source *s);
	void (*limit)(struct source *src, uint64_t max_concurrent);
	size_t (*addrs)(const struct source *src, struct addr *out, size_t max);
	void (*announce)(const struct source *src, const struct plan_source *s);
	const char *(*iface)(const struct source *src);
};

static const struct kind kinds[] = {
	[PLAN_PROXY] = { open_proxy, proxy_workers, proxy_limit, proxy_addrs,
	    announce_proxy, NULL },
	[PLAN_TAP] = { open_tap, tap_workers, NULL, NULL, announce_tap,
	    capture_iface },
	[PLAN_READ] = { open_read, read_workers, NULL, NULL, NULL, NULL },
};
static_assert(ATTR_COUNT(kinds) == PLAN_NINPUTS, "a row for each kind");

struct source *
sources_open(const struct plan_source *s, const struct sources_opts *o,
    int *code, struct err *err)
{
	return kinds[s->input].open(s, o, code, err);
}

size_t
sources_splicers(const struct plan_source *v, size_t n)
{
	size_t all = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i].input == PLAN_PROXY && !v[i].proxy.copy)
			all += proxy_workers(&v[i]);
	return all;
}

size_t
sources_workers(const struct plan_source *s)
{
	return kinds[s->input].workers(s);
}

bool
sources_has_limit(const struct plan_source *s)
{
	return kinds[s->input].limit != NULL;
}

void
sources_limit(struct source *src, const struct plan_source *s, uint64_t limit)
{
	kinds[s->input].limit(src, limit);
}

size_t
sources_addrs(const struct source *src, const struct plan_source *s,
    struct addr *out, size_t max)
{
	return kinds[s->input].addrs != NULL
		   ? kinds[s->input].addrs(src, out, max)
		   : 0;
}

const char *
sources_iface(const struct source *src, const struct plan_source *s)
{
	return kinds[s->input].iface != NULL ? kinds[s->input].iface(src)
					     : NULL;
}

void
sources_announce(const struct source *src, const struct plan_source *s)
{
	if (kinds[s->input].announce != NULL)
		kinds[s->input].announce(src, s);
}
