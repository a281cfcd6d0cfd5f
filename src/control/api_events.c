#include <assert.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/jsonout.h"
#include "base/list.h"
#include "base/obuf.h"
#include "control/api.h"
#include "control/api_events.h"
#include "control/backend.h"
#include "control/roster.h"
#include "control/session_json.h"
#include "control/watch.h"
#include "http/http_reply.h"
#include "http/http_request.h"
#include "http/http_stream.h"

/* How often rates are told. */
#define RATES_NS CLOCK_NS_PER_S

/*
 * Sessions that are named in one event of rates: 100 KB at most, which fits
 * into the queue of a stream twice.
 */
#define MAX_CHANGED 1000

/**
 * struct api_events - Those who listen
 * @streams:	Each a struct hearer
 * @listener:	On the roster while there is a stream
 * @below:	Sessions with smaller numbers come first in the next rates,
 *		since they found no room in the last; 0: the newest do
 * @due_ns:	When the next are due, monotonic
 * @text:	One event
 */
struct api_events {
	const struct backend *backend;
	struct list streams;
	struct roster_listener listener;
	uint64_t below;
	uint64_t due_ns;
	struct obuf text;
};

/**
 * struct hearer - A client
 * @dropped:	Events that it was not told
 */
struct hearer {
	struct list node;
	struct api_events *events;
	struct http_stream *st;
	uint64_t dropped;
};

/* --- to one and to all ------------------------------------------------- */

/* Says what one has missed; false: there is no room even for that. */
static bool
tell_dropped(struct hearer *h)
{
	struct obuf text = { .data = NULL };
	bool done;

	if (h->dropped == 0)
		return true;
	jsonout_open(&text, NULL, '{');
	jsonout_number(&text, "events", h->dropped);
	jsonout_close(&text, '}');
	done = !text.failed &&
	       http_stream_put(h->st, "dropped", text.data, text.len);
	obuf_done(&text);
	if (done)
		h->dropped = 0;
	return done;
}

static void
tell(struct hearer *h, const char *event, const struct obuf *text)
{
	if (!tell_dropped(h) ||
	    !http_stream_put(h->st, event, text->data, text->len))
		h->dropped++;
}

static void
tell_all(struct api_events *ev, const char *event)
{
	struct list *l;

	if (ev->text.failed)
		return;
	for (l = ev->streams.next; l != &ev->streams; l = l->next)
		tell(LIST_ENTRY(l, struct hearer, node), event, &ev->text);
}

/* --- sessions ---------------------------------------------------------- */

/* roster_listener.opened */
static void
on_opened(void *self, struct watch_session *ws)
{
	struct api_events *ev = self;

	obuf_clear(&ev->text);
	session_json_opened(&ev->text, ws);
	tell_all(ev, "open");
}

/* roster_listener.ended; of one that is over the close says enough. */
static void
on_ended(void *self, struct watch_session *ws, enum dir dir)
{
	struct api_events *ev = self;

	if (atomic_load_explicit(&ws->closed, memory_order_acquire))
		return;
	obuf_clear(&ev->text);
	session_json_ended(&ev->text, ws, dir);
	tell_all(ev, "end");
}

/* roster_listener.closed */
static void
on_closed(void *self, struct watch_session *ws)
{
	struct api_events *ev = self;

	obuf_clear(&ev->text);
	session_json_closed(&ev->text, ws);
	tell_all(ev, "close");
}

/* --- rates ------------------------------------------------------------- */

/* Where in @page, the newest first, the round goes on. */
static size_t
first_of_round(const struct api_events *ev, const struct roster_page *page)
{
	size_t i = 0;

	while (i < page->n && page->sessions[i]->id >= ev->below)
		i++;
	return ev->below > 0 && i < page->n ? i : 0;
}

/*
 * "changed":[...],"untold":N: sessions that grew since they were told of, as
 * many as there is room for, and how many the others are, whose turn it is the
 * next time.
 */
static void
changed_put(struct api_events *ev, const struct roster_page *page)
{
	size_t at = first_of_round(ev, page), told = 0, untold = 0;

	ev->below = 0;
	jsonout_open(&ev->text, "changed", '[');
	for (size_t i = 0; i < page->n; i++) {
		struct watch_session *ws = page->sessions[(at + i) % page->n];
		uint64_t sum = session_json_sum(ws);

		if (ws->told == sum)
			continue;
		if (told == MAX_CHANGED) {
			untold++;
			continue;
		}
		ws->told = sum;
		ev->below = ws->id;
		session_json_counts(&ev->text, ws);
		told++;
	}
	jsonout_close(&ev->text, ']');
	jsonout_number(&ev->text, "untold", untold);
	if (untold == 0)
		ev->below = 0;
}

