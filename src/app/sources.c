#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "app/sources.h"
#include "base/err.h"
#include "config/plan.h"
#include "source/capture.h"
#include "source/proxy.h"
#include "source/savefile.h"

/* Listener addresses that are shown at start. */
#define MAX_SHOWN 64

/* With fewer descriptors than this none are spent on pipes for splicing. */
#define MIN_FDS_FOR_PIPES 256

/* --- proxy ------------------------------------------------------------- */

static struct source *
open_proxy(const struct plan *p, const struct sources_opts *o, int *code,
    struct err *err)
{
	const struct plan_proxy *pp = &p->proxy;
	struct proxy_pair *pairs = calloc(pp->npairs, sizeof(*pairs));
	struct proxy_opts po = {
		.pairs = pairs,
		.npairs = pp->npairs,
		.connect_timeout_ns = pp->connect_timeout_ns,
		.source = pp->source,
		.reuse_port = pp->reuse_port,
		.backlog = pp->backlog,
		.zero_copy = !pp->copy && o->fds >= MIN_FDS_FOR_PIPES,
		.orderly = pp->orderly,
		.names = p->names,
		.max_sessions = p->max_sessions,
		.max_bytes = p->max_bytes,
		.idle_timeout_ns = p->idle_timeout_ns,
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

static void
limit_proxy(struct source *src, const struct plan *p, uint64_t fit)
{
	uint64_t limit = p->max_concurrent;

	proxy_limit(src, limit > 0 && limit < fit ? limit : fit);
}

static void
say_listening(const struct proxy_listening *list, size_t n)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		(void)fprintf(stderr, "teeline: listening on %s, %s %s\n",
		    addr_format(&list[i].addr, text),
		    list[i].for_server ? "for servers of" : "relaying to",
		    list[i].peer);
}

static void
announce_proxy(const struct source *src, const struct plan *p)
{
	struct proxy_listening list[MAX_SHOWN];
	struct addr addrs[MAX_SHOWN];
	size_t n = proxy_listening(src, list, MAX_SHOWN);

	if (n > MAX_SHOWN)
		n = MAX_SHOWN;
	for (size_t i = 0; i < n; i++)
		addrs[i] = list[i].addr;
	if (p->ready != NULL)
		p->ready(p, addrs, n);
	else if (!p->quiet)
		say_listening(list, n);
}

static size_t
proxy_workers(const struct plan *p)
{
	return p->workers > 0 ? p->workers : uv_available_parallelism();
}

/* --- tap and read ------------------------------------------------------ */

static struct dissect_opts
dissect_opts(const struct plan *p, const char *source)
{
	const struct plan_capture *pc = &p->capture;

	return (struct dissect_opts){
		.flow = {
			.source = source,
			.reasm = {
				.hold = pc->hold,
				.hold_total = pc->hold_total,
				.hold_ns = pc->hold_ns,
				.history = REASM_HISTORY_DEFAULT,
				.overlap = pc->overlap,
			},
			.max_concurrent = p->max_concurrent,
			.idle_ns = p->idle_timeout_ns,
			.max_bytes = p->max_bytes,
		},
		.decap = pc->decap,
	};
}

static size_t
tap_workers(const struct plan *p)
{
	return p->workers > 0 ? p->workers : 1;
}

static struct source *
open_tap(const struct plan *p, const struct sources_opts *o, int *code,
    struct err *err)
{
	const struct plan_capture *pc = &p->capture;
	const struct capture_opts co = {
		.iface = pc->iface,
		.filter = pc->filter,
		.snaplen = pc->snaplen,
		.buffer = pc->buffer,
		.promiscuous = pc->promiscuous,
		.rings = (unsigned)tap_workers(p),
		.max_packets = pc->max_packets,
		.max_sessions = p->max_sessions,
		.names = p->names,
		.dissect = dissect_opts(p, "tap"),
		.events = o->events,
	};

	return capture_new(&co, code, err);
}

static void
announce_tap(const struct source *src, const struct plan *p)
{
	const char *filter = p->capture.filter;

	if (p->ready != NULL) {
		p->ready(p, NULL, 0);
		return;
	}
	if (p->quiet)
		return;
	if (filter != NULL)
		(void)fprintf(stderr, "teeline: capturing on %s (%s)\n",
		    capture_iface(src), filter);
	else
		(void)fprintf(
		    stderr, "teeline: capturing on %s\n", capture_iface(src));
}

/* One thread reads ahead, one dissects: see source/savefile.h. */
static size_t
read_workers(const struct plan *p)
{
	(void)p;
	return 1;
}

static struct source *
open_read(const struct plan *p, const struct sources_opts *o, int *code,
    struct err *err)
{
	const struct plan_capture *pc = &p->capture;
	const struct savefile_opts so = {
		.paths = (const char *const *)pc->files,
		.npaths = pc->nfiles,
		.filter = pc->filter,
		.max_packets = pc->max_packets,
		.max_sessions = p->max_sessions,
		.names = p->names,
		.dissect = dissect_opts(p, "read"),
		.events = o->events,
	};

	return savefile_new(&so, code, err);
}

/* --- all of them ------------------------------------------------------- */

/** struct input - What a kind of source does; NULL: nothing. */
struct input {
	struct source *(*open)(const struct plan *p,
	    const struct sources_opts *o, int *code, struct err *err);
	size_t (*workers)(const struct plan *p);
	void (*limit)(struct source *src, const struct plan *p, uint64_t fit);
	void (*announce)(const struct source *src, const struct plan *p);
};

static const struct input inputs[] = {
	[PLAN_PROXY] = { open_proxy, proxy_workers, limit_proxy,
	    announce_proxy },
	[PLAN_TAP] = { open_tap, tap_workers, NULL, announce_tap },
	[PLAN_READ] = { open_read, read_workers, NULL, NULL },
};

struct source *
sources_open(const struct plan *p, const struct sources_opts *o, int *code,
    struct err *err)
{
	return inputs[p->input].open(p, o, code, err);
}

size_t
sources_workers(const struct plan *p)
{
	return inputs[p->input].workers(p);
}

void
sources_limit(struct source *src, const struct plan *p, uint64_t fit)
{
	if (inputs[p->input].limit != NULL)
		inputs[p->input].limit(src, p, fit);
}

void
sources_announce(const struct source *src, const struct plan *p)
{
	if (inputs[p->input].announce != NULL)
		inputs[p->input].announce(src, p);
}
