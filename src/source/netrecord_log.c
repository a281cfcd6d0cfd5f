#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/fanout.h"
#include "core/session.h"
#include "core/tally.h"
#include "source/netrecord_log.h"
#include "source/unpack.h"
#include "wire/capfile_item.h"
#include "wire/netrecord.h"

/**
 * enum netrecord_log_state - How far it has come
 *
 *	NEW	No record yet: only "con" may come, which opens the session.
 *	OPEN	Data and ends.  Goes to OVER at the end of the log, at the
 *		limit, and at damage.
 *	OVER	The session is closed; the rest of the log is passed over.
 */
enum netrecord_log_state {
	NETRECORD_LOG_NEW,
	NETRECORD_LOG_OPEN,
	NETRECORD_LOG_OVER,
};

/**
 * struct netrecord_log - See netrecord_log.h
 * @off:	Offset in the log of what comes next
 * @records:	Whose heads were read
 * @record:	Of data that still come: @left bytes of it
 * @ts_ns:	Its time; never less than that of the one before
 * @by:		Who ended it
 * @how:	... and how, once somebody has
 * @slots:	The sinks' state, behind this
 */
struct netrecord_log {
	struct netrecord_log_opts o;
	enum netrecord_log_state state;
	uint64_t off;
	uint64_t records;
	struct netrecord record;
	uint64_t left;
	uint64_t ts_ns;
	enum party by;
	enum how how;
	struct session s;
	struct session_more more;
	max_align_t slots[];
};

/* --- the session ------------------------------------------------------- */

static enum dir
dir_of(const struct netrecord *r)
{
	return r->side == NETRECORD_CLIENT ? DIR_CLIENT : DIR_SERVER;
}

static void
open_session(struct netrecord_log *l)
{
	struct session *s = &l->s;

	s->id = l->o.id;
	s->source = l->o.source;
	s->input = l->o.input;
	s->client.family = AF_INET; /* 0.0.0.0:0 */
	s->server.family = AF_INET;
	s->no_packets = true;
	s->open_ns = l->ts_ns;
	l->state = NETRECORD_LOG_OPEN;
	session_open(s);
}

static void
close_session(struct netrecord_log *l, enum how how, enum party by)
{
	session_close(&l->s, l->ts_ns, how, by);
	l->state = NETRECORD_LOG_OVER;
}

static void
deliver(struct netrecord_log *l, enum dir d, const uint8_t *data, size_t len)
{
	struct chunk c = {
		.dir = d,
		.off = l->s.off[d],
		.ts_ns = l->ts_ns,
		.data = data,
		.len = len,
	};

	session_data(&l->s, &c);
}

/* Up to the limit; what lies behind it belongs to nobody. */
static void
take_data(struct netrecord_log *l, const uint8_t *data, size_t len)
{
	enum dir d = dir_of(&l->record);
	uint64_t had = l->s.bytes[DIR_CLIENT] + l->s.bytes[DIR_SERVER];
	size_t take = len;

	count_add(&l->o.payload[d].received, len);
	if (l->state == NETRECORD_LOG_OVER)
		take = 0;
	else if (l->o.max_bytes > 0 && len > l->o.max_bytes - had)
		take = (size_t)(l->o.max_bytes - had);
	if (take > 0)
		deliver(l, d, data, take);
	if (take < len)
		count_add(&l->o.payload[d].strays, len - take);
	if (l->state == NETRECORD_LOG_OPEN && l->o.max_bytes > 0 &&
	    had + take == l->o.max_bytes)
		close_session(l, HOW_LIMIT, PARTY_US);
}

/* --- records ----------------------------------------------------------- */

static int
damage(struct netrecord_log *l, const char *what, struct err *err)
{
	(void)err_set(err, -EBADMSG,
	    "netrecord log, record %" PRIu64 " at offset %" PRIu64 ": %s",
	    l->records + 1, l->off, what);
	if (l->state == NETRECORD_LOG_OPEN) {
		l->more.error = "the log is damaged";
		close_session(l, HOW_ERROR, PARTY_US);
	}
	return -EBADMSG;
}

/* Why a record cannot come now; NULL: it can. */
static const char *
objection(const struct netrecord_log *l, const struct netrecord *r)
{
	if (l->state == NETRECORD_LOG_OVER)
		return NULL;
	if (l->state == NETRECORD_LOG_NEW)
		return r->what == NETRECORD_CON ? NULL : "no \"con\" before it";
	if (r->what == NETRECORD_CON)
		return "a second \"con\"";
	if (l->s.ended[dir_of(r)])
		return "its side has hung up before";
	return NULL;
}

