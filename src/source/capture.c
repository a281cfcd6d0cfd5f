#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/session.h"
#include "core/tally.h"
#include "source/capture.h"
#include "source/capture_list.h"
#include "source/capture_open.h"
#include "source/capture_ring.h"
#include "source/capture_route.h"
#include "source/linktype.h"

/*
 * The rings do the work, each on a worker of its own; here is what they have
 * in common: when a capture has come to its end, and when all have stopped.
 */

/**
 * struct capture - See capture.h
 * @iface:	Its name
 * @remark:	To be told at start; "": nothing
 * @unstopped:	Rings that have not ended their sessions
 * @unlost:	Rings that libpcap has not given up
 * @stopping:	stop() was called
 * @told_finished: The callback has been called
 * @failed:	A ring was given up
 */
struct capture {
	struct source source;
	struct capture_common common;
	char iface[64];
	struct err remark;
	struct capture_ring *rings;
	_Atomic unsigned unstopped;
	_Atomic unsigned unlost;
	_Atomic bool stopping;
	_Atomic bool told_finished;
	_Atomic bool failed;
};

static struct capture *
capture_of(struct capture_common *c)
{
	return ATTR_CONTAINER(c, struct capture, common);
}

/* --- what the rings tell ----------------------------------------------- */

static void
on_limit(struct capture_common *c)
{
	struct capture *cap = capture_of(c);

	if (!atomic_load(&cap->stopping) &&
	    !atomic_exchange(&cap->told_finished, true))
		c->o.events.finished(c->o.events.self);
}

static void
on_lost(struct capture_common *c)
{
	struct capture *cap = capture_of(c);

	atomic_store(&cap->failed, true);
	if (atomic_fetch_sub(&cap->unlost, 1) == 1)
		on_limit(c);
}

static void
on_stopped(struct capture_common *c)
{
	struct capture *cap = capture_of(c);

	if (atomic_fetch_sub(&cap->unstopped, 1) == 1)
		c->o.events.stopped(c->o.events.self);
}

/* --- source_ops -------------------------------------------------------- */

static size_t
ifaces(const struct source *src, const struct packet_iface **list)
{
	const struct capture *cap = (const struct capture *)src;

	*list = &cap->common.iface;
	return 1;
}

static int
attach(struct source *src, struct worker *const *workers,
    struct fanout *const *fans, size_t n, struct err *err)
{
	struct capture *cap = (struct capture *)src;
	int rc = 0;

	assert(n == cap->common.o.rings);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = capture_ring_attach(
		    &cap->rings[i], workers[i], fans[i], err);
	return rc;
}

static void
start(struct source *src)
{
	struct capture *cap = (struct capture *)src;

	for (unsigned i = 0; i < cap->common.o.rings; i++)
		capture_ring_start(&cap->rings[i]);
}

static void
stop(struct source *src, uint64_t linger_ns)
{
	struct capture *cap = (struct capture *)src;

	atomic_store(&cap->stopping, true);
	for (unsigned i = 0; i < cap->common.o.rings; i++)
		capture_ring_stop(&cap->rings[i], linger_ns);
}

static void
keep_limits(struct capture_common *c, const struct source_limits *l)
{
	atomic_store(&c->max_sessions, l->sessions);
	atomic_store(&c->max_concurrent, l->concurrent);
	atomic_store(&c->max_bytes, l->bytes);
	atomic_store(&c->idle_ns, l->idle_ns);
}

static void
limit(struct source *src, const struct source_limits *l)
{
	struct capture *cap = (struct capture *)src;

	keep_limits(&cap->common, l);
	for (unsigned i = 0; i < cap->common.o.rings; i++)
		capture_ring_limit(&cap->rings[i]);
}

/* Each ring has the fan-out of its worker. */
static void
end_session(struct source *src, struct session *s)
{
	struct capture *cap = (struct capture *)src;
	unsigned i = 0;

	while (cap->rings[i].fan != s->fan) {
		i++;
		assert(i < cap->common.o.rings);
	}
	capture_ring_end(&cap->rings[i], s);
}

