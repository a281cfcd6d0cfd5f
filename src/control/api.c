#include <stdlib.h>

#include "base/attr.h"
#include "control/api.h"
#include "control/api_bytes.h"
#include "control/api_events.h"
#include "control/api_follow.h"
#include "control/api_outputs.h"
#include "control/api_program.h"
#include "control/api_sessions.h"
#include "control/backend.h"
#include "control/files.h"
#include "control/metrics.h"
#include "http/http_request.h"

#define V1 "/api/v1/"

static const struct http_route routes[] = {
	{ HTTP_GET, V1 "sessions", false,
	    { "state", "q", "limit", "after", "order" }, api_sessions_list },
	{ HTTP_GET, V1 "sessions/{}", false, { NULL }, api_sessions_one },
	{ HTTP_DELETE, V1 "sessions/{}", false, { NULL }, api_sessions_end },
	{ HTTP_GET, V1 "sessions/{}/events", false, { "history" }, api_follow },
	{ HTTP_GET, V1 "sessions/{}/bytes", false, { "dir", "format" },
	    api_bytes },
	{ HTTP_GET, V1 "events", false, { NULL }, api_events },
	{ HTTP_GET, V1 "outputs", false, { NULL }, api_outputs_list },
	{ HTTP_POST, V1 "outputs", false, { NULL }, api_outputs_add },
	{ HTTP_GET, V1 "outputs/{}", false, { NULL }, api_outputs_one },
	{ HTTP_DELETE, V1 "outputs/{}", false, { NULL }, api_outputs_remove },
	{ HTTP_POST, V1 "outputs/{}/rotate", false, { NULL },
	    api_outputs_rotate },
	{ HTTP_GET, V1 "inputs", false, { NULL }, api_program_inputs },
	{ HTTP_GET, V1 "stats", false, { NULL }, api_program_stats },
	{ HTTP_GET, V1 "log", false, { NULL }, api_program_log },
	{ HTTP_PUT, V1 "log", false, { NULL }, api_program_set_log },
	{ HTTP_POST, V1 "drain", false, { NULL }, api_program_drain },
	{ HTTP_GET, V1 "version", false, { NULL }, api_program_version },
	{ HTTP_GET, "/metrics", true, { NULL }, metrics_handle },
};

/* The page's files, and openapi.json among them. */
static const struct http_route files = { HTTP_GET, "", true, { NULL },
	files_handle };

struct api *
api_new(const struct backend *be, struct http_server *server)
{
	struct api *api = calloc(1, sizeof(*api));

	if (api == NULL)
		return NULL;
	api->backend = be;
	api->server = server;
	list_init(&api->changes);
	api->events = api_events_new(be);
	if (api->events == NULL) {
		free(api);
		return NULL;
	}
	return api;
}

struct http_service
api_service(struct api *api)
{
	return (struct http_service){
		.loop = api->backend->loop,
		.backend = api->backend,
		.routes = routes,
		.nroutes = ATTR_COUNT(routes),
		.files = &files,
		.has_file = files_has,
		.self = api,
	};
}

void
api_close(struct api *api)
{
	if (api == NULL)
		return;
	api_events_free(api->events);
	api->events = NULL;
}

void
api_free(struct api *api)
{
	if (api == NULL)
		return;
	api_close(api);
	api_outputs_forget(api);
	free(api);
}

struct api *
api_of(const struct http_request *rq)
{
	return http_server_self(rq->server);
}
