#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/obuf.h"

#include "sink/capture_head.h"
#include "sink/hub_batch.h"
#include "sink/hub_client.h"
#include "sink/hub_ifaces.h"
#include "sink/outq.h"

#include "wire/pcapng.h"

struct hub_client *
hub_client_new(const struct hub_ifaces *ifaces, struct obuf *scratch,
    bool replay, size_t nseats)
{
	struct hub_client *c =
	    calloc(1, sizeof(*c) + nseats * sizeof(c->seats[0]));

	if (c == NULL)
		return NULL;
	list_init(&c->node);
	c->ifaces = ifaces;
	c->scratch = scratch;
	c->replay = replay;
	c->start_ns = replay ? 0 : clock_event_ns();
	c->nseats = nseats;
	return c;
}

void
hub_client_free(struct hub_client *c)
{
	if (c == NULL)
		return;
	free(c->tally);
	free(c);
}

/* --- seats ------------------------------------------------------------- */

void
hub_client_leave(struct hub_client *c)
{
	for (size_t i = 0; i < c->nseats; i++)
		if (c->seats[i].state == HUB_SEAT_SEATED)
			hub_seat_give_up(&c->seats[i], c->over);
	for (size_t i = 0; i < c->nseats; i++)
		if (c->seats[i].state != HUB_SEAT_EMPTY)
			return;
	list_remove(&c->node);
	hub_client_free(c);
}

static void
on_home(struct hub_seat *seat)
{
	if (seat->client->q == NULL)
		hub_client_leave(seat->client);
}

void
hub_client_sit(struct hub_client *c, struct hub_port *const *ports)
{
	for (size_t i = 0; i < c->nseats; i++) {
		c->seats[i].client = c;
		c->seats[i].port = ports[i];
		c->seats[i].home = on_home;
	}
	/* It may be gone already by what the first of them posts. */
	for (size_t i = 0; i < c->nseats && c->q != NULL; i++)
		hub_seat_ask(&c->seats[i]);
	if (c->q == NULL)
		hub_client_leave(c);
}

/* --- blocks ------------------------------------------------------------ */

/* Blocks of our own, which are worth nothing; 0 or -ENOMEM. */
static int
send_scratch(struct hub_client *c)
{
	int rc = c->scratch->failed ? -ENOMEM : 0;

	if (rc == 0 && !outq_put(c->q, c->scratch->data, c->scratch->len, 0))
		c->torn = true;
	obuf_clear(c->scratch);
	return rc;
}

/* --- interfaces -------------------------------------------------------- */

/* Describes those that it does not know yet; 0 or -ENOMEM. */
static int
tell_ifaces(struct hub_client *c)
{
	uint32_t n = hub_ifaces_count(c->ifaces);
	struct hub_tally *tally;
	int rc;

	if (c->ntold == n)
		return 0;
	tally = realloc(c->tally, n * sizeof(*tally));
	if (tally == NULL)
		return -ENOMEM;
	c->tally = tally;
	for (uint32_t i = c->ntold; i < n; i++) {
		tally[i] = (struct hub_tally){ .received = 0 };
		capture_head_iface(c->scratch, hub_ifaces_at(c->ifaces, i));
	}
	rc = send_scratch(c);
	if (rc == 0)
		c->ntold = n;
	return rc;
}

int
hub_client_greet(struct hub_client *c)
{
	int rc;

	capture_head_section(c->scratch);
	rc = send_scratch(c);
	return rc == 0 ? tell_ifaces(c) : rc;
}

/* --- statistics -------------------------------------------------------- */

static void
put_stats(struct hub_client *c, uint32_t number)
{
	struct hub_tally *t = &c->tally[number];
	uint64_t end_ns = c->replay ? c->last_ns : clock_event_ns();

	pcapng_put_stats(c->scratch, &(struct pcapng_stats){
					 .interface = number,
					 .start_ns = c->start_ns,
					 .end_ns = end_ns,
					 .received = t->received,
					 .dropped = t->lost,
				     });
	t->news = false;
}

/* Without memory for it the next ones will say so. */
static void
tell_losses(struct hub_client *c)
{
	if (!c->news)
		return;
	c->news = false;
	for (uint32_t i = 0; i < c->ntold; i++)
		if (c->tally[i].news)
			put_stats(c, i);
	(void)send_scratch(c);
}

void
hub_client_stats(struct hub_client *c)
{
	c->news = false;
	for (uint32_t i = 0; i < c->ntold; i++)
		put_stats(c, i);
	(void)send_scratch(c); /* likewise */
}

static void
count_lost(struct hub_client *c, const struct hub_share *share, uint64_t n)
{
	struct hub_tally *t = &c->tally[share->iface];

	if (n == 0)
		return;
	t->received += n;
	t->lost += n;
	t->news = true;
	c->news = true;
}

/* --- batches ----------------------------------------------------------- */

static void
see_times(struct hub_client *c, const struct hub_batch *b)
{
	if (b->len == 0)
		return;
	if (c->start_ns == 0)
		c->start_ns = b->first_ns;
	if (b->last_ns > c->last_ns)
		c->last_ns = b->last_ns;
}

int
hub_client_give(struct hub_client *c, const struct hub_batch *b)
{
	int rc = tell_ifaces(c);

	if (rc != 0)
		return rc;
	see_times(c, b);
	for (size_t i = 0; i < b->nshares; i++)
		count_lost(c, &b->shares[i], b->shares[i].lost);
	tell_losses(c);
	for (size_t i = 0; i < b->nshares; i++)
		c->tally[b->shares[i].iface].received += b->shares[i].packets;
	if (!outq_put_batch(c->q, b->data, b->len, b->payload, b->chunks))
		c->torn = true;
	return c->torn ? -EPIPE : 0;
}

void
hub_client_miss(struct hub_client *c, const struct hub_batch *b)
{
	/* Statistics need it described, which is bounded where traffic is not.
	 */
	if (tell_ifaces(c) != 0)
		return;
	for (size_t i = 0; i < b->nshares; i++)
		count_lost(
		    c, &b->shares[i], b->shares[i].packets + b->shares[i].lost);
	see_times(c, b);
}
