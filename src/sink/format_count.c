#include "sink/formats.h"
#include "sink/headline.h"

/*
 * count - how much was said, and when; needs no byte of it.
 */

static uint64_t
count_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	(void)st;
	headline_put(o, s, c->ts_ns, headline_mark_of(c->dir), out);
	headline_size_put(c->len, c->off, out);
	headline_finish_put(o, out);
	return 0;
}

const struct format format_count = {
	.name = "count",
	.help = "the number of bytes in each piece",
	.need = NEED_NOTHING,
	.open = headline_open,
	.data = count_data,
	.gap = headline_gap,
	.conflict = headline_conflict,
	.close = headline_close,
};
