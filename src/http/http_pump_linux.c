#include <microhttpd.h>

#include "base/err.h"
#include "http/http_pump.h"

unsigned
http_pump_flags(void)
{
	return MHD_USE_EPOLL;
}

static void on_timer(uv_timer_t *timer);

static void
wait_for(struct http_pump *p, uint64_t ms)
{
	/* Fails only without a callback or on a closing handle. */
	(void)uv_timer_start(&p->timer, on_timer, ms, 0);
}

static void
run(struct http_pump *p)
{
	MHD_UNSIGNED_LONG_LONG ms;

	p->is_wanted = false;
	/* It fails for want of memory, and then says so itself. */
	(void)MHD_run(p->daemon);
	if (p->is_wanted)
		wait_for(p, 0);
	else if (MHD_get_timeout(p->daemon, &ms) == MHD_YES)
		wait_for(p, ms);
	else
		(void)uv_timer_stop(&p->timer); /* cannot fail */
}

static void
on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void
on_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

int
http_pump_open(struct http_pump *p, uv_loop_t *loop, struct MHD_Daemon *daemon,
    struct err *err)
{
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int rc = info != NULL ? 0 : UV_ENOSYS;

	p->daemon = daemon;
	p->is_wanted = false;
	if (rc == 0)
		rc = uv_poll_init(loop, &p->poll, info->epoll_fd);
	if (rc != 0)
		return err_set(err, rc, "cannot watch the control plane: %s",
		    uv_strerror(rc));
	(void)uv_timer_init(loop, &p->timer); /* cannot fail */
	p->poll.data = p;
	p->timer.data = p;
	/* Fails only for events or a handle that are none. */
	(void)uv_poll_start(&p->poll, UV_READABLE, on_ready);
	return 0;
}

void
http_pump_kick(struct http_pump *p)
{
	p->is_wanted = true;
	wait_for(p, 0);
}

void
http_pump_close(struct http_pump *p)
{
	uv_close((uv_handle_t *)&p->poll, NULL);
	uv_close((uv_handle_t *)&p->timer, NULL);
}
