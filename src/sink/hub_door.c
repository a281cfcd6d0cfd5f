#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#include "sink/hub_door.h"

/* Connections that wait to be let in. */
#define BACKLOG 32

/* So many times as long as it took to tell one, the next one waits. */
#define PACE 20

int
hub_door_open(
    struct hub_door *d, const struct endpoint *at, bool own, struct err *err)
{
	const struct socket_listen_opts lo = { .backlog = BACKLOG };
	int rc = gate_open(&d->gate, at, &lo, err);

	if (rc != 0)
		return rc;
	for (size_t i = 0; own && i < d->gate.n; i++) {
		d->own[i].local = d->gate.post[i].listener.addr;
		d->own[i].remote.family = AF_UNSPEC;
		own_enter(&d->own[i]);
	}
	d->entered = own;
	return 0;
}

void
hub_door_close(struct hub_door *d)
{
	for (size_t i = 0; d->entered && i < d->gate.n; i++)
		own_leave(&d->own[i]);
	d->entered = false;
	gate_close(&d->gate);
}

void
hub_door_lift(struct hub_door *d)
{
	if (d->open_ns == 0)
		gate_lift(&d->gate);
}

void
hub_door_pause(struct hub_door *d, uint64_t from_ns)
{
	uint64_t now_ns = clock_mono_ns();

	d->open_ns = now_ns + (now_ns - from_ns) * PACE;
	gate_shut(&d->gate);
}

uint64_t
hub_door_due(struct hub_door *d, uint64_t mono_ns)
{
	if (d->open_ns != 0 && mono_ns < d->open_ns)
		return d->open_ns;
	d->open_ns = 0;
	return CLOCK_NEVER;
}

void
hub_door_words(
    const struct hub_door *d, const char *name, char words[HUB_DOOR_WORDS])
{
	char text[ADDR_TEXT_MAX];
	size_t at;

	at = (size_t)snprintf(
	    words, HUB_DOOR_WORDS, "%.64s: clients connect to", name);
	for (size_t i = 0; i < d->gate.n && at < HUB_DOOR_WORDS; i++)
		at += (size_t)snprintf(words + at, HUB_DOOR_WORDS - at, "%s %s",
		    i > 0 ? "," : "",
		    addr_format(&d->gate.post[i].listener.addr, text));
}

void
hub_door_trouble(const char *name, int error, char words[HUB_DOOR_WORDS])
{
	(void)snprintf(words, HUB_DOOR_WORDS,
	    "%.64s: no client can be served: %s", name, strerror(-error));
}
