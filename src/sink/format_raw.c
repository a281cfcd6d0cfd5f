#include "sink/formats.h"

/*
 * raw - the bytes and nothing else, both directions in the order they came.
 */

static uint64_t
raw_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	(void)o;
	(void)st;
	(void)s;
	obuf_put(out, c->data, c->len);
	return 0;
}

const struct format format_raw = {
	.name = "raw",
	.help = "the bytes as they are, nothing added",
	.need = NEED_MEMORY,
	.data = raw_data,
};
