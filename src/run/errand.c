#include <assert.h>
#include <signal.h>

#include "base/attr.h"
#include "base/thread.h"
#include "run/errand.h"
#include "run/mainloop.h"

static void
join(struct errand *e)
{
	/* Cannot fail for a thread that is joined once. */
	if (e->has_thread)
		(void)pthread_join(e->thread, NULL);
	e->has_thread = false;
}

static void
deliver(struct mail *m)
{
	struct errand *e = ATTR_CONTAINER(m, struct errand, mail);

	if (!e->is_under_way)
		return;
	join(e);
	e->is_under_way = false;
	e->over(e->self);
}

static void *
run(void *self)
{
	struct errand *e = self;

	e->work(e->self);
	mainloop_send(e->loop, &e->mail);
	return NULL;
}

static void *
thread_main(void *self)
{
	thread_name("errand");
	return run(self);
}

void
errand_start(struct errand *e, struct mainloop *loop, void (*work)(void *self),
    void (*over)(void *self), void *self)
{
	sigset_t all, old;

	assert(!e->is_under_way);
	*e = (struct errand){
		.loop = loop,
		.is_under_way = true,
		.mail.deliver = deliver,
		.work = work,
		.over = over,
		.self = self,
	};
	/* Signals are the main thread's business. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	e->has_thread = pthread_create(&e->thread, NULL, thread_main, e) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!e->has_thread)
		(void)run(e);
}

void
errand_wait(struct errand *e)
{
	join(e);
	e->is_under_way = false;
}
