#include <ctype.h>

#include "base/addr.h"
#include "core/session.h"

#include "sink/formats.h"

/*
 * gotcpspy-errors - servers that could not be reached, in Go's words.
 *
 *	Unable to connect to H:P, dial tcp 192.0.2.7:21: connect: connection
 *	refused
 */

static void
on_open(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	char text[ADDR_TEXT_MAX];

	(void)o;
	(void)st;
	if (session_error(s) == NULL)
		return;
	obuf_printf(out, "Unable to connect to %s, dial tcp",
	    session_target(s) != NULL ? session_target(s) : "?");
	if (s->server.family != AF_UNSPEC) {
		obuf_putc(out, ' ');
		obuf_puts(out, addr_format(&s->server, text));
	}
	/* strerror(3) begins with a capital, Go's errno texts do not. */
	obuf_puts(out, ": connect: ");
	obuf_putc(out, (char)tolower((unsigned char)session_error(s)[0]));
	if (session_error(s)[0] != '\0')
		obuf_puts(out, session_error(s) + 1);
	obuf_putc(out, '\n');
}

const struct format format_gotcpspy_errors = {
	.name = "gotcpspy-errors",
	.need = NEED_NOTHING,
	.open = on_open,
};
