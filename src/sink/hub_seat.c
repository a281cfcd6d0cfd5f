#include <assert.h>

#include "base/attr.h"

#include "net/worker.h"

#include "sink/hub.h"
#include "sink/hub_seat.h"

/* --- on the port's thread ---------------------------------------------- */

static void
sit_down(struct hub_port *p, struct hub_client *c)
{
	if (p->finished)
		return;
	p->flush(p->self);
	p->listeners++;
	p->join(p->self, c);
}

static void
stand_up(struct hub_port *p)
{
	/* What is collected stays: others may listen. */
	if (!p->finished)
		p->listeners--;
}

/* --- letters ----------------------------------------------------------- */

static void
arrive(struct hub_seat *seat)
{
	seat->state =
	    seat->state == HUB_SEAT_ASKED ? HUB_SEAT_SEATED : HUB_SEAT_EMPTY;
}

static void
on_back(struct mail *m)
{
	struct hub_seat *seat = ATTR_CONTAINER(m, struct hub_seat, mail);

	arrive(seat);
	seat->home(seat);
}

static void
do_there(struct hub_seat *seat)
{
	if (seat->state == HUB_SEAT_ASKED)
		sit_down(seat->port, seat->client);
	else
		stand_up(seat->port);
}

static void
on_there(struct mail *m)
{
	struct hub_seat *seat = ATTR_CONTAINER(m, struct hub_seat, mail);

	do_there(seat);
	m->deliver = on_back;
	mail_send(seat->port->box, m);
}

static void
go(struct hub_seat *seat, enum hub_seat_state next)
{
	seat->state = next;
	if (seat->port->direct) {
		do_there(seat);
		arrive(seat);
		return;
	}
	seat->mail.deliver = on_there;
	worker_post(seat->port->worker, &seat->mail);
}

void
hub_seat_ask(struct hub_seat *seat)
{
	assert(seat->state == HUB_SEAT_EMPTY);
	go(seat, HUB_SEAT_ASKED);
}

void
hub_seat_give_up(struct hub_seat *seat, bool over)
{
	assert(seat->state == HUB_SEAT_SEATED);
	if (over)
		seat->state = HUB_SEAT_EMPTY;
	else
		go(seat, HUB_SEAT_LEAVING);
}
