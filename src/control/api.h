#ifndef CONTROL_API_H
#define CONTROL_API_H

#include "base/attr.h"
#include "base/list.h"
#include "http/http_server.h"

/*
 * api.h - what can be asked for over HTTP: /api/v1, /metrics and the files of
 * the page.
 *
 * The table of routes is in api.c, what answers them in the api_ modules.
 * teeline-control(7) is its manual, web/api/v1/openapi.json the same for
 * machines; tests hold both against the server.
 */

struct api_events;
struct backend;

/**
 * struct api - Private to the api_ modules: http_server_self()
 * @events:	Who hears of all sessions
 * @changes:	Changes of outputs that are under way
 */
struct api {
	const struct backend *backend;
	struct http_server *server;
	struct api_events *events;
	struct list changes;
};

/** api_new() - For one server; NULL without memory. */
struct api *api_new(
    const struct backend *be, struct http_server *server) ATTR_WUNRES;

/** api_service() - What the server is to be started with. */
struct http_service api_service(struct api *api);

/** api_close() - After http_server_close(), on the loop's thread; idempotent.*/
void api_close(struct api *api);

/** api_free() - When the backend calls nothing any more; NULL: a no-op. */
void api_free(struct api *api);

/** api_of() - That of a request. */
struct api *api_of(const struct http_request *rq);

#endif /* CONTROL_API_H */
