#include "base/table.h"

#include "sink/formats.h"
#include "sink/headline.h"
#include "sink/lines.h"

/*
 * strip - printable ASCII and line feeds only: every other byte is a dot, and
 * the carriage return before a line feed is left out.
 */

#define SHOWN(b) (TABLE_IS_PRINT(b) ? (b) : '.')

static const uint8_t shown[256] = { TABLE_256(SHOWN) };

static size_t
render(const struct format_opts *o, uint8_t *out, const uint8_t *p, size_t n)
{
	(void)o;
	/* The line feed itself is the end of the line of output. */
	if (n > 0 && p[n - 1] == '\n') {
		n--;
		if (n > 0 && p[n - 1] == '\r')
			n--;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = shown[p[i]];
	return n;
}

static void
strip_open(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	struct lines *l = st;

	l->render = render;
	headline_open(o, st, s, out);
}

const struct format format_strip = {
	.name = "strip",
	.help = "lines with dots for what is not printable ASCII",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct lines),
	.open = strip_open,
	.data = lines_data,
	.idle = lines_idle,
	.gap = lines_gap,
	.conflict = lines_conflict,
	.end = lines_end,
	.close = lines_close,
};
