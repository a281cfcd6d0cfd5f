#include "base/obuf.h"
#include "base/text.h"
#include "core/session.h"

#include "sink/formats.h"
#include "sink/tcpreen_lines.h"

/*
 * tcpreen-errors and tcpreen-peers - what tcpreen tells about sessions apart
 * from the conversation: on standard error, and to syslog as a daemon.
 */

static void
errors_open(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	const char *target = session_target(s);

	(void)o;
	(void)st;
	if (session_error(s) == NULL)
		return;
	text_escape_put(out, target != NULL ? target : "?", TEXT_WORDS);
	obuf_puts(out, ": ");
	obuf_puts(out, session_error(s));
	obuf_putc(out, '\n');
}

static void
peers_open(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	(void)o;
	(void)st;
	tcpreen_lines_from(s, out);
	if (tcpreen_lines_reached(s))
		tcpreen_lines_to(s, out);
}

const struct format format_tcpreen_errors = {
	.name = "tcpreen-errors",
	.need = NEED_NOTHING,
	.open = errors_open,
};

const struct format format_tcpreen_peers = {
	.name = "tcpreen-peers",
	.need = NEED_NOTHING,
	.open = peers_open,
};