static uint64_t
number_of(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

/* "bytes":{...},"gap_bytes":{...},"dropped_bytes":N: all sums of the sheet. */
static void
sums_put(struct obuf *o, const json_t *sheet)
{
	const json_t *bytes = json_object_get(sheet, "bytes");
	static const char *const keys[][2] = {
		{ "bytes", "delivered" },
		{ "gap_bytes", "gap" },
	};
	const json_t *sink, *why;
	uint64_t dropped = 0;
	const char *reason;
	size_t i;

	for (i = 0; i < ATTR_COUNT(keys); i++) {
		jsonout_open(o, keys[i][0], '{');
		for (int d = 0; d < DIR_NDIRS; d++) {
			const char *dir = dir_name((enum dir)d);

			jsonout_number(o, dir,
			    number_of(json_object_get(bytes, dir), keys[i][1]));
		}
		jsonout_close(o, '}');
	}
	json_array_foreach(json_object_get(sheet, "sinks"), i, sink)
	{
		json_t *reasons = json_object_get(sink, "dropped");

		json_object_foreach(reasons, reason, why) dropped +=
		    number_of(why, "bytes");
	}
	jsonout_number(o, "dropped_bytes", dropped);
}

static void
tell_rates(struct api_events *ev)
{
	const struct roster_query q = {
		.state = ROSTER_OPEN,
		.newest_first = true,
		.limit = SIZE_MAX,
	};
	const struct backend *be = ev->backend;
	struct roster_page page;
	json_t *sheet;

	if (roster_list(be->roster, &q, &page) != 0)
		return; /* in a second there may be memory again */
	sheet = be->sheet(be->self);
	obuf_clear(&ev->text);
	jsonout_open(&ev->text, NULL, '{');
	jsonout_stamp(&ev->text, "ts", clock_event_ns());
	jsonout_number(&ev->text, "sessions", roster_open(be->roster));
	sums_put(&ev->text, sheet);
	changed_put(ev, &page);
	jsonout_close(&ev->text, '}');
	json_decref(sheet);
	roster_page_done(&page);
	tell_all(ev, "rates");
}

/* http_stream_ops.tick; the first stream that is asked tells all. */
static void
on_tick(void *self, uint64_t mono_ns)
{
	struct hearer *h = self;
	struct api_events *ev = h->events;

	if (mono_ns < ev->due_ns)
		return;
	/* Ticks come late; the next is not to be later for it. */
	ev->due_ns = mono_ns - ev->due_ns < RATES_NS ? ev->due_ns + RATES_NS
						     : mono_ns + RATES_NS;
	tell_rates(ev);
}

/* --- who listens ------------------------------------------------------- */

/* http_stream_ops.gone */
static void
on_gone(void *self)
{
	struct hearer *h = self;
	struct api_events *ev = h->events;

	list_remove(&h->node);
	free(h);
	if (!list_is_empty(&ev->streams))
		return;
	roster_unlisten(&ev->listener);
	obuf_done(&ev->text);
}

static const struct http_stream_ops ops = {
	.tick = on_tick,
	.gone = on_gone,
};

static struct hearer *
hearer_new(struct api_events *ev, struct http_server *server)
{
	struct hearer *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->events = ev;
	h->st = http_stream_new(server, &ops, h);
	if (h->st == NULL) {
		free(h);
		return NULL;
	}
	if (list_is_empty(&ev->streams))
		roster_listen(ev->backend->roster, &ev->listener);
	list_append(&ev->streams, &h->node);
	return h;
}

void
api_events(struct http_request *rq)
{
	struct api_events *ev = api_of(rq)->events;
	struct hearer *h = hearer_new(ev, rq->server);

	if (h == NULL) {
		http_reply_problem(rq, 503, "out of memory");
		return;
	}
	/* Everybody gets the first rates at once, so that the page is full. */
	ev->due_ns = 0;
	http_reply_stream(rq, h->st);
}

struct api_events *
api_events_new(const struct backend *be)
{
	struct api_events *ev = calloc(1, sizeof(*ev));

	if (ev == NULL)
		return NULL;
	ev->backend = be;
	list_init(&ev->streams);
	list_init(&ev->listener.node);
	ev->listener.opened = on_opened;
	ev->listener.ended = on_ended;
	ev->listener.closed = on_closed;
	ev->listener.self = ev;
	return ev;
}

void
api_events_free(struct api_events *ev)
{
	if (ev == NULL)
		return;
	assert(list_is_empty(&ev->streams));
	obuf_done(&ev->text);
	free(ev);
}
