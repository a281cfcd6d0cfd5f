#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/plan.h"

void
plan_init(struct plan *p)
{
	*p = (struct plan){
		.proxy = {
			.connect_timeout_ns = 10 * CLOCK_NS_PER_S,
			.backlog = 1024,
		},
		.capture = {
			.snaplen = 262144,
			.buffer = (size_t)64 << 20,
			.promiscuous = true,
			.hold = REASM_HOLD_DEFAULT,
			.hold_total = REASM_HOLD_TOTAL_DEFAULT,
			.hold_ns = REASM_HOLD_NS_DEFAULT,
			.overlap = REASM_FIRST,
			.decap = 4,
		},
		.drain_ns = 2 * CLOCK_NS_PER_S,
	};
}

void
plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->proxy.npairs; i++) {
		endpoint_done(&p->proxy.pairs[i].client);
		endpoint_done(&p->proxy.pairs[i].server);
		free(p->proxy.pairs[i].label);
	}
	for (size_t i = 0; i < p->nsinks; i++)
		sink_spec_done(&p->sinks[i]);
	for (size_t i = 0; i < p->capture.nfiles; i++)
		free(p->capture.files[i]);
	free(p->capture.files);
	free(p->capture.filter);
	free(p->capture.iface);
	free(p->proxy.pairs);
	free(p->sinks);
	free(p->user);
	free(p->stats);
	plan_init(p);
}

int
plan_add_pair(
    struct plan *p, struct endpoint *client_take, struct endpoint *server_take)
{
	struct plan_pair *more =
	    realloc(p->proxy.pairs, (p->proxy.npairs + 1) * sizeof(*more));

	if (more == NULL) {
		endpoint_done(client_take);
		endpoint_done(server_take);
		return -ENOMEM;
	}
	p->proxy.pairs = more;
	more[p->proxy.npairs++] = (struct plan_pair){
		.client = *client_take,
		.server = *server_take,
	};
	/* What was taken over is not to be freed twice. */
	client_take->host = NULL;
	server_take->host = NULL;
	return 0;
}

int
plan_add_file(struct plan *p, const char *path)
{
	struct plan_capture *pc = &p->capture;
	char **more = realloc(pc->files, (pc->nfiles + 1) * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	pc->files = more;
	more[pc->nfiles] = strdup(path);
	if (more[pc->nfiles] == NULL)
		return -ENOMEM;
	pc->nfiles++;
	return 0;
}

int
plan_add_sink(struct plan *p, struct sink_spec *spec_take)
{
	struct sink_spec *more =
	    realloc(p->sinks, (p->nsinks + 1) * sizeof(*more));

	if (more == NULL) {
		sink_spec_done(spec_take);
		return -ENOMEM;
	}
	p->sinks = more;
	more[p->nsinks++] = *spec_take;
	*spec_take = (struct sink_spec){ .kind = NULL };
	return 0;
}
