#ifndef HTTP_HTTP_PUMP_H
#define HTTP_HTTP_PUMP_H

#include <stdbool.h>
#include <uv.h>

#include "base/attr.h"

/*
 * http_pump.h - the HTTP library on a loop of ours, without a thread of its
 * own.
 *
 * Linux: it keeps its sockets in an epoll set, whose descriptor the loop
 * watches.  Elsewhere it selects, HTTP_PUMP_POLL_MS after it last did, as long
 * as there are connections; one whose descriptor is beyond FD_SETSIZE is
 * refused.
 */

struct MHD_Daemon;
struct err;

#define HTTP_PUMP_POLL_MS 10

/** struct http_pump - Private; embedded. */
struct http_pump {
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t timer;
	bool is_wanted;
};

/** http_pump_flags() - What the library is to be started with. */
unsigned http_pump_flags(void);

/** http_pump_open() - Run it on @loop; 0 or -errno with @err. */
int http_pump_open(struct http_pump *p, uv_loop_t *loop,
    struct MHD_Daemon *daemon, struct err *err) ATTR_WUNRES;

/** http_pump_kick() - There is something to do: soon, never at once. */
void http_pump_kick(struct http_pump *p);

/** http_pump_close() - Not any more; the handles close on the loop. */
void http_pump_close(struct http_pump *p);

#endif /* HTTP_HTTP_PUMP_H */
