#include "base/text.h"
#include "core/session.h"

#include "sink/formats.h"
#include "sink/headline.h"

/*
 * summary - a line for each session, when it is over.  It begins with the
 * date: such a file grows for weeks.
 */

static void
summary_close(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	uint64_t packets = s->packets[DIR_CLIENT] + s->packets[DIR_SERVER];
	char number[TEXT_NUMBER_MAX];
	char date[TEXT_DATE_MAX];

	(void)st;
	obuf_puts(out, text_date(s->open_ns, date));
	obuf_puts(out, "  ");
	headline_id_put(o, s, out);
	headline_who_put(o, s, out);
	obuf_puts(out, "   ");
	headline_how_put(o, s, out);
	if (packets > 0)
		obuf_printf(out, "   %s packet%s", text_number(packets, number),
		    packets == 1 ? "" : "s");
	obuf_putc(out, '\n');
}

const struct format format_summary = {
	.name = "summary",
	.help = "a line for each session, at its end",
	.need = NEED_NOTHING,
	.close = summary_close,
};
