#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/personality.h"
#include "base/err.h"
#include "config/plan.h"

#define FILE_MODE 0666U

int
personality_relays(struct plan *p, struct err *err)
{
	struct plan_source *s;

	plan_init(p);
	p->quiet = true;
	s = plan_add_source(p, PLAN_PROXY, NULL);
	if (s == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	s->proxy.orderly = true;
	return 0;
}

int
personality_add_sink(struct plan *p, const struct personality_sink *s)
{
	struct sink_spec spec;
	int rc = sink_spec_init(&spec, s->kind, s->arg);

	if (rc != 0)
		return rc;
	spec.has_on_full = true;
	spec.on_full = s->on_full;
	spec.overwrite = s->overwrite;
	spec.mode = FILE_MODE;
	return plan_add_sink(p, &spec);
}

static int
fill(struct endpoint *e, const struct personality_end *from)
{
	*e = (struct endpoint){
		.how = from->how,
		.family = from->family,
		.port = from->port,
	};
	if (from->host == NULL)
		return 0;
	e->host = strdup(from->host);
	return e->host != NULL ? 0 : -ENOMEM;
}

int
personality_add_pair(struct plan *p, const struct personality_end *client,
    const struct personality_end *server, const char *label)
{
	struct endpoint c = { .host = NULL }, s = { .host = NULL };
	struct plan_source *to = &p->sources[0];
	char *copy = strdup(label);
	int rc = -ENOMEM;

	if (copy == NULL || fill(&c, client) != 0 || fill(&s, server) != 0)
		goto fail;
	rc = plan_add_pair(to, &c, &s);
	if (rc != 0)
		goto fail;
	to->proxy.pairs[to->proxy.npairs - 1].label = copy;
	return 0;

fail:
	endpoint_done(&s);
	endpoint_done(&c);
	free(copy);
	return rc;
}

char *
personality_literal(const char *path)
{
	size_t len = strlen(path);
	char *text = malloc(2 * len + sizeof("./"));
	char *w = text;

	if (text == NULL)
		return NULL;
	if (path[0] == '&') {
		*w++ = '.';
		*w++ = '/';
	}
	for (; *path != '\0'; path++) {
		if (*path == '{' || *path == '}')
			*w++ = *path;
		*w++ = *path;
	}
	*w = '\0';
	return text;
}
