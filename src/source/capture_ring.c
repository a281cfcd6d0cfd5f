#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "core/fanout.h"
#include "core/segment.h"
#include "core/session.h"
#include "core/source.h"
#include "core/tally.h"
#include "net/own.h"
#include "source/capture_names.h"
#include "source/capture_open.h"
#include "source/capture_ring.h"

/*
 * What is read before the loop's other handles get a turn, and short records
 * go out: some sixteen blocks of the kernel's, ten milliseconds of work.  Of
 * hundreds of conversations at once, each has a few packets in that.
 */
#define SLICE_LEN ((int64_t)4 << 20)

/* A packet costs something, however short it is. */
#define PACKET_COST 256

/* Asked of libpcap at a time; between two, a full sink is noticed. */
#define BATCH 256

/*
 * A block is handed over when it is full, or at the second tick of the
 * kernel's timer after it was begun; twice that, and more, for timers that are
 * late on a machine that is busy.
 */
#define HOLD_BACK_NS (5ULL * CAPTURE_OPEN_BLOCK_MS * CLOCK_NS_PER_MS)

/*
 * Holes, idle sessions and lingering ones move on within this, and the
 * kernel's figures, which a user sees beside ours, are no older.
 */
#define TICK_MS 100

/* While stopping: to see soon that the ring has run dry. */
#define STOPPING_TICK_MS 10

/* LINKTYPE_ values of Linux's cooked captures, and who sent what. */
#define SLL          113
#define SLL_LEN      2
#define SLL2         276
#define SLL2_TYPE    10
#define SLL_OUTGOING 4
#define SLL_OTHER    3

/* --- packets ----------------------------------------------------------- */

/* Only cooked headers tell; packet(7), sll_pkttype. */
static enum packet_dir
direction(uint16_t linktype, const uint8_t *data, uint32_t len)
{
	unsigned type = SLL_OTHER;

	if (linktype == SLL && len >= SLL_LEN)
		type = bytes_get_be16(data);
	else if (linktype == SLL2 && len > SLL2_TYPE)
		type = data[SLL2_TYPE];
	if (type == SLL_OUTGOING)
		return PACKET_OUTBOUND;
	return type < SLL_OTHER ? PACKET_INBOUND : PACKET_UNKNOWN;
}

static void
shut(struct capture_ring *r)
{
	r->shut = true;
	pcap_breakloop(r->pcap);
}

/* Is this packet among the -c N?  Exact, however many rings there are. */
static bool
claim(struct capture_ring *r)
{
	struct capture_common *c = r->common;
	uint64_t number;

	if (c->o.max_packets == 0)
		return true;
	number = atomic_fetch_add(&c->packets, 1) + 1;
	if (number >= c->o.max_packets) {
		shut(r);
		c->limit(c);
	}
	return number <= c->o.max_packets;
}

/*
 * Nothing becomes old by a clock that is set.  The time is asked for anew only
 * if the last one leaves a doubt: reading may have been held up since.
 */
static void
see_time(struct capture_ring *r, uint64_t ts_ns)
{
	if (capture_clock_fits(&r->clock, ts_ns, r->asked_ns))
		return;
	r->asked_ns = clock_event_ns();
	if (!capture_clock_fits(&r->clock, ts_ns, r->asked_ns))
		dissect_jump(r->dissect,
		    capture_clock_set(&r->clock, ts_ns, r->asked_ns));
}

static void
on_packet(u_char *self, const struct pcap_pkthdr *header, const u_char *data)
{
	struct capture_ring *r = (struct capture_ring *)(void *)self;
	const struct packet_iface *iface = &r->common->iface;
	uint64_t fraction = (uint64_t)header->ts.tv_usec;
	struct packet p = {
		.iface = iface,
		.data = data,
		.len = header->caplen,
		.wire_len =
		    header->len > header->caplen ? header->len : header->caplen,
		.dir = direction(iface->linktype, data, header->caplen),
	};

	/* libpcap may go on for a packet after it was told to break. */
	if (r->shut || r->beyond)
		return;
	p.ts_ns = (uint64_t)header->ts.tv_sec * CLOCK_NS_PER_S +
		  (r->nano ? fraction : fraction * CLOCK_NS_PER_US);
	if (r->state == CAPTURE_RING_STOPPING && p.ts_ns > r->stop_real_ns) {
		r->beyond = true;
		pcap_breakloop(r->pcap);
		return;
	}
	if (!claim(r))
		return;
	see_time(r, p.ts_ns);
	r->slice -= (int64_t)header->caplen + PACKET_COST;
	dissect_packet(r->dissect, &p);
}

