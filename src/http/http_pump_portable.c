#include <microhttpd.h>

#include "base/err.h"
#include "http/http_pump.h"

unsigned
http_pump_flags(void)
{
	return 0; /* select(2): the library polls only on a thread of its own */
}

static void
on_timer(uv_timer_t *timer)
{
	struct http_pump *p = timer->data;
	const union MHD_DaemonInfo *info;

	/* It fails for want of memory, and then says so itself. */
	(void)MHD_run(p->daemon);
	info =
	    MHD_get_daemon_info(p->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	if (info == NULL || info->num_connections > 0)
		(void)uv_timer_start(timer, on_timer, HTTP_PUMP_POLL_MS, 0);
}

int
http_pump_open(struct http_pump *p, uv_loop_t *loop, struct MHD_Daemon *daemon,
    struct err *err)
{
	(void)err;
	p->daemon = daemon;
	(void)uv_timer_init(loop, &p->timer); /* cannot fail */
	p->timer.data = p;
	return 0;
}

void
http_pump_kick(struct http_pump *p)
{
	/* Fails only without a callback or on a closing handle. */
	(void)uv_timer_start(&p->timer, on_timer, 0, 0);
}

void
http_pump_close(struct http_pump *p)
{
	uv_close((uv_handle_t *)&p->timer, NULL);
}