static void
take_time(struct netrecord_log *l, uint64_t time_us)
{
	uint64_t room_us = (UINT64_MAX - l->o.start_ns) / CLOCK_NS_PER_US;
	uint64_t ts_ns = time_us <= room_us
			     ? l->o.start_ns + time_us * CLOCK_NS_PER_US
			     : UINT64_MAX;

	/* Sessions do not run backwards. */
	if (ts_ns > l->ts_ns)
		l->ts_ns = ts_ns;
}

static void
take_record(struct netrecord_log *l)
{
	const struct netrecord *r = &l->record;
	enum dir d = dir_of(r);

	take_time(l, r->time_us);
	l->left = r->len;
	if (l->state == NETRECORD_LOG_OVER || r->what == NETRECORD_DATA)
		return;
	if (r->what == NETRECORD_CON) {
		open_session(l);
		return;
	}
	l->by = d == DIR_CLIENT ? PARTY_CLIENT : PARTY_SERVER;
	if (r->what == NETRECORD_ERR)
		l->how = HOW_ERROR;
	else if (l->how == HOW_STOP)
		l->how = HOW_FIN;
	session_end(&l->s, d, l->ts_ns,
	    r->what == NETRECORD_ERR ? HOW_ERROR : HOW_FIN, l->by);
}

static int
pass(struct netrecord_log *l, struct capfile_item *item, size_t used)
{
	l->off += used;
	item->what = CAPFILE_ITEM_PASS;
	item->used = used;
	return 0;
}

int
netrecord_log_next(struct netrecord_log *l, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err)
{
	struct netrecord r;
	const char *why;
	size_t used;
	int rc;

	if (l->left > 0 && len > 0) {
		used = l->left < len ? (size_t)l->left : len;
		take_data(l, data, used);
		l->left -= used;
		return pass(l, item, used);
	}
	rc = netrecord_decode(&r, &used, data, len);
	if (rc == -EAGAIN) {
		item->what = CAPFILE_ITEM_MORE;
		item->need = len + 1;
		return 0;
	}
	if (rc != 0)
		return damage(l, "not a record", err);
	why = objection(l, &r);
	if (why != NULL)
		return damage(l, why, err);
	l->record = r;
	take_record(l);
	l->records++;
	return pass(l, item, used);
}

int
netrecord_log_end(struct netrecord_log *l, size_t left, struct err *err)
{
	if (l->left > 0) {
		/* The record that was cut is the one that was begun. */
		l->records--;
		return damage(l, "its data are cut off", err);
	}
	if (left > 0)
		return damage(l, "cut off", err);
	if (l->state == NETRECORD_LOG_OPEN)
		close_session(l, l->how, l->how == HOW_STOP ? PARTY_US : l->by);
	return 0;
}

struct netrecord_log *
netrecord_log_new(const struct netrecord_log_opts *o)
{
	size_t slots = fanout_session_size(o->fan);
	struct netrecord_log *l = calloc(1, sizeof(*l) + slots);

	if (l == NULL)
		return NULL;
	l->o = *o;
	l->how = HOW_STOP;
	session_init(&l->s, o->fan, l->slots);
	session_use_more(&l->s, &l->more);
	return l;
}

void
netrecord_log_free(struct netrecord_log *l)
{
	if (l == NULL)
		return;
	if (l->state == NETRECORD_LOG_OPEN)
		close_session(l, HOW_STOP, PARTY_US);
	free(l);
}

bool
netrecord_log_stop(struct netrecord_log *l, const struct session *s)
{
	if (s != &l->s)
		return false;
	close_session(l, HOW_STOP, PARTY_US);
	return true;
}

/* --- looking ahead ----------------------------------------------------- */

int
netrecord_log_last(
    struct unpack *u, uint8_t *buf, size_t size, uint64_t *last_us)
{
	uint64_t last = 0, skip = 0;
	struct netrecord r;
	size_t have = 0, at, got, used;
	int rc;

	assert(size >= NETRECORD_HEAD_MAX);
	for (;;) {
		rc = unpack_read(u, buf + have, size - have, &got, NULL);
		if (rc == -ECANCELED)
			return rc;
		if (rc != 0 || got == 0)
			break;
		have += got;
		for (at = 0;;) {
			used = skip < have - at ? (size_t)skip : have - at;
			at += used;
			skip -= used;
			rc = netrecord_decode(&r, &used, buf + at, have - at);
			if (rc != 0)
				break;
			at += used;
			skip = r.len;
			if (r.time_us > last)
				last = r.time_us;
		}
		if (rc != -EAGAIN)
			break;
		have -= at;
		memmove(buf, buf + at, have);
	}
	*last_us = last;
	return 0;
}
