#include "base/hexdump.h"

#include "sink/formats.h"
#include "sink/headline.h"

/*
 * hex - each chunk under a head of its own, as "hexdump -C" prints it, with
 * offsets of the stream.
 */

static uint64_t
hex_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	(void)st;
	headline_put(o, s, c->ts_ns, headline_mark_of(c->dir), out);
	headline_size_put(c->len, c->off, out);
	headline_finish_put(o, out);
	hexdump_put(out, c->off, c->data, c->len);
	return 0;
}

const struct format format_hex = {
	.name = "hex",
	.help = "hex dump with offsets of the stream",
	.need = NEED_MEMORY,
	.open = headline_open,
	.data = hex_data,
	.gap = headline_gap,
	.conflict = headline_conflict,
	.close = headline_close,
};
