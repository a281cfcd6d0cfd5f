#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "net/mail.h"
#include "net/notify.h"
#include "net/worker.h"
#include "run/input.h"
#include "run/mainloop.h"
#include "run/service.h"
#include "run/sheet.h"

/* How often people get a new status; nobody looks more often. */
#define GLANCE_MS 5000

/**
 * struct service_letter - To a worker and back
 *
 * It is on its way there, on its way back, or with us: never in two boxes.
 */
struct service_letter {
	struct mail there;
	struct mail back;
	struct service *service;
	struct worker *worker;
};

/* --- signs of life ----------------------------------------------------- */

/* On the worker's thread; at the very end on the main thread, in its place. */
static void
deliver_there(struct mail *m)
{
	struct service_letter *l =
	    ATTR_CONTAINER(m, struct service_letter, there);

	if (!atomic_load(&l->service->is_deaf))
		mainloop_send(l->service->opts.loop, &l->back);
}

static void
deliver_back(struct mail *m)
{
	struct service *s =
	    ATTR_CONTAINER(m, struct service_letter, back)->service;

	assert(s->missing > 0);
	/* One that was late says so as soon as it can. */
	if (--s->missing == 0 && !s->is_stopping)
		notify_alive();
}

static void
on_pulse(uv_timer_t *timer)
{
	struct service *s = timer->data;

	if (s->missing > 0)
		return;
	s->missing = s->n;
	for (size_t i = 0; i < s->n; i++)
		worker_post(s->letters[i].worker, &s->letters[i].there);
}

static void
write_status(char text[SERVICE_STATUS_MAX], const struct sheet *sh)
{
	char open[TEXT_NUMBER_MAX], all[TEXT_NUMBER_MAX];
	char bytes[TEXT_NUMBER_MAX];

	(void)snprintf(text, SERVICE_STATUS_MAX,
	    "%s session%s open, %s in all, %s%s", text_number(sh->open, open),
	    sh->open == 1 ? "" : "s", text_number(sh->sessions, all),
	    text_size(sh->bytes[DIR_CLIENT] + sh->bytes[DIR_SERVER], bytes),
	    sheet_has_loss(sh) ? ", with losses" : "");
}

static void
say_status(struct service *s)
{
	char text[SERVICE_STATUS_MAX];
	struct sheet sh;

	if (s->opts.take(s->opts.self, &sh) != 0)
		return;
	write_status(text, &sh);
	sheet_done(&sh);
	if (strcmp(text, s->said) == 0)
		return;
	memcpy(s->said, text, sizeof(s->said));
	notify_status("%s", text);
}

static void
on_glance(uv_timer_t *timer)
{
	say_status(timer->data);
}

/* --- making ------------------------------------------------------------ */

static size_t
count_workers(const struct service_opts *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->ninputs; i++)
		n += o->inputs[i].nworkers;
	return n;
}

static void
write_letters(struct service *s)
{
	const struct service_opts *o = &s->opts;

	for (size_t i = 0; i < o->ninputs; i++)
		for (size_t j = 0; j < o->inputs[i].nworkers; j++)
			s->letters[s->n++] = (struct service_letter){
				.there.deliver = deliver_there,
				.back.deliver = deliver_back,
				.service = s,
				.worker = o->inputs[i].workers[j],
			};
}

static void
make_timer(struct service *s, uv_timer_t *timer)
{
	(void)uv_timer_init(mainloop_loop(s->opts.loop), timer); /* always 0 */
	timer->data = s;
	/* The run does not go on for its sake. */
	uv_unref((uv_handle_t *)timer);
}

int
service_open(struct service *s, const struct service_opts *o, struct err *err)
{
	size_t n = count_workers(o);

	if (!notify_is_on())
		return 0;
	assert(n > 0);
	s->letters = calloc(n, sizeof(*s->letters));
	if (s->letters == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	s->opts = *o;
	write_letters(s);
	make_timer(s, &s->pulse);
	make_timer(s, &s->glance);
	s->is_open = true;
	return 0;
}

/* --- what happens ------------------------------------------------------ */

/* Half of the time that the manager allows, as sd_watchdog_enabled(3) says. */
static void
start_pulse(struct service *s)
{
	uint64_t ms = notify_watchdog_ns() / 2 / CLOCK_NS_PER_MS;

	if (notify_watchdog_ns() == 0)
		return;
	/* Fails only without a callback or on a closing handle. */
	(void)uv_timer_start(&s->pulse, on_pulse, 0, ms > 0 ? ms : 1);
}

void
service_ready(struct service *s)
{
	if (!s->is_open || s->is_stopping)
		return;
	notify_ready();
	say_status(s);
	if (uv_is_active((const uv_handle_t *)&s->glance))
		return;
	(void)uv_timer_start(&s->glance, on_glance, GLANCE_MS, GLANCE_MS);
	start_pulse(s);
}

void
service_reloading(struct service *s)
{
	if (s->is_open && !s->is_stopping)
		notify_reloading();
}

void
service_stopping(struct service *s, uint64_t within_ns)
{
	if (!s->is_open || s->is_stopping)
		return;
	s->is_stopping = true;
	(void)uv_timer_stop(&s->pulse);
	(void)uv_timer_stop(&s->glance);
	notify_stopping(within_ns);
	notify_status("stopping");
}

void
service_close(struct service *s)
{
	if (!s->is_open)
		return;
	s->is_open = false;
	atomic_store(&s->is_deaf, true);
	uv_close((uv_handle_t *)&s->pulse, NULL);
	uv_close((uv_handle_t *)&s->glance, NULL);
}

void
service_free(struct service *s)
{
	free(s->letters);
	s->letters = NULL;
}