/* --- what the flow table asks ------------------------------------------ */

static uint64_t
on_next_id(void *self)
{
	struct capture_ring *r = self;
	struct capture_common *c = r->common;
	uint64_t max = atomic_load(&c->max_sessions);
	uint64_t opened = atomic_load(&c->opened);

	/* Exact, or a limit that is raised later would count the refused. */
	do {
		if (max > 0 && opened >= max)
			return 0;
	} while (
	    !atomic_compare_exchange_weak(&c->opened, &opened, opened + 1));
	r->opened++;
	return source_number_session(c->o.place.numbers);
}

static void
on_opening(void *self, struct session *s)
{
	struct capture_ring *r = self;

	if (r->state != CAPTURE_RING_OVER)
		capture_names_fill(r->names, s);
}

static bool
on_is_own(void *self, const struct segment *seg)
{
	(void)self;
	return own_has(&seg->src, &seg->dst, seg->ts_ns);
}

/* --- the kernel's figures ---------------------------------------------- */

/* They are 32 bits wide and go round; differences do not mind. */
static void
add_step(struct count *c, u_int now, u_int before)
{
	count_add(c, (uint32_t)(now - before));
}

static void
ask_kernel(struct capture_ring *r)
{
	struct pcap_stat now;

	/* On an interface that has gone there is nothing to be asked. */
	if (pcap_stats(r->pcap, &now) != 0)
		return;
	add_step(&r->kernel_received, now.ps_recv, r->stats.ps_recv);
	add_step(&r->kernel_dropped, now.ps_drop, r->stats.ps_drop);
	add_step(&r->interface_dropped, now.ps_ifdrop, r->stats.ps_ifdrop);
	r->stats = now;
	atomic_store(&r->has_kernel, true);
}

/* --- reading ----------------------------------------------------------- */

static void
tell(const struct capture_ring *r, const char *text)
{
	const struct source_events *e = &r->common->o.events;

	e->trouble(e->self, text);
}

static bool
wants_packets(const struct capture_ring *r)
{
	bool is_at_it = r->state == CAPTURE_RING_READING ||
			r->state == CAPTURE_RING_STOPPING;

	return is_at_it && !r->waiting && !r->shut && !r->beyond;
}

/* libpcap cannot go on: this ring is over, the others may go on. */
static void
give_up(struct capture_ring *r)
{
	char text[PCAP_ERRBUF_SIZE + 128];

	(void)snprintf(text, sizeof(text), "capture from %s has ended: %s",
	    r->common->iface.name, pcap_geterr(r->pcap));
	r->shut = true;
	tell(r, text);
	r->common->lost(r->common);
}

/* What there is to be said of its descriptor: POLLIN, POLLERR. */
static int
ready(const struct capture_ring *r)
{
	struct pollfd pfd = { pcap_get_selectable_fd(r->pcap), POLLIN, 0 };

	return poll(&pfd, 1, 0) > 0 ? pfd.revents : 0;
}

/*
 * Read for a slice.  True: there was nothing left at some time during the
 * call.
 */
static bool
read_slice(struct capture_ring *r)
{
	r->slice = SLICE_LEN;
	while (r->slice > 0 && wants_packets(r)) {
		int n;

		if (fanout_held_up(r->fan)) {
			r->waiting = true;
			worker_wait_room(r->worker, &r->room);
			break;
		}
		n = pcap_dispatch(r->pcap, BATCH, on_packet, (u_char *)r);
		if (n == PCAP_ERROR_BREAK)
			break;
		if (n < 0) {
			give_up(r);
			break;
		}
		/* None need not mean the end: a filter may have kept them. */
		if (n == 0 && (ready(r) & POLLIN) == 0)
			return true;
	}
	return false;
}

static void on_readable(uv_poll_t *poll, int status, int events);

/* Interest follows from the state, and from nothing else. */
static void
set_interest(struct capture_ring *r)
{
	bool wants = r->has_handles && wants_packets(r);

	if (wants == r->polling || !r->has_handles)
		return;
	/* Both can fail only for a handle that is being closed. */
	if (wants)
		(void)uv_poll_start(&r->poll, UV_READABLE, on_readable);
	else
		(void)uv_poll_stop(&r->poll);
	r->polling = wants;
}

static void
finish_if_over(struct capture_ring *r)
{
	struct capture_common *c = r->common;
	uint64_t max = atomic_load(&c->max_sessions);

	if (max == 0 || atomic_load(&c->over) < max)
		return;
	r->shut = true;
	c->limit(c);
}

