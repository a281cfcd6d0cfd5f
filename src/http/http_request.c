#include <assert.h>
#include <string.h>

#include <microhttpd.h>

#include "base/err.h"
#include "base/quantity.h"
#include "http/http_reply.h"
#include "http/http_request.h"

const char *
http_request_param(struct http_request *rq, const char *name)
{
	return MHD_lookup_connection_value(
	    rq->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool
http_request_number(struct http_request *rq, const char *name, uint64_t min,
    uint64_t max, uint64_t *n)
{
	const struct quantity_range range = { min, max };
	const char *text = http_request_param(rq, name);
	struct err err = { "" };
	uint64_t value;

	if (text == NULL)
		return true;
	if (quantity_parse(QUANTITY_COUNT, text, &range, &value, &err) != 0) {
		http_reply_problem(rq, 400, "%s: %s", name, err.text);
		return false;
	}
	*n = value;
	return true;
}

bool
http_request_word(struct http_request *rq, const char *name,
    const char *const *words, size_t *i)
{
	const char *text = http_request_param(rq, name);
	struct obuf known = { .data = NULL };

	if (text == NULL)
		return true;
	for (size_t w = 0; words[w] != NULL; w++) {
		if (strcmp(words[w], text) != 0)
			continue;
		*i = w;
		return true;
	}
	for (size_t w = 0; words[w] != NULL; w++)
		obuf_printf(&known, "%s%s", w > 0 ? ", " : "", words[w]);
	obuf_putc(&known, '\0');
	http_reply_problem(rq, 400, "%s: \"%.64s\" is none of these: %s", name,
	    text, known.failed ? "" : (char *)known.data);
	obuf_done(&known);
	return false;
}

void
http_request_hold(
    struct http_request *rq, void (*cancel)(void *self), void *self)
{
	assert(rq->state == HTTP_REQUEST_HANDLED);
	rq->state = HTTP_REQUEST_HELD;
	rq->cancel = cancel;
	rq->cancel_self = self;
}
