#include <stddef.h>
#include <stdint.h>

#include "base/jsonout.h"
#include "base/obuf.h"
#include "control/ports.h"
#include "control/session_json.h"
#include "control/watch.h"
#include "core/event.h"
#include "wire/community_id.h"
#include "wire/jsonl.h"

static uint64_t
load(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/* "key":{"c2s":1,"s2c":2} */
static void
pair_put(
    struct obuf *o, const char *key, const _Atomic uint64_t value[DIR_NDIRS])
{
	jsonout_open(o, key, '{');
	for (int d = 0; d < DIR_NDIRS; d++)
		jsonout_number(o, dir_name((enum dir)d), load(&value[d]));
	jsonout_close(o, '}');
}

static void
addr_put(struct obuf *o, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	jsonout_text(
	    o, key, a->family != AF_UNSPEC ? addr_format(a, text) : NULL);
}

static void
ends_put(struct obuf *o, const struct watch_session *ws)
{
	char id[COMMUNITY_ID_MAX];
	bool has_id;

	addr_put(o, "client", &ws->client);
	addr_put(o, "server", &ws->server);
	jsonout_text(o, "target", ws->target);
	addr_put(o, "listen", &ws->listen);
	addr_put(o, "local", &ws->local);
	jsonout_text(o, "client_name", ws->host[DIR_CLIENT]);
	jsonout_text(o, "server_name", ws->host[DIR_SERVER]);
	/* Of the connection that a capture beside the client would see. */
	has_id = community_id_format(&ws->client,
	    ws->listen.family != AF_UNSPEC ? &ws->listen : &ws->server, id);
	jsonout_text(o, "community_id", has_id ? id : NULL);
}

/* "ended":{"c2s":"fin","s2c":null} */
static void
ended_put(struct obuf *o, const struct watch_session *ws)
{
	uint8_t ended = atomic_load(&ws->ended);

	jsonout_open(o, "ended", '{');
	for (int d = 0; d < DIR_NDIRS; d++)
		jsonout_text(o, dir_name((enum dir)d),
		    (ended & 1U << d) != 0
			? event_how_name((enum how)ws->end[d].how)
			: NULL);
	jsonout_close(o, '}');
}

/* "history":{"c2s":[from,to],"s2c":[from,to]} */
static void
history_put(struct obuf *o, const struct watch_session *ws)
{
	jsonout_open(o, "history", '{');
	for (int d = 0; d < DIR_NDIRS; d++) {
		uint64_t from = load(&ws->history[d]);
		uint64_t to = load(&ws->bytes[d]) + load(&ws->gap_bytes[d]);

		jsonout_open(o, dir_name((enum dir)d), '[');
		jsonout_number(o, NULL, from < to ? from : to);
		jsonout_number(o, NULL, to);
		jsonout_close(o, ']');
	}
	jsonout_close(o, '}');
}

void
session_json_put(struct obuf *o, const char *key,
    const struct watch_session *ws, struct ports *ports)
{
	bool closed = atomic_load_explicit(&ws->closed, memory_order_acquire);
	uint64_t last_ns = load(&ws->last_ns);

	jsonout_open(o, key, '{');
	jsonout_number(o, "id", ws->id);
	jsonout_text(o, "input", ws->input);
	jsonout_text(o, "source", ws->source);
	ends_put(o, ws);
	jsonout_text(o, "state", closed ? "closed" : "open");
	jsonout_bool(o, "midstream", ws->midstream);
	jsonout_stamp(o, "opened", ws->open_ns);
	jsonout_stamp(o, "last", last_ns);
	jsonout_number(o, "duration_ns",
	    last_ns > ws->open_ns ? last_ns - ws->open_ns : 0);
	pair_put(o, "bytes", ws->bytes);
	pair_put(o, "gap_bytes", ws->gap_bytes);
	pair_put(o, "lost_bytes", ws->lost_bytes);
	if (ws->has_packets)
		pair_put(o, "packets", ws->packets);
	else
		jsonout_null(o, "packets");
	ended_put(o, ws);
	jsonout_text(
	    o, "reason", closed ? event_how_name((enum how)ws->reason) : NULL);
	jsonout_text(o, "first",
	    closed ? event_party_name((enum party)ws->first) : NULL);
	jsonout_text(o, "error", closed ? ws->error : NULL);
	history_put(o, ws);
	ports_put(ports, o, ws->id);
	jsonout_close(o, '}');
}

void
session_json_opened(struct obuf *o, const struct watch_session *ws)
{
	jsonl_open_put(o, &(struct jsonl_open){
			      .head = { ws->open_ns, ws->id },
			      .source = ws->source,
			      .input = ws->input,
			      .client = &ws->client,
			      .server = &ws->server,
			      .listen = &ws->listen,
			      .local = &ws->local,
			      .target = ws->target,
			      .midstream = ws->midstream,
			  });
}

void
session_json_ended(struct obuf *o, const struct watch_session *ws, enum dir dir)
{
	const struct watch_end *end = &ws->end[dir];
	const struct jsonl_place at = { { end->ts_ns, ws->id }, dir_name(dir),
		end->off };

	jsonl_end_put(o, &at, event_how_name((enum how)end->how));
}

/* [id,c2s,s2c,c2s,s2c,c2s,s2c]: bytes, gap bytes and packets or nulls. */
void
session_json_counts(struct obuf *o, const struct watch_session *ws)
{
	jsonout_open(o, NULL, '[');
	jsonout_number(o, NULL, ws->id);
	for (int d = 0; d < DIR_NDIRS; d++)
		jsonout_number(o, NULL, load(&ws->bytes[d]));
	for (int d = 0; d < DIR_NDIRS; d++)
		jsonout_number(o, NULL, load(&ws->gap_bytes[d]));
	for (int d = 0; d < DIR_NDIRS; d++) {
		if (ws->has_packets)
			jsonout_number(o, NULL, load(&ws->packets[d]));
		else
			jsonout_null(o, NULL);
	}
	jsonout_close(o, ']');
}

uint64_t
session_json_sum(const struct watch_session *ws)
{
	uint64_t sum = 0;

	for (int d = 0; d < DIR_NDIRS; d++)
		sum += load(&ws->bytes[d]) + load(&ws->gap_bytes[d]) +
		       load(&ws->packets[d]);
	return sum;
}

void
session_json_closed(struct obuf *o, const struct watch_session *ws)
{
	uint64_t packets[DIR_NDIRS], again[DIR_NDIRS];
	struct jsonl_close e = {
		.head = { load(&ws->last_ns), ws->id },
		.reason = event_how_name((enum how)ws->reason),
		.first = event_party_name((enum party)ws->first),
		.open_ns = ws->open_ns,
		.error = ws->error,
	};

	for (int d = 0; d < DIR_NDIRS; d++) {
		e.bytes[d] = load(&ws->bytes[d]);
		e.gap_bytes[d] = load(&ws->gap_bytes[d]);
		e.lost_bytes[d] = load(&ws->lost_bytes[d]);
		packets[d] = load(&ws->packets[d]);
		again[d] = load(&ws->retransmitted[d]);
	}
	if (ws->has_packets) {
		e.packets = packets;
		e.retransmitted = again;
	}
	jsonl_close_put(o, &e);
}
