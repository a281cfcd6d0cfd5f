#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/packet.h"
#include "core/session.h"
#include "source/filter.h"
#include "source/name_cache.h"
#include "source/netrecord_log.h"
#include "source/prefetch.h"
#include "source/savefile_feed.h"
#include "wire/capfile_item.h"

/*
 * Between two slices it is seen whether a sink is full: much less than any
 * queue holds by default, and enough that asking costs nothing.
 */
#define SLICE ((size_t)64 * 1024)

/*
 * Names of interfaces are shown, not used: Windows' longest have some 60
 * characters, and a file may bring 65536 of them.
 */
#define TEXT_MAX 255

static_assert((int)PACKET_OUTBOUND == (int)FRAME_OUTBOUND &&
		  (int)PACKET_INBOUND == (int)FRAME_INBOUND,
    "both are epb_flags's numbers");

/**
 * struct savefile_feed_iface - An interface
 * @node:	In savefile_feed.all
 * @stats:	What its file has said last of what it saw
 * @text:	Its name, NUL, its description, NUL
 */
struct savefile_feed_iface {
	struct list node;
	struct packet_iface iface;
	struct capfile_item_stats stats;
	char text[];
};

/* --- interfaces -------------------------------------------------------- */

static size_t
shown_len(const uint8_t *text, size_t len)
{
	return len > 0 ? strnlen((const char *)text,
			     len < TEXT_MAX ? len : TEXT_MAX)
		       : 0;
}

/* Copies @len bytes and ends them; NULL where there are none. */
static const char *
take_text(char **at, const uint8_t *text, size_t len)
{
	char *copy = *at;

	if (len == 0)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*at += len + 1;
	return copy;
}

static int
make_room(struct savefile_feed *f)
{
	size_t room = f->room > 0 ? 2 * f->room : 4;
	struct savefile_feed_iface **v;

	if (f->nhere < f->room)
		return 0;
	v = realloc(f->here, room * sizeof(struct savefile_feed_iface *));
	if (v == NULL)
		return -ENOMEM;
	f->here = v;
	f->room = room;
	return 0;
}

static struct savefile_feed_iface *
add_iface(struct savefile_feed *f, const struct capfile_item_iface *i)
{
	size_t name = shown_len(i->name, i->name_len);
	size_t description = shown_len(i->description, i->description_len);
	struct savefile_feed_iface *fi = NULL;
	char *at;

	assert(i->number == f->nhere); /* readers count */
	if (make_room(f) == 0)
		fi = calloc(1, sizeof(*fi) + name + description + 2);
	if (fi == NULL)
		return NULL;
	at = fi->text;
	fi->iface = (struct packet_iface){
		.id = source_number_iface(f->o.place.numbers),
		.linktype = i->linktype,
		.snaplen = i->snaplen,
		.name = take_text(&at, i->name, name),
	};
	fi->iface.description = take_text(&at, i->description, description);
	list_append(&f->all, &fi->node);
	f->here[f->nhere++] = fi;
	return fi;
}

/* Counters of files only grow, except in one that is damaged. */
static void
take_stats(struct savefile_feed *f, const struct capfile_item_stats *now)
{
	struct capfile_item_stats *before = &f->here[now->iface]->stats;

	count_add(&f->kernel_received, now->received - before->received);
	count_add(&f->kernel_dropped, now->os_dropped - before->os_dropped);
	count_add(&f->interface_dropped, now->if_dropped - before->if_dropped);
	*before = *now;
	atomic_store(&f->has_kernel, true);
}

/* --- sessions ---------------------------------------------------------- */

static uint64_t
next_id(void *self)
{
	struct savefile_feed *f = self;

	if (f->o.max_sessions > 0 && f->opened == f->o.max_sessions)
		return 0;
	f->opened++;
	return source_number_session(f->o.place.numbers);
}

static void
opening(void *self, struct session *s)
{
	struct savefile_feed *f = self;

	name_cache_fill(f->names, s);
}

bool
savefile_feed_is_over(const struct savefile_feed *f)
{
	return f->o.max_sessions > 0 && f->opened == f->o.max_sessions &&
	       f->log == NULL && dissect_live(f->dissect) == 0;
}

