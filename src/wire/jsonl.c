#include "base/addr.h"
#include "base/base64.h"
#include "base/obuf.h"
#include "base/text.h"

#include "wire/community_id.h"
#include "wire/jsonl.h"

/* Everything of a data event but the data; the numbers at their longest. */
#define DATA_HEAD_MAX 192
#define DATA_TAIL     "\"}\n"

/* {"v":1,"ts":"...","event":"NAME","session":N */
static void
head_put(struct obuf *out, const struct jsonl_head *h, const char *event)
{
	char stamp[TEXT_STAMP_MAX];

	obuf_puts(out, "{\"v\":1,\"ts\":\"");
	obuf_puts(out, text_stamp(h->ts_ns, stamp));
	obuf_puts(out, "\",\"event\":\"");
	obuf_puts(out, event);
	obuf_puts(out, "\",\"session\":");
	text_decimal_put(out, h->session);
}

/* ... ,"dir":"c2s","offset":N */
static void
place_put(struct obuf *out, const struct jsonl_place *at, const char *event)
{
	head_put(out, &at->head, event);
	obuf_puts(out, ",\"dir\":\"");
	obuf_puts(out, at->dir);
	obuf_puts(out, "\",\"offset\":");
	text_decimal_put(out, at->off);
}

/* ,"KEY":"text" */
static void
text_put(struct obuf *out, const char *key, const char *text)
{
	obuf_printf(out, ",\"%s\":", key);
	text_json_put(out, text);
}

static void
addr_put(struct obuf *out, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	text_put(out, key, addr_format(a, text));
}

/* ,"KEY":{"c2s":1,"s2c":2} */
static void
pair_put(struct obuf *out, const char *key, const uint64_t value[JSONL_NDIRS])
{
	obuf_printf(out, ",\"%s\":{\"c2s\":%llu,\"s2c\":%llu}", key,
	    (unsigned long long)value[0], (unsigned long long)value[1]);
}

void
jsonl_open_put(struct obuf *out, const struct jsonl_open *e)
{
	bool between = e->listen->family != AF_UNSPEC;
	char id[COMMUNITY_ID_MAX];

	head_put(out, &e->head, "open");
	text_put(out, "source", e->source);
	if (e->input != NULL)
		text_put(out, "input", e->input);
	addr_put(out, "client", e->client);
	addr_put(out, "server", e->server);
	if (between)
		addr_put(out, "listen", e->listen);
	if (e->local->family != AF_UNSPEC)
		addr_put(out, "local", e->local);
	if (e->target != NULL)
		text_put(out, "target", e->target);
	/* Of the connection that a capture beside the client would see. */
	if (community_id_format(e->client, between ? e->listen : e->server, id))
		text_put(out, "community_id", id);
	if (e->midstream)
		obuf_puts(out, ",\"midstream\":true");
	obuf_puts(out, "}\n");
}

void
jsonl_data_put(struct obuf *out, const struct jsonl_place *at,
    const uint8_t *data, size_t len)
{
	size_t room = DATA_HEAD_MAX + base64_len(len) + sizeof(DATA_TAIL);

	/* One reservation, so that a long chunk is never moved. */
	if (obuf_room(out, room) == NULL)
		return;
	place_put(out, at, "data");
	obuf_puts(out, ",\"len\":");
	text_decimal_put(out, len);
	obuf_puts(out, ",\"data\":\"");
	base64_put(out, data, len);
	obuf_puts(out, DATA_TAIL);
}

void
jsonl_gap_put(struct obuf *out, const struct jsonl_place *at, uint64_t len,
    const char *why)
{
	place_put(out, at, "gap");
	obuf_printf(out, ",\"len\":%llu,\"why\":\"%s\"}\n",
	    (unsigned long long)len, why);
}

void
jsonl_conflict_put(struct obuf *out, const struct jsonl_place *at,
    const uint8_t *kept, const uint8_t *other, size_t len)
{
	place_put(out, at, "conflict");
	obuf_printf(out, ",\"len\":%zu,\"kept\":\"", len);
	base64_put(out, kept, len);
	obuf_puts(out, "\",\"other\":\"");
	base64_put(out, other, len);
	obuf_puts(out, DATA_TAIL);
}

void
jsonl_end_put(struct obuf *out, const struct jsonl_place *at, const char *how)
{
	place_put(out, at, "end");
	obuf_printf(out, ",\"how\":\"%s\"}\n", how);
}

void
jsonl_close_put(struct obuf *out, const struct jsonl_close *e)
{
	head_put(out, &e->head, "close");
	obuf_printf(
	    out, ",\"reason\":\"%s\",\"first\":\"%s\"", e->reason, e->first);
	pair_put(out, "bytes", e->bytes);
	pair_put(out, "gap_bytes", e->gap_bytes);
	obuf_printf(out, ",\"duration_ns\":%llu",
	    (unsigned long long)(e->head.ts_ns - e->open_ns));
	if (e->lost_bytes[0] > 0 || e->lost_bytes[1] > 0)
		pair_put(out, "lost", e->lost_bytes);
	if (e->packets != NULL)
		pair_put(out, "packets", e->packets);
	if (e->retransmitted != NULL)
		pair_put(out, "retransmitted", e->retransmitted);
	if (e->error != NULL)
		text_put(out, "error", e->error);
	obuf_puts(out, "}\n");
}
