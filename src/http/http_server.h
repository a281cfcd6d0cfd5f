#ifndef HTTP_HTTP_SERVER_H
#define HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attr.h"
#include "http/http_route.h"

/*
 * http_server.h - the HTTP of the control plane: who may ask, what is refused
 * before anybody has to answer, and how a request finds its function.
 *
 *	listeners ── clients ── library (MHD) ── judge ── route ── handler
 *	             how many,                   Host, Origin, path, token,
 *	             how slow                    rate, query, length
 *
 * libmicrohttpd reads and writes HTTP, on the main loop; connections are
 * accepted here.  A request holds up nothing: handlers answer at once or hold
 * it.  What is refused, in this order:
 *
 *	400	more than one Host, Origin or Authorization
 *	421	Host is not us		403	Origin is not us
 *	429	too many requests
 *	404	no such path		405	no such method there
 *	401	no token, or a wrong one
 *	413	a body of more than HTTP_BODY_MAX bytes
 *	400	a parameter that nobody knows
 */

struct backend;
struct err;
struct http_request;
struct http_server;
struct list;
struct obuf;

/* Longest body that is read. */
#define HTTP_BODY_MAX ((size_t)64 * 1024)

/**
 * struct http_server_opts - How to serve
 * @listen:	As http_door_open() takes it
 * @token_file:	NULL: a random token
 * @no_token:	Ask for none
 */
struct http_server_opts {
	const char *listen;
	const char *token_file;
	bool no_token;
};

/**
 * http_server_open() - Listen, and settle the token
 *
 * Before any thread, and before privileges are given up.  Clients wait until
 * http_server_start().
 *
 * Return: NULL with @err; *@code is then -EINVAL when the text or the file is
 * wrong, else another -errno
 */
struct http_server *http_server_open(
    const struct http_server_opts *o, int *code, struct err *err) ATTR_WUNRES;

/**
 * http_server_put_url() - Append where a person finds it
 *
 * With the token if that is random: what is printed at start ends up in logs,
 * where a random one dies with its run, and one from a file would live on.
 */
void http_server_put_url(const struct http_server *s, struct obuf *o);

/** http_server_has_secret() - The token is random: only the URL tells it. */
bool http_server_has_secret(const struct http_server *s);

/**
 * http_server_warning() - What its user should know, in one sentence
 * @i:		From 0
 *
 * Return: NULL: there is no such warning
 */
const char *http_server_warning(const struct http_server *s, size_t i);

/**
 * struct http_service - What a server answers with
 * @loop:	Where it serves
 * @backend:	For the handlers; outlives the server
 * @routes:	@nroutes rows; live for ever
 * @files:	The route of all paths for which @has_file is true; NULL: none
 * @self:	For the handlers: http_server_self()
 */
struct http_service {
	uv_loop_t *loop;
	const struct backend *backend;
	const struct http_route *routes;
	size_t nroutes;
	const struct http_route *files;
	bool (*has_file)(const char *path);
	void *self;
};

/** http_server_start() - Answer, on the service's loop; 0 or -errno. */
int http_server_start(struct http_server *s, const struct http_service *service,
    struct err *err) ATTR_WUNRES;

/**
 * http_server_close() - Answer no more; on the loop's thread
 *
 * Every stream ends; requests that are held get no answer.  Its handles close
 * on the loop.  Idempotent; one that was never started is fine, and NULL.
 */
void http_server_close(struct http_server *s);

/** http_server_free() - After the loop has closed its handles; NULL: a no-op.*/
void http_server_free(struct http_server *s);

/** http_server_self() - As given in the service. */
void *http_server_self(const struct http_server *s);

/**
 * struct http_server_count - What it has done
 * @clients:	Connections now
 * @streams:	... of which so many follow something
 * @requests:	Answers by class: [2] is 2xx; [0] and [1] stay 0
 * @refused:	Connections there was no room for
 */
struct http_server_count {
	uint64_t clients;
	uint64_t streams;
	uint64_t requests[6];
	uint64_t refused;
};

/** http_server_count() - At this moment. */
struct http_server_count http_server_count(const struct http_server *s);

/* --- for http_request.c and http_stream.c ------------------------------ */

/** http_server_awaken() - A request that was held has its answer. */
void http_server_awaken(struct http_server *s, struct http_request *rq);

/** http_server_kick() - A connection was resumed. */
void http_server_kick(struct http_server *s);

/** http_server_streams() - List of all streams. */
struct list *http_server_streams(struct http_server *s);

#endif /* HTTP_HTTP_SERVER_H */
