#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "app/sources.h"
#include "base/err.h"
#include "config/plan.h"
#include "source/proxy.h"

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
