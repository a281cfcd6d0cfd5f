#include <string.h>

#include "base/err.h"
#include "base/jsonout.h"
#include "base/obuf.h"
#include "base/quantity.h"
#include "control/api_sessions.h"
#include "control/backend.h"
#include "control/roster.h"
#include "control/session_json.h"
#include "control/watch.h"
#include "http/http_reply.h"
#include "http/http_request.h"

/* Sessions of an answer: unless told otherwise, and at most. */
#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000

/* About as long as one session is as JSON. */
#define SESSION_LEN 768

static const char *const states[] = {
	[ROSTER_ALL] = "all",
	[ROSTER_OPEN] = "open",
	[ROSTER_OVER] = "closed",
	NULL,
};

static const char *const orders[] = { "asc", "desc", NULL };

static void
page_put(
    struct obuf *o, const struct roster_page *page, const struct backend *be)
{
	jsonout_open(o, NULL, '{');
	jsonout_open(o, "sessions", '[');
	for (size_t i = 0; i < page->n; i++)
		session_json_put(o, NULL, page->sessions[i], be->ports);
	jsonout_close(o, ']');
	if (page->next != 0)
		jsonout_number(o, "next", page->next);
	else
		jsonout_null(o, "next");
	jsonout_number(o, "total", page->total);
	jsonout_number(o, "open", roster_open(be->roster));
	jsonout_close(o, '}');
	obuf_putc(o, '\n');
}

void
api_sessions_list(struct http_request *rq)
{
	struct roster_query q = { .text = http_request_param(rq, "q") };
	size_t state = ROSTER_ALL, order = 0;
	uint64_t limit = LIMIT_DEFAULT;
	struct obuf body = { .data = NULL };
	struct roster_page page;

	if (!http_request_word(rq, "state", states, &state) ||
	    !http_request_word(rq, "order", orders, &order) ||
	    !http_request_number(rq, "limit", 1, LIMIT_MAX, &limit) ||
	    !http_request_number(rq, "after", 0, UINT64_MAX, &q.after))
		return;
	q.state = (enum roster_state)state;
	q.newest_first = order == 1;
	q.limit = (size_t)limit;
	if (roster_list(rq->backend->roster, &q, &page) != 0) {
		http_reply_problem(rq, 503, "out of memory");
		return;
	}
	/* One reservation, so that a long list is hardly ever moved. */
	if (obuf_room(&body, (page.n + 1) * SESSION_LEN) != NULL)
		page_put(&body, &page, rq->backend);
	roster_page_done(&page);
	http_reply_json(rq, 200, &body);
}

struct watch_session *
api_sessions_asked(struct http_request *rq)
{
	const struct quantity_range any = { 1, UINT64_MAX };
	const char *text = rq->match.arg;
	struct watch_session *ws = NULL;
	uint64_t id;

	/* No units here: 1K is no session. */
	if (strspn(text, "0123456789") == strlen(text) &&
	    quantity_parse(QUANTITY_COUNT, text, &any, &id, NULL) == 0)
		ws = roster_find(rq->backend->roster, id);
	if (ws == NULL)
		http_reply_problem(rq, 404,
		    "there is no session %s, or it was forgotten", text);
	return ws;
}

void
api_sessions_one(struct http_request *rq)
{
	const struct watch_session *ws = api_sessions_asked(rq);
	struct obuf body = { .data = NULL };

	if (ws == NULL)
		return;
	session_json_put(&body, NULL, ws, rq->backend->ports);
	obuf_putc(&body, '\n');
	http_reply_json(rq, 200, &body);
}

void
api_sessions_end(struct http_request *rq)
{
	struct watch_session *ws = api_sessions_asked(rq);
	struct obuf body = { .data = NULL };

	if (ws == NULL)
		return;
	if (atomic_load_explicit(&ws->closed, memory_order_acquire)) {
		http_reply_problem(
		    rq, 409, "session %s is over already", rq->match.arg);
		return;
	}
	watch_end(rq->backend->watch, ws);
	session_json_put(&body, NULL, ws, rq->backend->ports);
	obuf_putc(&body, '\n');
	http_reply_json(rq, 202, &body);
}
