#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "config/nearest.h"
#include "config/plan.h"

static const char *const input_names[] = {
	[PLAN_PROXY] = "proxy",
	[PLAN_TAP] = "tap",
	[PLAN_READ] = "read",
};
static_assert(ATTR_COUNT(input_names) == PLAN_NINPUTS, "a name for each kind");

const char *
plan_input_name(enum plan_input input)
{
	return input_names[input];
}

void
plan_init(struct plan *p)
{
	*p = (struct plan){
		.drain_ns = 2 * CLOCK_NS_PER_S,
		.control = {
			.history = (size_t)64 << 10,
			.history_total = (size_t)64 << 20,
		},
		.sandbox = PLAN_SANDBOX_TRY,
		.log = {
			.level = LOG_LEVEL_WARN,
			.file_level = LOG_LEVEL_INFO,
		},
	};
}

static void
source_init(struct plan_source *s, enum plan_input input, char *name_take)
{
	*s = (struct plan_source){
		.name = name_take,
		.input = input,
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
		.max_concurrent = input == PLAN_PROXY ? 0 : PLAN_SESSIONS,
		.idle_timeout_ns = input == PLAN_TAP ? PLAN_TAP_IDLE_NS : 0,
	};
}

static void
source_done(struct plan_source *s)
{
	for (size_t i = 0; i < s->proxy.npairs; i++) {
		endpoint_done(&s->proxy.pairs[i].client);
		endpoint_done(&s->proxy.pairs[i].server);
		free(s->proxy.pairs[i].label);
	}
	for (size_t i = 0; i < s->capture.nfiles; i++)
		free(s->capture.files[i]);
	free(s->capture.files);
	free(s->capture.filter);
	free(s->capture.iface);
	free(s->proxy.pairs);
	free(s->name);
}

void
plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->nsources; i++)
		source_done(&p->sources[i]);
	for (size_t i = 0; i < p->nsinks; i++)
		sink_spec_done(&p->sinks[i]);
	for (size_t i = 0; i < p->nwritable; i++)
		free(p->writable[i]);
	free(p->writable);
	free(p->control.token_file);
	free(p->control.listen);
	free(p->lines.host);
	free(p->lines.token);
	free(p->lines.local);
	free(p->log.file);
	free(p->config);
	free(p->sources);
	free(p->sinks);
	free(p->user);
	free(p->stats);
	plan_init(p);
}

const struct plan_source *
plan_find_source(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->nsources; i++)
		if (strcmp(p->sources[i].name, name) == 0)
			return &p->sources[i];
	return NULL;
}

int
plan_check_input(const struct plan *p, const char *name, struct err *err)
{
	struct nearest near;
	char known[256] = "";
	size_t len = 0;

	if (plan_find_source(p, name) != NULL)
		return 0;
	nearest_init(&near, name);
	for (size_t i = 0; i < p->nsources; i++) {
		nearest_offer(&near, p->sources[i].name);
		if (len < sizeof(known))
			len +=
			    (size_t)snprintf(known + len, sizeof(known) - len,
				"%s%s", i > 0 ? ", " : "", p->sources[i].name);
	}
	if (nearest_word(&near) != NULL)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is no input (did you mean %s?)", name,
		    nearest_word(&near));
	return err_set(err, -EINVAL, "\"%.64s\" is no input: %s", name, known);
}

bool
plan_has_names(const struct plan *p)
{
	return p->nsources > 1 || (p->nsources == 1 && p->sources[0].is_named);
}

/* "tap", "tap-2", ...; NULL without memory. */
static char *
free_name(const struct plan *p, enum plan_input input)
{
	char name[PLAN_NAME_MAX + 1];

	(void)snprintf(name, sizeof(name), "%s", plan_input_name(input));
	for (unsigned i = 2; plan_find_source(p, name) != NULL; i++)
		(void)snprintf(
		    name, sizeof(name), "%s-%u", plan_input_name(input), i);
	return strdup(name);
}

struct plan_source *
plan_add_source(struct plan *p, enum plan_input input, const char *name)
{
	char *own = name != NULL ? strdup(name) : free_name(p, input);
	struct plan_source *more = NULL;

	assert(name == NULL || plan_find_source(p, name) == NULL);
	if (own != NULL)
		more = realloc(p->sources, (p->nsources + 1) * sizeof(*more));
	if (more == NULL) {
		free(own);
		return NULL;
	}
	p->sources = more;
	more += p->nsources++;
	source_init(more, input, own);
	more->is_named = name != NULL;
	return more;
}

int
plan_add_pair(struct plan_source *s, struct endpoint *client_take,
    struct endpoint *server_take)
{
	struct plan_proxy *pp = &s->proxy;
	struct plan_pair *more =
	    realloc(pp->pairs, (pp->npairs + 1) * sizeof(*more));

	if (more == NULL) {
		endpoint_done(client_take);
		endpoint_done(server_take);
		return -ENOMEM;
	}
	pp->pairs = more;
	more[pp->npairs++] = (struct plan_pair){
		.client = *client_take,
		.server = *server_take,
	};
	/* What was taken over is not to be freed twice. */
	client_take->host = NULL;
	server_take->host = NULL;
	return 0;
}

static int
add_text(char ***texts, size_t *n, const char *text)
{
	char **more = realloc(*texts, (*n + 1) * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	*texts = more;
	more[*n] = strdup(text);
	if (more[*n] == NULL)
		return -ENOMEM;
	(*n)++;
	return 0;
}

int
plan_add_file(struct plan_source *s, const char *path)
{
	return add_text(&s->capture.files, &s->capture.nfiles, path);
}

int
plan_add_writable(struct plan *p, const char *folder)
{
	return add_text(&p->writable, &p->nwritable, folder);
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
