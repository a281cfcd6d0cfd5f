#include <errno.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "config/plan.h"
#include "control/api.h"
#include "http/http_clients.h"
#include "http/http_server.h"
#include "run/mainloop.h"
#include "run/manage.h"
#include "run/manage_json.h"
#include "run/outputs.h"
#include "run/sheet.h"

/* Descriptors of the server that are no client's. */
#define OWN_DESCRIPTORS 16

/* --- what can be had done ---------------------------------------------- */

static json_t *
on_sheet(void *self)
{
	const struct manage *m = self;
	struct sheet sh;
	json_t *tree;

	if (m->run.take_sheet(m->run.self, &sh) != 0)
		return NULL;
	tree = sheet_json(&sh);
	sheet_done(&sh);
	return tree;
}

static json_t *
on_inputs(void *self)
{
	const struct manage *m = self;

	return manage_json_inputs(&m->run);
}

static json_t *
on_outputs(void *self)
{
	const struct manage *m = self;

	return manage_json_outputs(&m->run);
}

/* What was not even begun is answered here. */
static void
settle(int rc, backend_done *done, void *done_self)
{
	const char *why = "out of memory";

	if (rc == 0)
		return;
	if (rc == -EAGAIN)
		why = "too many changes are under way";
	if (rc == -ESHUTDOWN)
		why = "the run ends: its outputs stay as they are";
	done(done_self, rc, why);
}

static void
on_add(void *self, const char *text, backend_done *done, void *done_self)
{
	const struct manage *m = self;

	settle(m->stopping
		   ? -ESHUTDOWN
		   : outputs_add_text(m->run.outputs, text, done, done_self),
	    done, done_self);
}

static void
on_remove(void *self, const char *name, backend_done *done, void *done_self)
{
	const struct manage *m = self;

	settle(m->stopping
		   ? -ESHUTDOWN
		   : outputs_remove(m->run.outputs, name, done, done_self),
	    done, done_self);
}

static void
on_rotate(void *self, const char *name, backend_done *done, void *done_self)
{
	const struct manage *m = self;

	settle(m->stopping
		   ? -ESHUTDOWN
		   : outputs_rotate(m->run.outputs, name, done, done_self),
	    done, done_self);
}

static void
on_drain(void *self)
{
	const struct manage *m = self;

	m->run.drain(m->run.self);
}

/* --- from the plan to the end ------------------------------------------ */

int
manage_open(struct manage *m, const struct plan *p, struct err *err)
{
	const struct plan_control *pc = &p->control;
	int code = 0;

	if (pc->listen == NULL)
		return 0;
	m->server = http_server_open(
	    &(struct http_server_opts){
		.listen = pc->listen,
		.token_file = pc->token_file,
		.no_token = pc->no_token,
	    },
	    &code, err);
	if (m->server == NULL)
		err_prefix(err, "--control: ");
	return code;
}

bool
manage_is_wanted(const struct manage *m)
{
	return m->server != NULL;
}

size_t
manage_descriptors(const struct manage *m)
{
	return m->server != NULL ? HTTP_CLIENTS_MAX + OWN_DESCRIPTORS : 0;
}

int
manage_start(struct manage *m, struct mainloop *loop,
    const struct manage_parts *parts, struct err *err)
{
	struct http_service service;

	if (m->server == NULL)
		return 0;
	m->run = *parts->run;
	m->backend = (struct backend){
		.loop = &loop->loop,
		.watch = parts->watch,
		.roster = parts->roster,
		.ports = parts->ports,
		.start_ns = clock_start_ns(),
		.self = m,
		.sheet = on_sheet,
		.inputs = on_inputs,
		.outputs = on_outputs,
		.output_add = on_add,
		.output_remove = on_remove,
		.output_rotate = on_rotate,
		.drain = on_drain,
	};
	m->api = api_new(&m->backend, m->server);
	if (m->api == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	service = api_service(m->api);
	return http_server_start(m->server, &service, err);
}

void
manage_announce(const struct manage *m, bool quiet)
{
	struct obuf url = { .data = NULL };
	const char *text;

	if (m->server == NULL)
		return;
	for (size_t i = 0; (text = http_server_warning(m->server, i)) != NULL;
	     i++)
		log_warn("%s", text);
	/* Nobody can guess a random token. */
	if (quiet && !http_server_has_secret(m->server))
		return;
	http_server_put_url(m->server, &url);
	obuf_putc(&url, '\0');
	if (!url.failed)
		log_print("teeline: control at %s", (const char *)url.data);
	obuf_done(&url);
}

void
manage_stopping(struct manage *m)
{
	m->stopping = true;
}

void
manage_close(struct manage *m)
{
	http_server_close(m->server);
	api_close(m->api);
}

void
manage_free(struct manage *m)
{
	api_free(m->api);
	http_server_free(m->server);
	*m = (struct manage){ .server = NULL };
}