static void
close_all(struct source *src)
{
	struct capture *cap = (struct capture *)src;

	for (unsigned i = 0; i < cap->common.o.rings; i++)
		capture_ring_close(&cap->rings[i]);
}

static void
free_all(struct source *src)
{
	struct capture *cap = (struct capture *)src;

	if (cap == NULL)
		return;
	for (unsigned i = 0; i < cap->common.o.rings; i++)
		capture_ring_done(&cap->rings[i]);
	free(cap->rings);
	free(cap);
}

static void
tally(const struct source *src, struct tally *t)
{
	const struct capture *cap = (const struct capture *)src;

	for (unsigned i = 0; i < cap->common.o.rings; i++)
		capture_ring_tally(&cap->rings[i], t);
}

static bool
failed(const struct source *src)
{
	const struct capture *cap = (const struct capture *)src;

	return atomic_load(&cap->failed);
}

static const struct source_ops ops = {
	.name = "tap",
	.packets = true,
	.ifaces = ifaces,
	.attach = attach,
	.start = start,
	.stop = stop,
	.limit = limit,
	.end_session = end_session,
	.close = close_all,
	.free = free_all,
	.tally = tally,
	.failed = failed,
};

/* --- making ------------------------------------------------------------ */

static int
choose_iface(struct capture *cap, const char *asked, struct err *err)
{
	char names[256];

	if (asked == NULL && capture_route_default(cap->iface) != 0)
		return err_set(err, -ENODEV,
		    "there is no default route: say which interface to "
		    "capture from with -i; there are: %s",
		    capture_list_names(names, sizeof(names)));
	if (asked == NULL)
		return 0;
	if (strlen(asked) >= sizeof(cap->iface))
		return err_set(err, -ENODEV,
		    "'%.32s...' is too long for the name of an interface",
		    asked);
	(void)snprintf(cap->iface, sizeof(cap->iface), "%s", asked);
	return 0;
}

static int
open_rings(struct capture *cap, struct err *err)
{
	struct capture_common *c = &cap->common;
	pcap_t **handles = calloc(c->o.rings, sizeof(pcap_t *));
	int rc;

	cap->rings = calloc(c->o.rings, sizeof(*cap->rings));
	if (handles == NULL || cap->rings == NULL) {
		free(handles);
		return err_set(err, -ENOMEM, "out of memory");
	}
	rc = capture_open(&c->o, cap->iface, handles, &cap->remark, err);
	if (rc == 0) {
		for (unsigned i = 0; i < c->o.rings; i++) {
			cap->rings[i].common = c;
			cap->rings[i].pcap = handles[i];
		}
		cap->rings[0].is_first = true;
		c->iface = (struct packet_iface){
			.id = source_number_iface(c->o.place.numbers),
			.linktype = linktype_of_dlt(pcap_datalink(handles[0])),
			.snaplen = (uint32_t)pcap_snapshot(handles[0]),
			.name = cap->iface,
		};
	}
	free(handles);
	return rc;
}

struct source *
capture_new(const struct capture_opts *o, int *code, struct err *err)
{
	struct capture *cap = calloc(1, sizeof(*cap));
	int rc;

	assert(o->rings > 0);
	if (cap == NULL) {
		*code = err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	cap->source.ops = &ops;
	cap->common.o = *o;
	keep_limits(
	    &cap->common, &(struct source_limits){
			      .sessions = o->max_sessions,
			      .concurrent = o->dissect.flow.max_concurrent,
			      .bytes = o->dissect.flow.max_bytes,
			      .idle_ns = o->dissect.flow.idle_ns,
			  });
	cap->common.remark = cap->remark.text;
	cap->common.limit = on_limit;
	cap->common.lost = on_lost;
	cap->common.stopped = on_stopped;
	atomic_init(&cap->unstopped, o->rings);
	atomic_init(&cap->unlost, o->rings);
	rc = choose_iface(cap, o->iface, err);
	if (rc == 0)
		rc = open_rings(cap, err);
	if (rc != 0)
		goto fail;
	return &cap->source;

fail:
	free(cap->rings); /* nothing is in them yet */
	free(cap);
	*code = rc;
	return NULL;
}

const char *
capture_iface(const struct source *src)
{
	return ((const struct capture *)src)->iface;
}
