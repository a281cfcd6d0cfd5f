#include <limits.h>
#include <stdatomic.h>

#include "base/attr.h"
#include "base/clock.h"
#include "net/worker.h"

#include "sink/outcall.h"
#include "sink/outq.h"
#include "sink/outq_lane.h"

/* How often a look-up of a name that nobody waits for is looked at. */
#define LOOKUP_LOOK_NS (10 * CLOCK_NS_PER_MS)

/* How often a queue to be reset is looked at: its bytes are on their way. */
#define RESET_LOOK_NS (5 * CLOCK_NS_PER_MS)

unsigned
outq_lane_part(const struct outq_lane_share *s)
{
	unsigned lanes, part;

	if (s == NULL || s->most == 0)
		return UINT_MAX;
	lanes = atomic_load(&s->lanes);
	part = lanes > 0 ? s->most / lanes : s->most;
	return part > 0 ? part : 1;
}

void
outq_lane_init(struct outq_lane *l, struct worker *w, struct sink_count *count,
    uint64_t linger_ns)
{
	*l = (struct outq_lane){
		.worker = w,
		.count = count,
		.most = OUTQ_LANE_MAX,
		.finish_ns = CLOCK_NEVER,
	};
	list_init(&l->all);
	outblock_pool_init(&l->blocks);
	list_init(&l->resets);
	list_init(&l->soon);
	deadline_queue_init(&l->late, linger_ns);
}

void
outq_lane_finish(struct outq_lane *l, uint64_t deadline_ns)
{
	l->finish_ns = deadline_ns;
	l->held = true;
	worker_hold(l->worker);
	worker_touch(l->worker);
}

bool
outq_lane_full(const struct outq_lane *l)
{
	struct list *at;

	for (at = l->all.next; at != &l->all; at = at->next)
		if (outq_full(LIST_ENTRY(at, struct outq_place, all)->q))
			return true;
	return false;
}

/* --- for queues -------------------------------------------------------- */

void
outq_lane_enter(struct outq_lane *l, struct outq_place *p, struct outq *q)
{
	*p = (struct outq_place){ .lane = l, .q = q };
	list_init(&p->all);
	list_init(&p->soon);
	list_init(&p->reset);
	list_init(&p->late.node);
	list_append(&l->all, &p->all);
	l->nqueues++;
}

bool
outq_lane_finished(const struct outq_lane *l)
{
	if (l->held)
		return false;
	for (size_t i = 0; i < l->ntargets; i++)
		if (!outcall_target_is_idle(l->targets[i]))
			return false;
	return true;
}

void
outq_lane_leave(struct outq_place *p)
{
	list_remove(&p->all);
	list_remove(&p->soon);
	list_remove(&p->reset);
	deadline_cancel(&p->late);
	if (p->lingers)
		p->lane->nlate--;
	if (--p->lane->nqueues == 0)
		outblock_pool_done(&p->lane->blocks);
	outq_lane_lost(p->lane);
	/* It may have been the last that its lane waited for. */
	worker_touch(p->lane->worker);
}

bool
outq_lane_has_too_much(const struct outq_lane *l, size_t len)
{
	return l->queued >= l->most && len >= l->most / l->nqueues;
}

void
outq_lane_gained(struct outq_lane *l)
{
	if (l->queued >= l->most)
		l->was_full = true;
}

void
outq_lane_lost(struct outq_lane *l)
{
	if (!l->was_full || l->queued > l->most / 2)
		return;
	l->was_full = false;
	worker_room(l->worker);
}

void
outq_lane_send_soon(struct outq_place *p)
{
	if (!list_is_empty(&p->soon))
		return;
	list_append(&p->lane->soon, &p->soon);
	worker_touch(p->lane->worker);
}

void
outq_lane_reset_soon(struct outq_place *p)
{
	if (list_is_empty(&p->reset))
		list_append(&p->lane->resets, &p->reset);
	worker_touch(p->lane->worker);
}

/* Descriptors are for sessions first. */
static void
make_room(struct outq_lane *l)
{
	struct list *at = l->nlate > outq_lane_part(l->share)
			      ? list_shift(&l->late.waiting)
			      : NULL;
	struct deadline *d;

	if (at == NULL)
		return;
	d = LIST_ENTRY(at, struct deadline, node);
	outq_cut_off(ATTR_CONTAINER(d, struct outq_place, late)->q);
}

void
outq_lane_linger(struct outq_place *p)
{
	struct outq_lane *l = p->lane;

	if (!p->lingers) {
		p->lingers = true;
		l->nlate++;
		make_room(l);
	}
	deadline_arm(&l->late, &p->late, clock_mono_ns());
	worker_touch(l->worker);
}

/* --- turns ------------------------------------------------------------- */

/* Its time is over, unless it is on its way. */
static void
look_at_late(struct outq *q, struct outq_place *p)
{
	if (outq_look(q))
		outq_lane_linger(p);
	else
		outq_cut_off(q);
}

/* Told to finish: nothing but what is on its way keeps the loop. */
static void
look_at_end(struct outq_lane *l, uint64_t mono_ns)
{
	struct list *at;

	if (!l->held)
		return;
	while (mono_ns >= l->finish_ns && (at = list_shift(&l->all)) != NULL)
		outq_cut_off(LIST_ENTRY(at, struct outq_place, all)->q);
	if (!list_is_empty(&l->all))
		return;
	l->held = false;
	for (size_t i = 0; i < l->ntargets; i++)
		outcall_target_stop(l->targets[i]);
	worker_let_go(l->worker);
}

static void
look_at_resets(struct outq_lane *l)
{
	struct list *at, *next;

	for (at = l->resets.next; at != &l->resets; at = next) {
		next = at->next;
		outq_try_reset(LIST_ENTRY(at, struct outq_place, reset)->q);
	}
}

/* When turn() is due next, or CLOCK_NEVER. */
static uint64_t
due_ns(const struct outq_lane *l, uint64_t mono_ns)
{
	uint64_t due = deadline_next(&l->late);

	if (l->held && l->finish_ns < due)
		due = l->finish_ns;
	if (!list_is_empty(&l->resets) && mono_ns + RESET_LOOK_NS < due)
		due = mono_ns + RESET_LOOK_NS;
	if (l->finish_ns != CLOCK_NEVER && !l->held && !outq_lane_finished(l) &&
	    mono_ns + LOOKUP_LOOK_NS < due)
		due = mono_ns + LOOKUP_LOOK_NS;
	return due;
}

uint64_t
outq_lane_turn(struct outq_lane *l, uint64_t mono_ns)
{
	uint64_t due, first;
	struct deadline *d;
	struct list *at;

	while ((at = list_shift(&l->soon)) != NULL)
		outq_flush(LIST_ENTRY(at, struct outq_place, soon)->q);
	look_at_resets(l);
	while ((d = deadline_take(&l->late, mono_ns)) != NULL) {
		struct outq_place *p =
		    ATTR_CONTAINER(d, struct outq_place, late);

		look_at_late(p->q, p);
	}
	look_at_end(l, mono_ns);
	first = due_ns(l, mono_ns);
	due = outblock_pool_turn(&l->blocks, mono_ns);
	first = due < first ? due : first;
	for (size_t i = 0; i < l->ntargets; i++) {
		due = outcall_target_turn(l->targets[i], mono_ns);
		first = due < first ? due : first;
	}
	return first;
}
