#include <inttypes.h>

#include "base/addr.h"
#include "base/obuf.h"
#include "base/text.h"
#include "core/session.h"

#include "sink/tcpreen_lines.h"

const char *
tcpreen_lines_mark(enum dir dir)
{
	return dir == DIR_SERVER ? ">>> " : "<<< ";
}

const char *
tcpreen_lines_unit(uint64_t n)
{
	return n == 1 ? "byte" : "bytes";
}

bool
tcpreen_lines_reached(const struct session *s)
{
	/* The proxy knows both before it opens a session; see session.h. */
	return session_error(s) == NULL && s->server.family != AF_UNSPEC;
}

/*
 * "HOST port PORT".  A UNIX socket has no host, and its path is the port: so
 * tcpreen says it.  A peer chooses the path that it is bound to, and names come
 * from the DNS, where a stranger may have put them.
 */
static void
put_end(const struct addr *a, const struct session_name *name, struct obuf *out)
{
	char text[ADDR_TEXT_MAX];

	if (a->family == AF_UNIX) {
		obuf_puts(out, " port ");
		text_escape_put(out, a->path, TEXT_WORDS);
		return;
	}
	text_escape_put(out,
	    name->host != NULL ? name->host : addr_format_ip(a, text),
	    TEXT_ASCII);
	obuf_puts(out, " port ");
	if (name->service != NULL)
		text_escape_put(out, name->service, TEXT_ASCII);
	else
		text_decimal_put(out, a->port);
}

void
tcpreen_lines_from(const struct session *s, struct obuf *out)
{
	obuf_puts(out, "Connection from: ");
	put_end(&s->client, session_name(s, DIR_CLIENT), out);
	obuf_putc(out, '\n');
}

void
tcpreen_lines_to(const struct session *s, struct obuf *out)
{
	obuf_puts(out, "Connection to: ");
	put_end(&s->server, session_name(s, DIR_SERVER), out);
	obuf_putc(out, '\n');
}

void
tcpreen_lines_open(const struct format_opts *o, void *st,
    const struct session *s, struct obuf *out)
{
	struct tcpreen_lines *l = st;

	(void)o;
	l->talks = tcpreen_lines_reached(s);
	if (!l->talks)
		return;
	tcpreen_lines_from(s, out);
	tcpreen_lines_to(s, out);
	obuf_puts(out, "Transmission follows...\n");
}

/* tcpreen never loses anything; this line is ours. */
void
tcpreen_lines_gap(const struct format_opts *o, void *st,
    const struct session *s, const struct gap *g, struct obuf *out)
{
	(void)o;
	(void)st;
	(void)s;
	obuf_printf(out, "%s%" PRIu64 " %s lost\n", tcpreen_lines_mark(g->dir),
	    g->len, tcpreen_lines_unit(g->len));
}

static void
tell(struct tcpreen_lines *l, enum dir dir, uint64_t total, struct obuf *out)
{
	bool input = dir == DIR_CLIENT;

	l->told[dir] = true;
	l->held[dir] = false;
	obuf_printf(out, "End of %s: %" PRIu64 " %s %s.\n",
	    input ? "input" : "output", total, tcpreen_lines_unit(total),
	    input ? "received" : "sent");
}

static bool
is_cut(enum how how)
{
	return how != HOW_FIN && how != HOW_RST && how != HOW_ERROR;
}

void
tcpreen_lines_end(const struct format_opts *o, void *st,
    const struct session *s, const struct end *e, struct obuf *out)
{
	struct tcpreen_lines *l = st;
	enum dir other = dir_other(e->dir);
	bool by_other =
	    e->by == (other == DIR_CLIENT ? PARTY_CLIENT : PARTY_SERVER);

	(void)o;
	(void)s;
	if (!l->talks || is_cut(e->how))
		return;
	if (e->how != HOW_FIN && by_other && !l->told[other]) {
		l->held[e->dir] = true;
		l->total[e->dir] = e->off;
		return;
	}
	tell(l, e->dir, e->off, out);
	if (l->held[other])
		tell(l, other, l->total[other], out);
}

void
tcpreen_lines_close(const struct format_opts *o, void *st,
    const struct session *s, struct obuf *out)
{
	struct tcpreen_lines *l = st;

	(void)o;
	(void)s;
	if (!l->talks)
		return;
	for (enum dir d = DIR_CLIENT; d <= DIR_SERVER; d++)
		if (l->held[d])
			tell(l, d, l->total[d], out);
	obuf_puts(out, "End of transmission.\n");
}
