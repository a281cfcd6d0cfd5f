#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/obuf.h"
#include "core/sink_spec.h"

#include "sink/keys.h"

int
keys_place(struct endpoint *e, enum endpoint_how how, const char *text,
    struct err *err)
{
	int rc = endpoint_parse(e, how, text, err);

	if (rc != 0 || e->how == how)
		return rc;
	endpoint_done(e);
	return err_set(err, -EINVAL, "\"%.128s\": %s", text,
	    how == ENDPOINT_DIAL
		? "HOST:PORT is wanted, since this sink calls its consumers"
		: "an address of ours is wanted, since consumers call here");
}

int
keys_number(const struct sink_spec *spec, const char *key,
    const struct keys_number *what, uint64_t *value, struct err *err)
{
	const char *text = sink_spec_get(spec, key);

	if (text == NULL)
		return 0;
	if (quantity_parse(what->kind, text, &what->range, value, err) == 0)
		return 0;
	err_prefix(err, "%s: ", key);
	return -EINVAL;
}

static int
no_such_word(const struct sink_spec *spec, const char *key,
    const char *const *words, struct err *err)
{
	struct obuf list = { .data = NULL };
	int rc;

	for (size_t i = 0; words[i] != NULL; i++)
		obuf_printf(&list, "%s%s",
		    i == 0                 ? ""
		    : words[i + 1] != NULL ? ", "
					   : " or ",
		    words[i]);
	obuf_putc(&list, '\0');
	rc = err_set(err, -EINVAL, "%s=%.64s: %s is wanted", key,
	    sink_spec_get(spec, key),
	    list.failed ? "another word" : (const char *)list.data);
	obuf_done(&list);
	return rc;
}

int
keys_word(const struct sink_spec *spec, const char *key,
    const char *const *words, unsigned *value, struct err *err)
{
	const char *text = sink_spec_get(spec, key);

	if (text == NULL)
		return 0;
	for (unsigned i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0) {
			*value = i;
			return 0;
		}
	}
	return no_such_word(spec, key, words, err);
}

int
keys_flag(
    const struct sink_spec *spec, const char *key, bool *value, struct err *err)
{
	static const char *const words[] = { "yes", "no", NULL };
	unsigned which = *value ? 0 : 1;
	int rc = keys_word(spec, key, words, &which, err);

	if (rc == 0)
		*value = which == 0;
	return rc;
}