static void
count_over(struct capture_ring *r)
{
	uint64_t over = r->opened - dissect_live(r->dissect);

	if (over == r->over)
		return;
	atomic_fetch_add(&r->common->over, over - r->over);
	r->over = over;
	finish_if_over(r);
}

static void
on_closed(uv_handle_t *handle)
{
	(void)handle; /* lives in the ring, which outlives the loop */
}

void
capture_ring_close(struct capture_ring *r)
{
	if (!r->has_handles)
		return;
	r->has_handles = false;
	uv_close((uv_handle_t *)&r->poll, on_closed);
	uv_close((uv_handle_t *)&r->timer, on_closed);
}

/* Nothing more comes: the last figures, and the ends of all sessions. */
static void
end(struct capture_ring *r)
{
	r->state = CAPTURE_RING_OVER;
	ask_kernel(r);
	capture_ring_close(r);
	list_remove(&r->room.node);
	dissect_stop(r->dissect);
	if (r->names != NULL)
		capture_names_stop(r->names);
	worker_touch(r->worker);
	r->common->stopped(r->common);
}

/* Has what the kernel had captured when it was told to stop been read? */
static bool
is_read_out(struct capture_ring *r, bool drained)
{
	uint64_t now_ns = clock_mono_ns();

	if (r->shut || r->beyond || (drained && now_ns >= r->settled_ns))
		return true;
	if (now_ns < r->give_up_ns)
		return false;
	if (!drained)
		tell(r, "the time to stop is over: what the kernel captured "
			"last was not read");
	return true;
}

static void
take(struct capture_ring *r)
{
	uint64_t asked_ns = clock_event_ns();
	uint64_t now_ns;
	bool drained;

	r->asked_ns = asked_ns;
	drained = read_slice(r);
	asked_ns = capture_clock_at(&r->clock, asked_ns - HOLD_BACK_NS);
	now_ns = r->clock.last_ns;
	if (drained && asked_ns > now_ns)
		now_ns = asked_ns;
	dissect_tick(r->dissect, now_ns);
	count_over(r);
	worker_touch(r->worker);
	if (r->state == CAPTURE_RING_STOPPING && is_read_out(r, drained))
		end(r);
	set_interest(r);
}

/* --- callbacks --------------------------------------------------------- */

/*
 * An error is how the kernel says that the interface went down.  libpcap clears
 * it when it reads, and fails for all others and when the interface is gone.
 */
static void
take_down(struct capture_ring *r)
{
	char text[128];

	take(r);
	if (r->shut || r->state == CAPTURE_RING_OVER)
		return;
	(void)snprintf(text, sizeof(text),
	    "%s went down: capture goes on when it is up again",
	    r->common->iface.name);
	tell(r, text);
}

/* libuv stops a handle with an error. */
static void
on_readable(uv_poll_t *poll, int status, int events)
{
	struct capture_ring *r = poll->data;

	(void)events;
	if (status >= 0) {
		take(r);
		return;
	}
	r->polling = false;
	take_down(r);
}

/* A loop that was late comes here before it looks at descriptors. */
static void
on_tick(uv_timer_t *timer)
{
	struct capture_ring *r = timer->data;

	ask_kernel(r);
	if ((ready(r) & POLLERR) != 0)
		take_down(r);
	else
		take(r);
}

static void
on_room(struct worker_waiter *waiter)
{
	struct capture_ring *r =
	    ATTR_CONTAINER(waiter, struct capture_ring, room);

	r->waiting = false;
	take(r);
}

static void
on_start(struct mail *m)
{
	struct capture_ring *r =
	    ATTR_CONTAINER(m, struct capture_ring, start_mail);

	assert(r->state == CAPTURE_RING_NEW);
	r->state = CAPTURE_RING_READING;
	if (r->is_first && r->common->remark[0] != '\0')
		tell(r, r->common->remark);
	/* It can fail only for a handle that is being closed. */
	(void)uv_timer_start(&r->timer, on_tick, TICK_MS, TICK_MS);
	take(r);
}

