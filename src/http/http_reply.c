#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include <microhttpd.h>

#include "base/jsonout.h"
#include "http/http_reply.h"
#include "http/http_request.h"
#include "http/http_server.h"
#include "http/http_stream.h"

#define JSON    "application/json"
#define PROBLEM "application/problem+json"

/* Longest sentence of a problem. */
#define DETAIL_MAX 600

/* The one place where an answer is given; NULL: there is no memory for it. */
static void
answer(struct http_request *rq, unsigned status, struct MHD_Response *response)
{
	bool was_held = rq->state == HTTP_REQUEST_HELD;

	assert(rq->state != HTTP_REQUEST_ANSWERED);
	rq->state = HTTP_REQUEST_ANSWERED;
	rq->status = status;
	rq->response = response;
	if (was_held)
		http_server_awaken(rq->server, rq);
}

void
http_reply_header(struct http_request *rq, const char *name, const char *value)
{
	/* Fails without memory, or for a name or value that is not ours. */
	if (rq->response != NULL)
		(void)MHD_add_response_header(rq->response, name, value);
}

void
http_reply_body(struct http_request *rq, unsigned status, const char *type,
    struct obuf *body_take)
{
	struct obuf body = *body_take;
	struct MHD_Response *r = NULL;

	*body_take = (struct obuf){ .data = NULL };
	if (!body.failed)
		r = MHD_create_response_from_buffer(
		    body.len, body.data, MHD_RESPMEM_MUST_FREE);
	if (r == NULL)
		obuf_done(&body);
	answer(rq, status, r);
	http_reply_header(rq, MHD_HTTP_HEADER_CONTENT_TYPE, type);
}

void
http_reply_json(
    struct http_request *rq, unsigned status, struct obuf *body_take)
{
	http_reply_body(rq, status, JSON, body_take);
}

void
http_reply_static(
    struct http_request *rq, const char *type, const void *data, size_t len)
{
	union {
		const void *fixed;
		void *any;
	} bytes = { .fixed = data }; /* it is not written to */

	answer(rq, 200,
	    MHD_create_response_from_buffer(
		len, bytes.any, MHD_RESPMEM_PERSISTENT));
	http_reply_header(rq, MHD_HTTP_HEADER_CONTENT_TYPE, type);
}

void
http_reply_empty(struct http_request *rq, unsigned status)
{
	answer(rq, status,
	    MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

void
http_reply_problem(
    struct http_request *rq, unsigned status, const char *fmt, ...)
{
	struct obuf body = { .data = NULL };
	char detail[DETAIL_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	jsonout_open(&body, NULL, '{');
	jsonout_text(&body, "type", "about:blank");
	jsonout_text(&body, "title", MHD_get_reason_phrase_for(status));
	jsonout_number(&body, "status", status);
	jsonout_text(&body, "detail", detail);
	jsonout_close(&body, '}');
	obuf_putc(&body, '\n');
	http_reply_body(rq, status, PROBLEM, &body);
}

void
http_reply_stream(struct http_request *rq, struct http_stream *st)
{
	http_stream_attach(st, rq->connection);
	answer(rq, 200, http_stream_response(st));
	http_reply_header(rq, MHD_HTTP_HEADER_CONTENT_TYPE, HTTP_STREAM_TYPE);
}
