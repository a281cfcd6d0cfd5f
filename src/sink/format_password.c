#include "base/text.h"

#include "sink/formats.h"
#include "sink/headline.h"
#include "sink/password.h"

/*
 * password - a line for each user and password that went by in the clear.
 */

/* What a finding is told with. */
struct telling {
	const struct format_opts *o;
	const struct session *s;
	uint64_t ts_ns;
	struct obuf *out;
};

static void
tell(void *self, const struct password_finding *f)
{
	const struct telling *t = self;

	headline_put(t->o, t->s, t->ts_ns, HEADLINE_CLIENT, t->out);
	obuf_puts(t->out, password_protocol_name(f->protocol));
	obuf_puts(t->out, " user ");
	headline_quote_put(t->o, f->user, f->user_len, t->out);
	obuf_puts(t->out, " password ");
	headline_quote_put(t->o, f->word, f->word_len, t->out);
	headline_finish_put(t->o, t->out);
}

static uint64_t
on_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	struct telling t = { .o = o, .s = s, .ts_ns = c->ts_ns, .out = out };
	struct password_ear ear = { .tell = tell, .self = &t };

	password_data(st, c->dir, c->data, c->len, &ear);
	return 0;
}

static void
on_gap(const struct format_opts *o, void *st, const struct session *s,
    const struct gap *g, struct obuf *out)
{
	(void)o;
	(void)s;
	(void)out;
	password_gap(st, g->dir);
}

static void
on_close(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	(void)o;
	(void)s;
	(void)out;
	password_done(st);
}

const struct format format_password = {
	.name = "password",
	.help = "users and passwords sent in the clear",
	.need = NEED_MEMORY,
	.session_size = sizeof(struct password),
	.data = on_data,
	.gap = on_gap,
	.close = on_close,
};