static int
begin_log(struct savefile_feed *f, struct err *err)
{
	struct netrecord_log_opts o = {
		.fan = f->fan,
		.source = f->o.source,
		.input = f->o.place.input,
		.id = next_id(f),
		.start_ns = f->start_ns,
		.max_bytes = f->o.dissect.flow.max_bytes,
		.payload = f->payload,
	};

	/* No session may be opened any more: pass over all of it. */
	if (o.id == 0)
		return 0;
	f->log = netrecord_log_new(&o);
	return f->log != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* --- items ------------------------------------------------------------- */

static void
take_packet(struct savefile_feed *f, const struct capfile_item_packet *ip)
{
	struct packet p = {
		.iface = &f->here[ip->iface]->iface,
		.ts_ns = ip->ts_ns,
		.data = ip->data,
		.len = ip->len,
		.wire_len = ip->wire_len,
		.dir = (enum packet_dir)ip->dir,
	};

	count_add(&f->packets, 1);
	if (p.ts_ns > f->last_ns)
		f->last_ns = p.ts_ns;
	if (!filter_passes(f->filter, &p)) {
		count_add(&f->filtered, 1);
		return;
	}
	f->passed++;
	dissect_packet(f->dissect, &p);
}

static int
not_a_capture(const struct savefile_feed *f, struct err *err)
{
	static const char wanted[] = "pcap, pcapng, gzip or zstd of them, or a "
				     "netrecord log is wanted";
	char bytes[3 * sizeof(f->head) + 1] = "";

	if (f->head_len == 0)
		return err_set(
		    err, -EBADMSG, "not a capture file (empty): %s", wanted);
	for (size_t i = 0; i < f->head_len; i++)
		(void)snprintf(bytes + 3 * i, 4, " %02x", f->head[i]);
	return err_set(err, -EBADMSG, "not a capture file (begins with%s): %s",
	    bytes, wanted);
}

static int
tell_format(
    struct savefile_feed *f, const uint8_t *data, size_t len, struct err *err)
{
	f->head_len = len < sizeof(f->head) ? len : sizeof(f->head);
	memcpy(f->head, data, f->head_len);
	f->format = capfile_sniff(data, len);
	switch (f->format) {
	case CAPFILE_PCAP:
	case CAPFILE_PCAPNG:
		capfile_init(&f->file, f->format);
		return 0;
	case CAPFILE_NETRECORD:
		return begin_log(f, err);
	case CAPFILE_SHORT:
		return 0;
	case CAPFILE_UNKNOWN:
		break;
	}
	return not_a_capture(f, err);
}

static int
next_item(struct savefile_feed *f, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err)
{
	int rc;

	if (f->format == CAPFILE_SHORT) {
		rc = tell_format(f, data, len, err);
		if (rc != 0)
			return rc;
	}
	if (f->format == CAPFILE_SHORT) {
		item->what = CAPFILE_ITEM_MORE;
		item->need = len + 1;
		return 0;
	}
	if (f->format != CAPFILE_NETRECORD)
		return capfile_next(&f->file, data, len, item, err);
	if (f->log != NULL)
		return netrecord_log_next(f->log, data, len, item, err);
	item->what = CAPFILE_ITEM_PASS;
	item->used = len;
	return 0;
}

static int
take_item(
    struct savefile_feed *f, const struct capfile_item *item, struct err *err)
{
	switch (item->what) {
	case CAPFILE_ITEM_PACKET:
		take_packet(f, &item->packet);
		break;
	case CAPFILE_ITEM_INTERFACE:
		if (add_iface(f, &item->iface) == NULL)
			return err_set(err, -ENOMEM, "out of memory");
		break;
	case CAPFILE_ITEM_STATS:
		take_stats(f, &item->stats);
		break;
	case CAPFILE_ITEM_PASS:
	case CAPFILE_ITEM_MORE:
		break;
	}
	return 0;
}

static bool
has_enough(const struct savefile_feed *f)
{
	if (f->o.max_packets > 0 && f->passed >= f->o.max_packets)
		return true;
	return savefile_feed_is_over(f);
}

/* --- blocks ------------------------------------------------------------ */

void
savefile_feed_begin(struct savefile_feed *f, const struct prefetch_block *b)
{
	if (b->first)
		f->start_ns = b->start_ns;
	window_push(&f->window, b->data, b->len);
}

/* Fewer bytes in view than an item needs. */
static int
get_more(struct savefile_feed *f, size_t need, enum savefile_feed_state *state,
    struct err *err)
{
	int rc = window_need(&f->window, need);

	if (rc == -ENOMEM)
		return err_set(err, rc, "out of memory");
	*state = rc == 0 ? SAVEFILE_FEED_GO_ON : SAVEFILE_FEED_USED;
	return 0;
}

int
savefile_feed_some(
    struct savefile_feed *f, enum savefile_feed_state *state, struct err *err)
{
	struct capfile_item item;
	const uint8_t *data;
	size_t len, taken = 0;
	int rc;

	*state = SAVEFILE_FEED_GO_ON;
	while (*state == SAVEFILE_FEED_GO_ON && taken < SLICE) {
		len = window_view(&f->window, &data);
		item.what = CAPFILE_ITEM_MORE;
		item.need = 1;
		rc = len > 0 ? next_item(f, data, len, &item, err) : 0;
		if (rc == 0 && item.what == CAPFILE_ITEM_MORE)
			rc = get_more(f, item.need, state, err);
		else if (rc == 0)
			rc = take_item(f, &item, err);
		if (rc != 0)
			return rc;
		if (item.what == CAPFILE_ITEM_MORE)
			continue;
		window_used(&f->window, item.used);
		taken += item.used;
		if (has_enough(f))
			*state = SAVEFILE_FEED_OVER;
	}
	return 0;
}

int
savefile_feed_end(struct savefile_feed *f, struct err *err)
{
	switch (f->format) {
	case CAPFILE_PCAP:
	case CAPFILE_PCAPNG:
		return capfile_end(&f->file, window_left(&f->window),
		    (size_t)window_unseen(&f->window), err);
	case CAPFILE_NETRECORD:
		return f->log == NULL ? 0
				      : netrecord_log_end(f->log,
					    window_left(&f->window), err);
	case CAPFILE_SHORT:
	case CAPFILE_UNKNOWN:
		break;
	}
	return not_a_capture(f, err);
}

void
savefile_feed_drop(struct savefile_feed *f)
{
	if (f->format == CAPFILE_PCAP || f->format == CAPFILE_PCAPNG)
		capfile_done(&f->file);
	netrecord_log_free(f->log);
	f->log = NULL;
	f->format = CAPFILE_SHORT;
	f->head_len = 0;
	f->nhere = 0;
	window_clear(&f->window);
}

void
savefile_feed_tick(struct savefile_feed *f)
{
	if (f->last_ns > 0)
		dissect_tick(f->dissect, f->last_ns);
}

/* --- life -------------------------------------------------------------- */

void
savefile_feed_init(struct savefile_feed *f, const struct savefile_feed_opts *o,
    struct filter *filter_take)
{
	memset(f, 0, sizeof(*f));
	f->o = *o;
	f->filter = filter_take;
	f->format = CAPFILE_SHORT;
	list_init(&f->all);
	window_init(&f->window);
}

int
savefile_feed_attach(
    struct savefile_feed *f, struct fanout *fan, struct err *err)
{
	struct dissect_opts o = f->o.dissect;

	o.flow.input = f->o.place.input;
	o.flow.next_id = next_id;
	o.flow.opening = f->o.names ? opening : NULL;
	o.flow.self = f;
	f->fan = fan;
	if (f->o.names) {
		f->names = name_cache_new();
		if (f->names == NULL)
			return err_set(err, -ENOMEM, "out of memory");
	}
	f->dissect = dissect_new(&o, fan, err);
	return f->dissect != NULL ? 0 : -ENOMEM;
}

void
savefile_feed_stop(struct savefile_feed *f)
{
	savefile_feed_drop(f);
	dissect_stop(f->dissect);
}

void
savefile_feed_end_session(struct savefile_feed *f, struct session *s)
{
	if (f->log == NULL || !netrecord_log_stop(f->log, s))
		dissect_end(f->dissect, s);
}

void
savefile_feed_done(struct savefile_feed *f)
{
	struct list *node;

	savefile_feed_drop(f);
	dissect_free(f->dissect);
	name_cache_free(f->names);
	filter_free(f->filter);
	window_done(&f->window);
	free(f->here);
	while ((node = list_shift(&f->all)) != NULL)
		free(LIST_ENTRY(node, struct savefile_feed_iface, node));
}

void
savefile_feed_tally(const struct savefile_feed *f, struct tally *t)
{
	if (f->dissect != NULL)
		dissect_tally(f->dissect, t);
	t->filtered += count_get(&f->filtered);
	tally_add_payload(t, f->payload);
	if (!atomic_load(&f->has_kernel))
		return;
	t->has_kernel = true;
	t->kernel_received += count_get(&f->kernel_received);
	t->kernel_dropped += count_get(&f->kernel_dropped);
	t->interface_dropped += count_get(&f->interface_dropped);
}
