#include <string.h>

#include "base/base64.h"
#include "base/text.h"
#include "core/session.h"
#include "wire/community_id.h"

#include "sink/formats.h"

/*
 * jsonl - every event as one JSON object on a line of its own.
 *
 * Nothing is left out: with the offsets, the data and the gaps the streams
 * can be put together again exactly.  Fields come in a fixed order; those
 * that have nothing to say are absent.
 */

/* Everything of a data event but the data; the numbers at their longest. */
#define DATA_HEAD_MAX 192
#define DATA_TAIL     "\"}\n"

/* {"v":1,"ts":"...","event":"NAME","session":N */
static void
begin_put(const struct session *s, uint64_t ts_ns, const char *event,
    struct obuf *out)
{
	char stamp[TEXT_STAMP_MAX];

	obuf_puts(out, "{\"v\":1,\"ts\":\"");
	obuf_puts(out, text_stamp(ts_ns, stamp));
	obuf_puts(out, "\",\"event\":\"");
	obuf_puts(out, event);
	obuf_puts(out, "\",\"session\":");
	text_decimal_put(out, s->id);
}

/* ,"KEY":"text" */
static void
text_put(const char *key, const char *text, struct obuf *out)
{
	obuf_printf(out, ",\"%s\":", key);
	text_json_put(out, text);
}

static void
addr_put(const char *key, const struct addr *a, struct obuf *out)
{
	char text[ADDR_TEXT_MAX];

	text_put(key, addr_format(a, text), out);
}

/* ,"KEY":{"c2s":1,"s2c":2} */
static void
pair_put(const char *key, const uint64_t value[DIR_NDIRS], struct obuf *out)
{
	obuf_printf(out, ",\"%s\":{\"%s\":%llu,\"%s\":%llu}", key,
	    dir_name(DIR_CLIENT), (unsigned long long)value[DIR_CLIENT],
	    dir_name(DIR_SERVER), (unsigned long long)value[DIR_SERVER]);
}

/* ,"dir":"c2s","offset":N */
static void
place_put(enum dir dir, uint64_t off, struct obuf *out)
{
	obuf_puts(out, ",\"dir\":\"");
	obuf_puts(out, dir_name(dir));
	obuf_puts(out, "\",\"offset\":");
	text_decimal_put(out, off);
}

static void
jsonl_open(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	char id[COMMUNITY_ID_MAX];

	(void)st;
	begin_put(s, s->open_ns, "open", out);
	text_put("source", s->source, out);
	if (o->inputs)
		text_put("input", s->input, out);
	addr_put("client", &s->client, out);
	addr_put("server", &s->server, out);
	if (s->listen.family != AF_UNSPEC)
		addr_put("listen", &s->listen, out);
	if (s->local.family != AF_UNSPEC)
		addr_put("local", &s->local, out);
	if (s->target != NULL)
		text_put("target", s->target, out);
	/* Of the connection that a capture beside the client would see. */
	if (community_id_format(&s->client,
		s->listen.family != AF_UNSPEC ? &s->listen : &s->server, id))
		text_put("community_id", id, out);
	if (s->midstream)
		obuf_puts(out, ",\"midstream\":true");
	obuf_puts(out, "}\n");
}

static uint64_t
jsonl_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	size_t len = base64_len(c->len);

	(void)o;
	(void)st;
	/* One reservation, so that a long chunk is never moved. */
	if (obuf_room(out, DATA_HEAD_MAX + len + sizeof(DATA_TAIL)) == NULL)
		return 0;
	begin_put(s, c->ts_ns, "data", out);
	place_put(c->dir, c->off, out);
	obuf_puts(out, ",\"len\":");
	text_decimal_put(out, c->len);
	obuf_puts(out, ",\"data\":\"");
	base64_put(out, c->data, c->len);
	obuf_puts(out, DATA_TAIL);
	return 0;
}

static void
jsonl_gap(const struct format_opts *o, void *st, const struct session *s,
    const struct gap *g, struct obuf *out)
{
	(void)o;
	(void)st;
	begin_put(s, g->ts_ns, "gap", out);
	place_put(g->dir, g->off, out);
	obuf_printf(out, ",\"len\":%llu,\"why\":\"%s\"}\n",
	    (unsigned long long)g->len, event_gap_name(g->why));
}

static void
jsonl_conflict(const struct format_opts *o, void *st, const struct session *s,
    const struct conflict *c, struct obuf *out)
{
	(void)o;
	(void)st;
	begin_put(s, c->ts_ns, "conflict", out);
	place_put(c->dir, c->off, out);
	obuf_printf(out, ",\"len\":%zu,\"kept\":\"", c->len);
	base64_put(out, c->kept, c->len);
	obuf_puts(out, "\",\"other\":\"");
	base64_put(out, c->other, c->len);
	obuf_puts(out, DATA_TAIL);
}

static void
jsonl_end(const struct format_opts *o, void *st, const struct session *s,
    const struct end *e, struct obuf *out)
{
	(void)o;
	(void)st;
	begin_put(s, e->ts_ns, "end", out);
	place_put(e->dir, e->off, out);
	obuf_printf(out, ",\"how\":\"%s\"}\n", event_how_name(e->how));
}

static void
jsonl_close(const struct format_opts *o, void *st, const struct session *s,
    struct obuf *out)
{
	(void)o;
	(void)st;
	begin_put(s, s->last_ns, "close", out);
	obuf_printf(out, ",\"reason\":\"%s\",\"first\":\"%s\"",
	    event_how_name((enum how)s->reason),
	    event_party_name((enum party)s->first));
	pair_put("bytes", s->bytes, out);
	pair_put("gap_bytes", s->gap_bytes, out);
	obuf_printf(out, ",\"duration_ns\":%llu",
	    (unsigned long long)(s->last_ns - s->open_ns));
	if (s->lost_bytes[DIR_CLIENT] > 0 || s->lost_bytes[DIR_SERVER] > 0)
		pair_put("lost", s->lost_bytes, out);
	if (session_is_overheard(s)) {
		pair_put("packets", s->packets, out);
		pair_put("retransmitted", s->retransmitted, out);
	}
	if (s->error != NULL)
		text_put("error", s->error, out);
	obuf_puts(out, "}\n");
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
