#include <string.h>

#include "base/obuf.h"
#include "control/api_json.h"
#include "http/http_reply.h"
#include "http/http_request.h"

/* json_dump_callback_t */
static int
on_dump(const char *text, size_t len, void *self)
{
	struct obuf *o = self;

	obuf_put(o, text, len);
	return o->failed ? -1 : 0;
}

void
api_json_reply(struct http_request *rq, json_t *tree)
{
	struct obuf body = { .data = NULL };
	/* A tree that lacks a member for want of memory is no tree. */
	bool whole = tree != NULL && json_dump_callback(tree, on_dump, &body,
					 JSON_COMPACT) == 0;

	json_decref(tree);
	obuf_putc(&body, '\n');
	if (whole) {
		http_reply_json(rq, 200, &body);
		return;
	}
	obuf_done(&body);
	http_reply_problem(rq, 503, "out of memory");
}

json_t *
api_json_body(struct http_request *rq, const char *key, const char **text)
{
	json_error_t error;
	const char *data = rq->body.len > 0 ? (const char *)rq->body.data : "";
	json_t *body =
	    json_loadb(data, rq->body.len, JSON_REJECT_DUPLICATES, &error);
	const json_t *value = json_object_get(body, key);

	if (body == NULL) {
		http_reply_problem(rq, 400, "the body is no JSON: line %d: %s",
		    error.line, error.text);
		return NULL;
	}
	if (json_object_size(body) == 1 && json_is_string(value)) {
		*text = json_string_value(value);
		return body;
	}
	json_decref(body);
	http_reply_problem(rq, 400,
	    "the body has to be {\"%s\": \"...\"} and nothing else", key);
	return NULL;
}
