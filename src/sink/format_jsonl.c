#include <assert.h>
#include <string.h>

#include "core/session.h"
#include "wire/jsonl.h"

#include "sink/formats.h"

/* jsonl - every event as one JSON object on a line: see wire/jsonl.h. */

static struct jsonl_place
place(const struct session *s, enum dir dir, uint64_t off, uint64_t ts_ns)
{
	return (struct jsonl_place){
		.head = { ts_ns, s->id },
		.dir = dir_name(dir),
		.off = off,
	};
}

static void
jsonl_open(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	const struct jsonl_open e = {
		.head = { s->open_ns, s->id },
		.source = s->source,
		.input = o->inputs ? s->input : NULL,
		.client = &s->client,
		.server = &s->server,
		.listen = session_listen(s),
		.local = session_local(s),
		.target = session_target(s),
		.midstream = s->midstream,
	};

	(void)st;
	jsonl_open_put(out, &e);
}

static uint64_t
jsonl_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	const struct jsonl_place at = place(s, c->dir, c->off, c->ts_ns);

	(void)o;
	(void)st;
	jsonl_data_put(out, &at, c->data, c->len);
	return 0;
}

static void
jsonl_gap(const struct format_opts *o, void *st, const struct session *s,
    const struct gap *g, struct obuf *out)
{
	const struct jsonl_place at = place(s, g->dir, g->off, g->ts_ns);

	(void)o;
	(void)st;
	jsonl_gap_put(out, &at, g->len, event_gap_name(g->why));
}

static void
jsonl_conflict(const struct format_opts *o, void *st, const struct session *s,
    const struct conflict *c, struct obuf *out)
{
	const struct jsonl_place at = place(s, c->dir, c->off, c->ts_ns);

	(void)o;
	(void)st;
	jsonl_conflict_put(out, &at, c->kept, c->other, c->len);
}

static void
jsonl_end(const struct format_opts *o, void *st, const struct session *s,
    const struct end *e, struct obuf *out)
{
	const struct jsonl_place at = place(s, e->dir, e->off, e->ts_ns);

	(void)o;
	(void)st;
	jsonl_end_put(out, &at, event_how_name(e->how));
}

static void
jsonl_close(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	bool overheard = session_is_overheard(s);
	struct jsonl_close e = {
		.head = { s->last_ns, s->id },
		.reason = event_how_name((enum how)s->reason),
		.first = event_party_name((enum party)s->first),
		.open_ns = s->open_ns,
		.packets = overheard ? s->packets : NULL,
		.retransmitted = overheard ? s->retransmitted : NULL,
		.error = session_error(s),
	};

	(void)o;
	(void)st;
	static_assert(DIR_NDIRS == JSONL_NDIRS && DIR_CLIENT == 0,
	    "directions are those of wire/jsonl.h");
	memcpy(e.bytes, s->bytes, sizeof(e.bytes));
	for (unsigned d = 0; d < DIR_NDIRS; d++) {
		e.gap_bytes[d] = session_gap_bytes(s, (enum dir)d);
		e.lost_bytes[d] = session_lost_bytes(s, (enum dir)d);
	}
	jsonl_close_put(out, &e);
}

const struct format format_jsonl = {
	.name = "jsonl",
	.help = "every event as a JSON object on a line",
	.need = NEED_MEMORY,
	.open = jsonl_open,
	.data = jsonl_data,
	.gap = jsonl_gap,
	.conflict = jsonl_conflict,
	.end = jsonl_end,
	.close = jsonl_close,
};
