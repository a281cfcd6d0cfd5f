#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "config/goflag.h"
#include "config/plan.h"
#include "personality/personality.h"
#include "run/run.h"

#define FILE_MODE 0666U

/* What Go's package flag ends a program with. */
#define FLAG_STATUS 2

static struct plan_source *
begin(struct plan *p, enum plan_input input, struct err *err)
{
	struct plan_source *s;

	plan_init(p);
	p->quiet = true;
	s = plan_add_source(p, input, NULL);
	if (s == NULL)
		(void)err_set(err, -ENOMEM, "out of memory");
	return s;
}

int
personality_taps(struct plan *p, struct err *err)
{
	return begin(p, PLAN_TAP, err) != NULL ? 0 : -ENOMEM;
}

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

int
personality_help(void *self, const struct option_value *v, struct err *err)
{
	(void)self;
	(void)v;
	(void)err;
	return -ECANCELED;
}

void
personality_defaults(const struct option_table *t)
{
	struct obuf out = { .data = NULL };

	goflag_defaults(t, &out);
	/* There is nobody left to tell when stderr itself fails. */
	if (!out.failed)
		(void)fwrite(out.data, 1, out.len, stderr);
	obuf_done(&out);
}

bool
personality_flags(const struct option_table *t, int *argc, char **argv,
    void *self, int *status)
{
	struct err err = { "" };
	int rc = goflag_parse(t, argc, argv, self, &err);

	if (rc == 0)
		return true;
	if (rc != -ECANCELED)
		log_print("%s", err.text);
	log_print("Usage of %s:", argv[0]);
	personality_defaults(t);
	*status = rc == -ECANCELED ? RUN_OK : FLAG_STATUS;
	return false;
}
