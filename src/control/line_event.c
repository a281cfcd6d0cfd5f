#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "control/line_json.h"
#include "control/line_state.h"
#include "control/watch.h"

/* --- telling ------------------------------------------------------------- */

json_t *
line_event(enum news_cat cat, const char *event)
{
	return json_pack("{s:o, s:s, s:s}", "ts",
	    line_json_ts(clock_event_ns()), "cat", news_cat_names()[cat],
	    "event", event);
}

static json_t *
of_session(struct line *l, enum news_cat cat, const char *name,
    const struct watch_session *ws)
{
	json_t *event = line_event(cat, name);

	(void)json_object_set_new(event, "flow", line_json_flow(&l->o, ws));
	return event;
}

/* "session.tcp_open {...}", without what the words say already. */
static void
log_event(struct line *l, json_t *event)
{
	const char *cat = json_string_value(json_object_get(event, "cat"));
	const char *name = json_string_value(json_object_get(event, "event"));
	json_t *rest = json_copy(event);
	char what[64];
	char *text;

	(void)json_object_del(rest, "cat");
	(void)json_object_del(rest, "event");
	text = rest == NULL ? NULL
			    : json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(rest);
	if (cat == NULL || name == NULL || text == NULL) {
		free(text);
		return;
	}
	(void)snprintf(what, sizeof(what), "%s.%s", cat, name);
	l->o.log(l->o.self, what, text);
	free(text);
}

static unsigned
bit_of(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "cat"));

	for (unsigned i = 0; name != NULL && i < NEWS_NCATS; i++)
		if (strcmp(name, news_cat_names()[i]) == 0)
			return 1U << i;
	return 0;
}

/* To all who want it: as a note of session @flow, or as such (0). */
static void
publish(struct line *l, const json_t *event, uint64_t flow)
{
	struct line_client *all[LINE_CLIENTS + 1];
	unsigned bit = bit_of(event);
	size_t n = 0;

	/* Who is dropped meanwhile stays there until the loop turns. */
	for (struct list *at = l->clients.next; at != &l->clients;
	     at = at->next)
		all[n++] = LIST_ENTRY(at, struct line_client, node);
	for (size_t i = 0; i < n; i++) {
		struct line_client *c = all[i];

		if ((c->cats & bit) != 0 &&
		    (flow == 0 || line_client_wants_flow(c, flow)))
			l->bytes_out += line_client_send(c, event);
	}
}

void
line_publish(struct line *l, json_t *event_take)
{
	if (event_take == NULL) {
		(void)atomic_fetch_add(&l->events_dropped, 1);
		return;
	}
	log_event(l, event_take);
	if (!l->is_closed)
		publish(l, event_take, 0);
	json_decref(event_take);
}

/* --- consumers ----------------------------------------------------------- */

static void
tell_ports(struct line *l, const struct watch_session *ws, const struct news *n)
{
	json_t *event = of_session(l, NEWS_PORTS, "listener_ports", ws);

	if (n->port[NEWS_REQUESTS] == 0) {
		json_decref(event);
		return;
	}
	(void)json_object_set_new(
	    event, "requests_port", json_integer(n->port[NEWS_REQUESTS]));
	(void)json_object_set_new(
	    event, "responses_port", json_integer(n->port[NEWS_RESPONSES]));
	line_publish(l, event);
}

static void
tell_consumer(
    struct line *l, const struct watch_session *ws, const struct news *n)
{
	bool listens = strcmp(n->kind, "listen") == 0;
	char name[64], peer[ADDR_TEXT_MAX];
	json_t *event;

	(void)snprintf(name, sizeof(name), "%s_%s",
	    listens ? "listener" : "connector",
	    n->type == NEWS_CAME ? "connected" : "disconnected");
	event = of_session(l, NEWS_OUTPUT, name, ws);
	(void)json_object_set_new(
	    event, "stream", json_string(news_stream_name(n->stream)));
	(void)json_object_set_new(
	    event, "peer", json_string(addr_format(&n->peer, peer)));
	/* The consumer sees this one: so it knows whose bytes it gets. */
	(void)json_object_set_new(
	    event, "local", json_string(addr_format(&n->local, peer)));
	if (n->type == NEWS_GONE && n->ended) {
		(void)json_object_set_new(
		    event, "reason", json_string("input_closed"));
		(void)json_object_set_new(
		    event, "cause", json_string("input_half_close"));
	}
	if (n->type == NEWS_GONE && n->retry_ns > 0)
		(void)json_object_set_new(event, "retry_every_sec",
		    json_real((double)n->retry_ns / (double)CLOCK_NS_PER_S));
	line_publish(l, event);
}

