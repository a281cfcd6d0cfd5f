#include <signal.h>
#include <unistd.h>

#include "base/err.h"
#include "run/mainloop.h"

static void
on_signal(uv_signal_t *handle, int number)
{
	struct mainloop *m = handle->data;

	switch (number) {
	case SIGHUP:
		m->ops->reopen(m->self);
		break;
	case SIGUSR1:
		m->ops->show(m->self);
		break;
	default:
		m->ops->stop(m->self, number);
		break;
	}
}

static void
on_timer(uv_timer_t *handle)
{
	struct mainloop *m = handle->data;

	m->ops->tick(m->self);
}

int
mainloop_open(struct mainloop *m, const struct mainloop_ops *ops, void *self,
    struct err *err)
{
	static const int number[] = {
		[MAINLOOP_INT] = SIGINT,
		[MAINLOOP_TERM] = SIGTERM,
		[MAINLOOP_HUP] = SIGHUP,
		[MAINLOOP_USR1] = SIGUSR1,
	};
	int rc = uv_loop_init(&m->loop);

	m->ops = ops;
	m->self = self;
	if (rc == 0)
		rc = mail_init(&m->box, &m->loop);
	if (rc == 0)
		rc = uv_timer_init(&m->loop, &m->timer);
	m->timer.data = m;
	for (int i = 0; i < MAINLOOP_NSIGNALS && rc == 0; i++) {
		rc = uv_signal_init(&m->loop, &m->signals[i]);
		if (rc == 0)
			rc = uv_signal_start(
			    &m->signals[i], on_signal, number[i]);
		m->signals[i].data = m;
	}
	if (rc != 0)
		return err_set(
		    err, rc, "cannot make the main loop: %s", uv_strerror(rc));
	m->is_open = true;
	return 0;
}

void
mainloop_tick(struct mainloop *m, unsigned ms)
{
	/* Fails only without a callback or on a closing handle. */
	(void)uv_timer_start(&m->timer, on_timer, ms, ms);
}

uv_loop_t *
mainloop_loop(struct mainloop *m)
{
	return &m->loop;
}

void
mainloop_send(struct mainloop *m, struct mail *letter)
{
	mail_send(&m->box, letter);
}

void
mainloop_run(struct mainloop *m)
{
	/* What it returns says whether handles are left; none is. */
	(void)uv_run(&m->loop, UV_RUN_DEFAULT);
}

static void
exit_at_once(int number)
{
	_exit(128 + number);
}

void
mainloop_stop_is_final(struct mainloop *m)
{
	(void)uv_signal_stop(&m->signals[MAINLOOP_INT]);
	(void)uv_signal_stop(&m->signals[MAINLOOP_TERM]);
	(void)signal(SIGINT, exit_at_once);
	(void)signal(SIGTERM, exit_at_once);
}

void
mainloop_end(struct mainloop *m)
{
	if (!m->is_open || m->ended)
		return;
	m->ended = true;
	for (int i = 0; i < MAINLOOP_NSIGNALS; i++)
		uv_close((uv_handle_t *)&m->signals[i], NULL);
	uv_close((uv_handle_t *)&m->timer, NULL);
	/* libuv has restored the defaults, which would end the draining. */
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
	mail_close(&m->box);
}

void
mainloop_close(struct mainloop *m)
{
	if (!m->is_open)
		return;
	(void)uv_run(&m->loop, UV_RUN_DEFAULT);
	mail_done(&m->box);
	(void)uv_loop_close(&m->loop);
}
