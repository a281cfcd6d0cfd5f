#ifndef HTTP_HTTP_REPLY_H
#define HTTP_HTTP_REPLY_H

#include <stddef.h>

#include "base/attr.h"
#include "base/obuf.h"

/*
 * http_reply.h - the one answer that a request gets (http/http_request.h):
 * within its handler's call or, if that holds it, later.
 */

struct http_request;
struct http_stream;

/** http_reply_body() - Answer; the body's memory is taken over. */
void http_reply_body(struct http_request *rq, unsigned status, const char *type,
    struct obuf *body_take);

/** http_reply_json() - The same, as application/json. */
void http_reply_json(
    struct http_request *rq, unsigned status, struct obuf *body_take);

/** http_reply_static() - Answer with bytes that live for ever. */
void http_reply_static(
    struct http_request *rq, const char *type, const void *data, size_t len);

/** http_reply_empty() - Answer without a body. */
void http_reply_empty(struct http_request *rq, unsigned status);

/**
 * http_reply_problem() - Answer that it cannot be done (RFC 9457)
 * @status:	400 to 599
 * @fmt:	One sentence, without a full stop
 */
void http_reply_problem(struct http_request *rq, unsigned status,
    const char *fmt, ...) ATTR_PRINTF(3, 4);

/**
 * http_reply_stream() - Answer with what will come
 *
 * From now on the stream belongs to the connection (http/http_stream.h).
 */
void http_reply_stream(struct http_request *rq, struct http_stream *st);

/** http_reply_header() - One more header; after the answer. */
void http_reply_header(
    struct http_request *rq, const char *name, const char *value);

#endif /* HTTP_HTTP_REPLY_H */
