#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/sink_spec.h"

static struct sink_pair *
find(const struct sink_spec *spec, const char *key)
{
	for (size_t i = 0; i < spec->npairs; i++)
		if (strcmp(spec->pairs[i].key, key) == 0)
			return &spec->pairs[i];
	return NULL;
}

const char *
sink_spec_get(const struct sink_spec *spec, const char *key)
{
	const struct sink_pair *pair = find(spec, key);

	return pair != NULL ? pair->value : NULL;
}

static int
append(struct sink_spec *spec, const char *key, const char *value)
{
	struct sink_pair pair = { .key = strdup(key), .value = strdup(value) };
	struct sink_pair *more = NULL;

	if (pair.key != NULL && pair.value != NULL)
		more = realloc(spec->pairs, (spec->npairs + 1) * sizeof(*more));
	if (more == NULL) {
		free(pair.key);
		free(pair.value);
		return -ENOMEM;
	}
	spec->pairs = more;
	more[spec->npairs++] = pair;
	return 0;
}

int
sink_spec_set(struct sink_spec *spec, const char *key, const char *value)
{
	struct sink_pair *pair = find(spec, key);
	char *copy;

	if (pair == NULL)
		return append(spec, key, value);
	copy = strdup(value);
	if (copy == NULL)
		return -ENOMEM;
	free(pair->value);
	pair->value = copy;
	return 0;
}

bool
sink_spec_hears(const struct sink_spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->ninputs; i++)
		if (strcmp(spec->inputs[i], name) == 0)
			return true;
	return spec->ninputs == 0;
}

int
sink_spec_hear(struct sink_spec *spec, const char *name)
{
	char *copy, **more;

	if (spec->ninputs > 0 && sink_spec_hears(spec, name))
		return 0;
	copy = strdup(name);
	more = copy == NULL
		   ? NULL
		   : realloc(spec->inputs, (spec->ninputs + 1) * sizeof(*more));
	if (more == NULL) {
		free(copy);
		return -ENOMEM;
	}
	spec->inputs = more;
	more[spec->ninputs++] = copy;
	return 0;
}

int
sink_spec_init(struct sink_spec *spec, const char *kind, const char *arg)
{
	*spec = (struct sink_spec){ .kind = strdup(kind), .arg = strdup(arg) };
	if (spec->kind == NULL || spec->arg == NULL) {
		sink_spec_done(spec);
		return -ENOMEM;
	}
	return 0;
}

void
sink_spec_done(struct sink_spec *spec)
{
	for (size_t i = 0; i < spec->npairs; i++) {
		free(spec->pairs[i].key);
		free(spec->pairs[i].value);
	}
	for (size_t i = 0; i < spec->ninputs; i++)
		free(spec->inputs[i]);
	free(spec->inputs);
	free(spec->pairs);
	free(spec->kind);
	free(spec->arg);
	free(spec->text);
	free(spec->name);
	*spec = (struct sink_spec){ .kind = NULL };
}
