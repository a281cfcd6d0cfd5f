#ifndef CONTROL_API_EVENTS_H
#define CONTROL_API_EVENTS_H

#include "base/attr.h"

/*
 * api_events.h - all sessions as they come and go, and how fast they are.
 *
 * One look a second serves all clients: what it costs does not grow with them.
 * Whoever has the list of sessions and hears these events need not ask again,
 * unless it is told that it missed some.
 */

struct api_events;
struct backend;
struct http_request;

/** api_events_new() - Nobody listens yet; NULL without memory. */
struct api_events *api_events_new(const struct backend *be) ATTR_WUNRES;

/** api_events_free() - No stream is left; NULL is a no-op. */
void api_events_free(struct api_events *ev);

/** api_events() - GET /api/v1/events */
void api_events(struct http_request *rq);

#endif /* CONTROL_API_EVENTS_H */
