#include <inttypes.h>

#include "core/session.h"

#include "sink/formats.h"

/*
 * netrecord-notes - what netrecord tells on standard error.
 *
 *	Opened connection 1.
 *	Connection 1 could not connect to server: Connection refused
 *	Connection 1 client hangup.
 *	Connection 1 server error.
 */

/** struct notes - State of a session: that it failed has been told. */
struct notes {
	bool failed;
};

static void
on_open(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	struct notes *n = st;

	(void)o;
	n->failed = session_error(s) != NULL;
	obuf_printf(out, "Opened connection %" PRIu64 ".\n", s->id);
	if (!n->failed)
		return;
	obuf_printf(
	    out, "Connection %" PRIu64 " could not connect to server: ", s->id);
	obuf_puts(out, session_error(s));
	obuf_putc(out, '\n');
}

static void
tell(const struct session *s, const char *who, const char *what,
    struct obuf *out)
{
	obuf_printf(out, "Connection %" PRIu64 " %s %s.\n", s->id, who, what);
}

/*
 * A hang-up is the sender's own doing.  An error ends both directions at
 * once, and is told once, of the side it came from.
 */
static void
on_end(const struct format_opts *o, void *st, const struct session *s,
    const struct end *e, struct obuf *out)
{
	struct notes *n = st;

	(void)o;
	if (e->how == HOW_FIN) {
		tell(s, e->dir == DIR_CLIENT ? "client" : "server", "hangup",
		    out);
	} else if (e->by != PARTY_US && !n->failed) {
		tell(s, event_party_name(e->by), "error", out);
		n->failed = true;
	}
}

const struct format format_netrecord_notes = {
	.name = "netrecord-notes",
	.need = NEED_NOTHING,
	.session_size = sizeof(struct notes),
	.open = on_open,
	.end = on_end,
};
