#include <string.h>

#include "base/text.h"

#include "sink/formats.h"
#include "sink/password.h"

/*
 * tcpreen-password - "PROTOCOL: user:password", and not a line more.
 *
 * tcpreen itself calls every protocol UNKNOWN.  FTP is named here only if the
 * server said so in its greeting: "220" alone may be anything.
 */

/**
 * struct password_state - Of a session
 * @pw:		The parser
 * @greeted:	The server's first line is over
 * @match:	Letters of "ftp" seen in a row in that line
 * @ftp:	All three were seen
 */
struct password_state {
	struct password pw;
	bool greeted;
	uint8_t match;
	bool ftp;
};

/* What a finding is told with. */
struct telling {
	const struct password_state *st;
	struct obuf *out;
};

/*
 * Controls are escaped, since terminals obey them; the backslash stays what
 * it is, so that DOMAIN\user can be copied.  tcpreen ends at a NUL, as C
 * strings do.
 */
static void
put_word(const uint8_t *p, size_t n, struct obuf *out)
{
	const uint8_t *nul = memchr(p, '\0', n);
	size_t at = 0;

	if (nul != NULL)
		n = (size_t)(nul - p);
	while (at < n) {
		const uint8_t *slash = memchr(p + at, '\\', n - at);
		size_t run =
		    slash != NULL ? (size_t)(slash - (p + at)) : n - at;
		uint8_t *room = obuf_room(out, TEXT_ESCAPE_ROOM(run));

		if (room == NULL)
			return;
		out->len += text_escape(room, p + at, run, TEXT_PLAIN);
		at += run;
		if (slash != NULL) {
			obuf_putc(out, '\\');
			at++;
		}
	}
}

static void
tell(void *self, const struct password_finding *f)
{
	const struct telling *t = self;
	enum password_protocol protocol = f->protocol;

	if (protocol == PASSWORD_FTP && !t->st->ftp)
		protocol = PASSWORD_UNKNOWN;
	obuf_puts(t->out, password_protocol_name(protocol));
	obuf_puts(t->out, ": ");
	put_word(f->user, f->user_len, t->out);
	obuf_putc(t->out, ':');
	put_word(f->word, f->word_len, t->out);
	obuf_putc(t->out, '\n');
}

/* Does the server's first line say "ftp"?  It may come in pieces. */
static void
look_for_ftp(struct password_state *st, const uint8_t *p, size_t n)
{
	static const char word[] = "ftp";

	for (size_t i = 0; i < n && !st->greeted; i++) {
		uint8_t lower = p[i] | 0x20;

		if (lower == (uint8_t)word[st->match])
			st->match++;
		else
			st->match = lower == (uint8_t)word[0];
		st->ftp = st->match == sizeof(word) - 1;
		st->greeted = st->ftp || p[i] == '\n';
	}
}

static uint64_t
on_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	struct password_state *state = st;
	struct telling t = { .st = state, .out = out };
	struct password_ear ear = { .tell = tell, .self = &t };

	(void)o;
	(void)s;
	if (c->dir == DIR_SERVER)
		look_for_ftp(state, c->data, c->len);
	password_data(&state->pw, c->dir, c->data, c->len, &ear);
	return 0;
}

static void
on_gap(const struct format_opts *o, void *st, const struct session *s,
    const struct gap *g, struct obuf *out)
{
	struct password_state *state = st;

	(void)o;
	(void)s;
	(void)out;
	password_gap(&state->pw, g->dir);
}

static void
on_close(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	struct password_state *state = st;

	(void)o;
	(void)s;
	(void)out;
	password_done(&state->pw);
}

const struct format format_tcpreen_password = {
	.name = "tcpreen-password",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct password_state),
	.data = on_data,
	.gap = on_gap,
	.close = on_close,
};