static void
tell_news(struct line *l, const struct watch_session *ws, const struct news *n)
{
	if (n->type == NEWS_OPENED)
		tell_ports(l, ws, n);
	else
		tell_consumer(l, ws, n);
}

void
line_event_news(struct line *l, const struct news *n)
{
	struct watch_session *ws = roster_find(l->o.roster, n->session);
	struct line_entry *e;

	if (n->type == NEWS_FILE_OPENED || n->type == NEWS_FILE_CLOSED) {
		l->book.files_opened += n->type == NEWS_FILE_OPENED;
		l->book.files_closed += n->type == NEWS_FILE_CLOSED;
		return;
	}
	e = n->type == NEWS_OPENED ? line_book_add(&l->book, n->session)
				   : line_book_find(&l->book, n->session);
	if (e != NULL && n->type == NEWS_OPENED)
		line_book_take(e, n);
	if (ws != NULL) {
		if (e != NULL)
			line_book_known(&l->book, e);
		tell_news(l, ws, n);
		return;
	}
	if (e == NULL || line_book_wait(e, n) != 0)
		(void)atomic_fetch_add(&l->events_dropped, 1);
}

/* --- sessions ------------------------------------------------------------ */

static void
on_opened(void *self, struct watch_session *ws)
{
	struct line *l = self;
	struct line_entry *e = line_book_find(&l->book, ws->id);

	line_publish(l, of_session(l, NEWS_SESSION, "tcp_open", ws));
	if (e == NULL)
		return;
	line_book_known(&l->book, e);
	for (size_t i = 0; i < e->nwaiting; i++)
		tell_news(l, ws, &e->waiting[i]);
	line_book_told(e);
}

static void
on_ended(void *self, struct watch_session *ws, enum dir dir)
{
	struct line *l = self;
	bool c2s = line_json_is_c2s(&l->o, ws, dir);
	json_t *event = of_session(l, NEWS_SESSION, "tcp_half_close", ws);

	(void)json_object_set_new(
	    event, "direction", json_string(c2s ? "c2s" : "s2c"));
	(void)json_object_set_new(
	    event, "stream", json_string(line_json_stream(&l->o, c2s)));
	(void)json_object_set_new(event, "reason",
	    line_json_reason(&l->o, (enum how)ws->end[dir].how));
	line_publish(l, event);
}

static void
on_closed(void *self, struct watch_session *ws)
{
	struct line *l = self;
	struct line_entry *e = line_book_find(&l->book, ws->id);
	json_t *event = line_event(NEWS_SESSION, "session_summary");
	json_t *session = line_json_session(&l->o, ws, e, true);

	if (session != NULL)
		(void)json_object_update(event, session);
	json_decref(session);
	(void)json_object_set_new(
	    event, "reason", line_json_reason(&l->o, (enum how)ws->reason));
	line_publish(l, event);
	event = of_session(l, NEWS_SESSION, "tcp_close", ws);
	(void)json_object_set_new(
	    event, "reason", line_json_reason(&l->o, (enum how)ws->reason));
	line_publish(l, event);
	if (e != NULL)
		line_book_forget(&l->book, e);
}

void
line_event_listen(struct line *l)
{
	l->listener = (struct roster_listener){
		.opened = on_opened,
		.ended = on_ended,
		.closed = on_closed,
		.self = l,
	};
	list_init(&l->listener.node);
	roster_listen(l->o.roster, &l->listener);
}

/* --- notes --------------------------------------------------------------- */

static bool
anybody_follows(const struct line *l)
{
	for (struct list *at = l->clients.next; at != &l->clients;
	     at = at->next) {
		const struct line_client *c =
		    LIST_ENTRY(at, struct line_client, node);

		if ((c->cats & 1U << NEWS_FLOW) != 0 &&
		    (c->flow_all || c->nflows > 0))
			return true;
	}
	return false;
}

