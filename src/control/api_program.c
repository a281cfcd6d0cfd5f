#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/jsonout.h"
#include "base/log.h"
#include "base/obuf.h"
#include "control/api_json.h"
#include "control/api_program.h"
#include "control/backend.h"
#include "http/http_reply.h"
#include "http/http_request.h"

void
api_program_stats(struct http_request *rq)
{
	const struct backend *be = rq->backend;

	api_json_reply(rq, be->sheet(be->self));
}

void
api_program_inputs(struct http_request *rq)
{
	const struct backend *be = rq->backend;

	api_json_reply(rq, json_pack("{s:o}", "inputs", be->inputs(be->self)));
}

void
api_program_log(struct http_request *rq)
{
	struct obuf body = { .data = NULL };

	jsonout_open(&body, NULL, '{');
	jsonout_text(&body, "level", log_level_name(log_level()));
	jsonout_close(&body, '}');
	obuf_putc(&body, '\n');
	http_reply_json(rq, 200, &body);
}

void
api_program_set_log(struct http_request *rq)
{
	const char *text;
	json_t *body = api_json_body(rq, "level", &text);

	if (body == NULL)
		return;
	for (int i = 0; i < LOG_NLEVELS; i++) {
		if (strcmp(log_level_name((enum log_level)i), text) != 0)
			continue;
		log_set_level((enum log_level)i);
		json_decref(body);
		api_program_log(rq);
		return;
	}
	http_reply_problem(rq, 422,
	    "level: \"%.64s\" is none of these: error, warn, info, debug",
	    text);
	json_decref(body);
}

void
api_program_drain(struct http_request *rq)
{
	struct obuf body = { .data = NULL };

	jsonout_open(&body, NULL, '{');
	jsonout_text(&body, "state", "draining");
	jsonout_close(&body, '}');
	obuf_putc(&body, '\n');
	http_reply_json(rq, 202, &body);
	rq->backend->drain(rq->backend->self);
}

void
api_program_version(struct http_request *rq)
{
	struct obuf body = { .data = NULL };

	jsonout_open(&body, NULL, '{');
	jsonout_text(&body, "name", "teeline");
	jsonout_text(&body, "version", TEELINE_VERSION);
	jsonout_text(&body, "api", "v1");
	jsonout_stamp(&body, "started", rq->backend->start_ns);
	jsonout_number(&body, "pid", (uint64_t)getpid());
	jsonout_close(&body, '}');
	obuf_putc(&body, '\n');
	http_reply_json(rq, 200, &body);
}