/* The clock that stamps packets. */
static uint64_t
real_ns(void)
{
	struct timespec ts;

	(void)timespec_get(&ts, TIME_UTC);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void
on_stop(struct mail *m)
{
	struct capture_ring *r =
	    ATTR_CONTAINER(m, struct capture_ring, stop_mail);
	uint64_t now_ns = clock_mono_ns();

	r->state = CAPTURE_RING_STOPPING;
	r->stop_real_ns = real_ns();
	r->settled_ns = now_ns + HOLD_BACK_NS;
	r->give_up_ns = now_ns + atomic_load(&r->linger_ns);
	(void)uv_timer_start(
	    &r->timer, on_tick, STOPPING_TICK_MS, STOPPING_TICK_MS);
	take(r);
}

/* --- life -------------------------------------------------------------- */

static uint64_t
on_turn(void *self, uint64_t mono_ns)
{
	struct capture_ring *r = self;

	return fanout_turn(r->fan, mono_ns);
}

static uint64_t
concurrent_share(const struct capture_common *c)
{
	uint64_t all = atomic_load(&c->max_concurrent);

	return all / c->o.rings + (all % c->o.rings != 0);
}

static void
on_limit(struct mail *m)
{
	struct capture_ring *r =
	    ATTR_CONTAINER(m, struct capture_ring, limit_mail);
	struct capture_common *c = r->common;
	struct source_limits l;

	atomic_store(&r->limit_sent, false);
	if (r->state == CAPTURE_RING_OVER)
		return;
	l.sessions = atomic_load(&c->max_sessions);
	l.concurrent = concurrent_share(c);
	l.bytes = atomic_load(&c->max_bytes);
	l.idle_ns = atomic_load(&c->idle_ns);
	dissect_limit(r->dissect, &l);
	count_over(r);
	finish_if_over(r);
}

/* What holds for all sessions together is shared out to the rings. */
static struct dissect_opts
share_of(struct capture_ring *r)
{
	struct dissect_opts o = r->common->o.dissect;
	unsigned n = r->common->o.rings;

	o.flow.max_concurrent = concurrent_share(r->common);
	o.flow.reasm.hold_total /= n;
	o.flow.reasm.history /= n;
	o.flow.input = r->common->o.place.input;
	o.flow.next_id = on_next_id;
	o.flow.opening = r->common->o.names ? on_opening : NULL;
	o.flow.is_own = on_is_own;
	o.flow.self = r;
	return o;
}

static int
add_handles(struct capture_ring *r, struct err *err)
{
	uv_loop_t *loop = worker_loop(r->worker);
	int rc = uv_poll_init(loop, &r->poll, pcap_get_selectable_fd(r->pcap));

	if (rc != 0)
		return err_set(
		    err, rc, "cannot wait for packets: %s", uv_strerror(rc));
	(void)uv_timer_init(loop, &r->timer); /* documented to succeed */
	r->poll.data = r;
	r->timer.data = r;
	r->has_handles = true;
	return 0;
}

int
capture_ring_attach(struct capture_ring *r, struct worker *w,
    struct fanout *fan, struct err *err)
{
	struct dissect_opts o = share_of(r);

	r->worker = w;
	r->fan = fan;
	r->nano =
	    pcap_get_tstamp_precision(r->pcap) == PCAP_TSTAMP_PRECISION_NANO;
	r->start_mail.deliver = on_start;
	r->stop_mail.deliver = on_stop;
	r->limit_mail.deliver = on_limit;
	r->room.room = on_room;
	list_init(&r->room.node);
	r->dissect = dissect_new(&o, fan, err);
	if (r->dissect == NULL)
		return -EIO;
	if (r->common->o.names) {
		r->names = capture_names_new(worker_loop(w));
		if (r->names == NULL)
			return err_set(
			    err, -ENOMEM, "no memory to look names up");
	}
	worker_set_turn(w, on_turn, r);
	return add_handles(r, err);
}

void
capture_ring_start(struct capture_ring *r)
{
	worker_post(r->worker, &r->start_mail);
}

void
capture_ring_stop(struct capture_ring *r, uint64_t linger_ns)
{
	atomic_store(&r->linger_ns, linger_ns);
	worker_post(r->worker, &r->stop_mail);
}

void
capture_ring_limit(struct capture_ring *r)
{
	if (!atomic_exchange(&r->limit_sent, true))
		worker_post(r->worker, &r->limit_mail);
}

void
capture_ring_end(struct capture_ring *r, struct session *s)
{
	dissect_end(r->dissect, s);
	count_over(r);
	set_interest(r);
	worker_touch(r->worker);
}

void
capture_ring_done(struct capture_ring *r)
{
	dissect_free(r->dissect);
	capture_names_free(r->names);
	if (r->pcap != NULL)
		pcap_close(r->pcap);
}

void
capture_ring_tally(const struct capture_ring *r, struct tally *t)
{
	if (r->dissect != NULL)
		dissect_tally(r->dissect, t);
	if (!atomic_load(&r->has_kernel))
		return;
	t->has_kernel = true;
	t->kernel_received += count_get(&r->kernel_received);
	t->kernel_dropped += count_get(&r->kernel_dropped);
	if (r->is_first)
		t->interface_dropped += count_get(&r->interface_dropped);
}
