#ifndef CONTROL_API_FOLLOW_H
#define CONTROL_API_FOLLOW_H

/*
 * api_follow.h - the events of one session, as they come.
 */

struct http_request;

/** api_follow() - GET /api/v1/sessions/ID/events */
void api_follow(struct http_request *rq);

#endif /* CONTROL_API_FOLLOW_H */
