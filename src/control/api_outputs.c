#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/jsonout.h"
#include "base/list.h"
#include "base/obuf.h"
#include "control/api.h"
#include "control/api_json.h"
#include "control/api_outputs.h"
#include "control/api_status.h"
#include "control/backend.h"
#include "http/http_reply.h"
#include "http/http_request.h"

/*
 * The backend answers later, whether the client waits for it or not: a change
 * outlives its request.
 */

/**
 * struct change - Something that the backend was asked to do
 * @rq:		Who waits for it; NULL: nobody any more
 * @status:	When it is done
 */
struct change {
	struct list node;
	struct http_request *rq;
	unsigned status;
};

static void
answer(struct http_request *rq, unsigned status, const char *name)
{
	struct obuf where = { .data = NULL };
	struct obuf body = { .data = NULL };

	jsonout_open(&body, NULL, '{');
	jsonout_text(&body, "name", name);
	jsonout_close(&body, '}');
	obuf_putc(&body, '\n');
	http_reply_json(rq, status, &body);
	if (status != 201)
		return;
	obuf_printf(&where, "/api/v1/outputs/%s", name);
	obuf_putc(&where, '\0');
	if (!where.failed)
		http_reply_header(rq, "Location", (const char *)where.data);
	obuf_done(&where);
}

/* backend_done */
static void
on_done(void *self, int error, const char *text)
{
	struct change *c = self;
	struct http_request *rq = c->rq;

	if (rq != NULL && error == 0)
		answer(rq, c->status, text);
	else if (rq != NULL)
		http_reply_problem(
		    rq, api_status(error, c->status == 201), "%s", text);
	list_remove(&c->node);
	free(c);
}

/* http_request_hold() */
static void
on_cancel(void *self)
{
	struct change *c = self;

	c->rq = NULL;
}

/* NULL: the request has its answer. */
static struct change *
change_new(struct http_request *rq, unsigned status)
{
	struct change *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		http_reply_problem(rq, 503, "out of memory");
		return NULL;
	}
	c->rq = rq;
	c->status = status;
	list_append(&api_of(rq)->changes, &c->node);
	http_request_hold(rq, on_cancel, c);
	return c;
}

void
api_outputs_forget(struct api *api)
{
	struct list *node;

	while ((node = list_shift(&api->changes)) != NULL)
		free(LIST_ENTRY(node, struct change, node));
}

/* --- what there is ----------------------------------------------------- */

void
api_outputs_list(struct http_request *rq)
{
	const struct backend *be = rq->backend;

	api_json_reply(
	    rq, json_pack("{s:o}", "outputs", be->outputs(be->self)));
}

void
api_outputs_one(struct http_request *rq)
{
	const struct backend *be = rq->backend;
	json_t *all = be->outputs(be->self);
	json_t *one, *found = NULL;
	size_t i;

	json_array_foreach(all, i, one)
	{
		const char *name =
		    json_string_value(json_object_get(one, "name"));

		if (name != NULL && strcmp(name, rq->match.arg) == 0)
			found = json_incref(one);
	}
	if (all != NULL && found == NULL)
		http_reply_problem(
		    rq, 404, "there is no output \"%s\"", rq->match.arg);
	else
		api_json_reply(rq, found);
	json_decref(all);
}

/* --- changes ----------------------------------------------------------- */

void
api_outputs_add(struct http_request *rq)
{
	const struct backend *be = rq->backend;
	const char *text;
	json_t *body = api_json_body(rq, "output", &text);
	struct change *c;

	if (body == NULL)
		return;
	c = change_new(rq, 201);
	if (c != NULL)
		be->output_add(be->self, text, on_done, c);
	json_decref(body);
}

void
api_outputs_remove(struct http_request *rq)
{
	const struct backend *be = rq->backend;
	struct change *c = change_new(rq, 200);

	if (c != NULL)
		be->output_remove(be->self, rq->match.arg, on_done, c);
}

void
api_outputs_rotate(struct http_request *rq)
{
	const struct backend *be = rq->backend;
	struct change *c = change_new(rq, 200);

	if (c != NULL)
		be->output_rotate(be->self, rq->match.arg, on_done, c);
}
