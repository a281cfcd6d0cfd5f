#ifndef FAKE_DISSECT_H
#define FAKE_DISSECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/obuf.h"
#include "core/packet.h"
#include "core/tally.h"
#include "source/dissect.h"

/*
 * In place of source/dissect.c: writes down, as text, which packets come, a
 * line for each:
 *
 *	IFACE LINKTYPE NAME TIME LEN/WIRE_LEN FIRST_BYTE
 *
 * A packet that begins with '+' opens a session, if it may; one that begins
 * with '-' ends one.
 */
struct dissect {
	struct dissect_opts o;
	uint64_t live;
	uint64_t received;
	uint64_t tick_ns;
	uint64_t stray;
	bool stopped;
};

/* The one that there is; its log outlives it. */
static struct dissect *fake_dissect;
static struct obuf fake_dissect_log;
static bool fake_dissect_silent;
static unsigned fake_dissect_stops;

struct dissect *
dissect_new(const struct dissect_opts *o, struct fanout *fan, struct err *err)
{
	(void)fan;
	(void)err;
	assert_null(fake_dissect);
	fake_dissect = calloc(1, sizeof(*fake_dissect));
	assert_non_null(fake_dissect);
	fake_dissect->o = *o;
	return fake_dissect;
}

void
dissect_free(struct dissect *d)
{
	if (d != NULL)
		fake_dissect = NULL;
	free(d);
}

void
dissect_packet(struct dissect *d, const struct packet *p)
{
	char first = p->len > 0 ? (char)p->data[0] : ' ';

	assert_false(d->stopped);
	d->received++;
	if (first == '+' && d->o.flow.next_id(d->o.flow.self) != 0)
		d->live++;
	else if (first == '+')
		d->stray++;
	else if (first == '-')
		d->live--;
	if (fake_dissect_silent)
		return;
	obuf_printf(&fake_dissect_log, "%u %u %s %ju %u/%u %c\n",
	    (unsigned)p->iface->id, p->iface->linktype,
	    p->iface->name != NULL ? p->iface->name : "?", (uintmax_t)p->ts_ns,
	    (unsigned)p->len, (unsigned)p->wire_len, first);
}

void
dissect_tick(struct dissect *d, uint64_t now_ns)
{
	assert_false(d->stopped);
	d->tick_ns = now_ns;
}

void
dissect_stop(struct dissect *d)
{
	assert_false(d->stopped);
	d->stopped = true;
	d->live = 0;
	fake_dissect_stops++;
}

/* It has no sessions to be told apart. */
void
dissect_end(struct dissect *d, struct session *s)
{
	assert_non_null(s);
	assert_true(d->live > 0);
	d->live--;
}

uint64_t
dissect_live(const struct dissect *d)
{
	return d->live;
}

void
dissect_tally(const struct dissect *d, struct tally *t)
{
	t->received += d->received;
}

/** fake_dissect_text() - What was written down so far. */
static inline const char *
fake_dissect_text(void)
{
	obuf_putc(&fake_dissect_log, '\0');
	fake_dissect_log.len--;
	assert_false(fake_dissect_log.failed);
	return (const char *)fake_dissect_log.data;
}

/** fake_dissect_reset() - Between two tests. */
static inline void
fake_dissect_reset(void)
{
	assert_null(fake_dissect);
	obuf_done(&fake_dissect_log);
	fake_dissect_silent = false;
	fake_dissect_stops = 0;
}

#endif /* FAKE_DISSECT_H */
