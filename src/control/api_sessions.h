#ifndef CONTROL_API_SESSIONS_H
#define CONTROL_API_SESSIONS_H

#include "base/attr.h"

/*
 * api_sessions.h - sessions: many, one, its end.
 */

struct http_request;
struct watch_session;

/** api_sessions_list() - GET /api/v1/sessions */
void api_sessions_list(struct http_request *rq);

/** api_sessions_one() - GET /api/v1/sessions/ID */
void api_sessions_one(struct http_request *rq);

/** api_sessions_end() - DELETE /api/v1/sessions/ID */
void api_sessions_end(struct http_request *rq);

/**
 * api_sessions_asked() - The session that the path names
 *
 * Return: NULL: it is not known, and the request has its answer
 */
struct watch_session *api_sessions_asked(struct http_request *rq) ATTR_WUNRES;

#endif /* CONTROL_API_SESSIONS_H */