static void
put_delta(json_t *deltas, const char *name, uint64_t now, uint64_t *noted)
{
	if (now > *noted)
		(void)json_object_set_new(
		    deltas, name, json_integer((json_int_t)(now - *noted)));
	*noted = now;
}

static void
note(struct line *l, const struct watch_session *ws, enum dir dir,
    uint64_t noted[LINE_BOOK_NOTED])
{
	bool c2s = line_json_is_c2s(&l->o, ws, dir);
	json_t *deltas = json_object();
	json_t *event;

	put_delta(deltas, "retransmit_drop",
	    atomic_load(&ws->retransmitted[dir]), &noted[0]);
	put_delta(
	    deltas, "gap_bytes", atomic_load(&ws->gap_bytes[dir]), &noted[1]);
	put_delta(deltas, "overlap_conflict", atomic_load(&ws->conflicts[dir]),
	    &noted[2]);
	if (json_object_size(deltas) == 0) {
		json_decref(deltas);
		return;
	}
	event = of_session(l, NEWS_FLOW, "tcp_note", ws);
	(void)json_object_set_new(event, "note", json_string("tcp_reassembly"));
	(void)json_object_set_new(
	    event, "direction", json_string(c2s ? "c2s" : "s2c"));
	(void)json_object_set_new(event, "deltas", deltas);
	if (event != NULL)
		publish(l, event, ws->id);
	json_decref(event);
}

/* What @dir has sent is not acknowledged. */
static void
tell_stall(struct line *l, const struct watch_session *ws, enum dir dir,
    const struct line_entry *e, uint64_t now_ns)
{
	/* The direction that is told is that of the acknowledgements. */
	bool c2s = !line_json_is_c2s(&l->o, ws, dir);
	json_t *event = of_session(l, NEWS_FLOW, "tcp_note", ws);

	(void)json_object_set_new(event, "note", json_string("ack_stall"));
	(void)json_object_set_new(
	    event, "direction", json_string(c2s ? "c2s" : "s2c"));
	(void)json_object_set_new(event, "stall_sec",
	    json_real(
		(double)(now_ns - e->heard_ns[dir]) / (double)CLOCK_NS_PER_S));
	(void)json_object_set_new(
	    event, "last_ack", json_integer((json_int_t)e->acked[dir]));
	if (event != NULL)
		publish(l, event, ws->id);
	json_decref(event);
}

/* An end that has sent nothing since it was acknowledged is only idle. */
static void
look_for_stall(struct line *l, const struct watch_session *ws,
    struct line_entry *e, uint64_t now_ns)
{
	for (int d = 0; d < DIR_NDIRS; d++) {
		uint64_t acked = atomic_load(&ws->acked[d]);
		uint64_t sent =
		    atomic_load(&ws->bytes[d]) + atomic_load(&ws->gap_bytes[d]);

		if (acked != e->acked[d] || sent <= acked ||
		    e->heard_ns[d] == 0) {
			e->acked[d] = acked;
			e->heard_ns[d] = now_ns;
			e->stall_ns[d] = now_ns;
		} else if (now_ns - e->stall_ns[d] >= l->o.stall_ns) {
			e->stall_ns[d] = now_ns;
			tell_stall(l, ws, (enum dir)d, e, now_ns);
		}
	}
}

/* Of sessions without consumers there is no entry yet. */
static void
note_session(struct line *l, struct watch_session *ws)
{
	struct line_entry *e = line_book_find(&l->book, ws->id);

	if (e == NULL) {
		e = line_book_add(&l->book, ws->id);
		if (e == NULL)
			return;
		line_book_known(&l->book, e);
	}
	for (int d = 0; d < DIR_NDIRS; d++)
		note(l, ws, (enum dir)d, e->noted[d]);
	if (l->o.stall_ns == 0 || !ws->has_packets)
		return;
	/* What was asked for the last time is here by now. */
	look_for_stall(l, ws, e, clock_mono_ns());
	watch_refresh(l->o.watch, ws);
}

void
line_event_notes(struct line *l)
{
	const struct roster_query q = {
		.state = ROSTER_OPEN,
		.limit = SIZE_MAX,
	};
	struct roster_page page;

	if (!anybody_follows(l) || roster_list(l->o.roster, &q, &page) != 0)
		return;
	for (size_t i = 0; i < page.n; i++)
		note_session(l, page.sessions[i]);
	roster_page_done(&page);
}
