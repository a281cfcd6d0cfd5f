#include "base/text.h"

#include "sink/formats.h"
#include "sink/headline.h"
#include "sink/lines.h"

/*
 * text - the conversation as a person reads it: a line of the stream is a
 * line of output, and nothing in it can drive a terminal.
 */

static size_t
render(const struct format_opts *o, uint8_t *out, const uint8_t *p, size_t n)
{
	return text_escape(out, p, n, headline_look(o));
}

static void
text_open(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	struct lines *l = st;

	l->render = render;
	headline_open(o, st, s, out);
}

const struct format format_text = {
	.name = "text",
	.help = "lines as they are spoken, safe to look at",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct lines),
	.open = text_open,
	.data = lines_data,
	.idle = lines_idle,
	.gap = lines_gap,
	.conflict = lines_conflict,
	.end = lines_end,
	.close = lines_close,
};
