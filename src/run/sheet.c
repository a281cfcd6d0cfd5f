#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fanout.h"
#include "core/sink.h"
#include "core/source.h"
#include "run/sheet.h"

static void
add_totals(struct sheet *sh, struct fanout *f)
{
	const struct fanout_totals *t = fanout_totals(f);

	sh->sessions += count_get(&t->opened);
	for (int i = 0; i < HOW_NHOWS; i++)
		sh->ended[i] += count_get(&t->ended[i]);
	for (int d = 0; d < DIR_NDIRS; d++) {
		sh->bytes[d] += count_get(&t->bytes[d]);
		sh->gap_bytes[d] += count_get(&t->gap_bytes[d]);
		sh->lost_bytes[d] += count_get(&t->lost_bytes[d]);
	}
	sh->conflicts += count_get(&t->conflicts);
}

static void
count_open(struct sheet *sh)
{
	uint64_t closed = 0;

	for (int i = 0; i < HOW_NHOWS; i++)
		closed += sh->ended[i];
	/* A session may have opened and closed between the two reads. */
	sh->open = sh->sessions > closed ? sh->sessions - closed : 0;
}

static void
take_input(struct sheet *sh, const struct sheet_from *from)
{
	const struct source_ops *ops = from->src->ops;

	sh->has_packets = ops->packets;
	if (ops->tally != NULL)
		ops->tally(from->src, &sh->tally);
	for (size_t w = 0; w < from->nfans; w++)
		add_totals(sh, from->fans[w]);
	for (int d = 0; d < DIR_NDIRS; d++)
		sh->received[d] = sh->has_packets
				      ? sh->tally.payload[d].received
				      : sh->bytes[d];
	count_open(sh);
}

/* Adds the figures of an input to those of all. */
static void
add_input(struct sheet *all, const struct sheet *one)
{
	all->has_packets = all->has_packets || one->has_packets;
	tally_add(&all->tally, &one->tally);
	all->sessions += one->sessions;
	all->open += one->open;
	for (int i = 0; i < HOW_NHOWS; i++)
		all->ended[i] += one->ended[i];
	for (int d = 0; d < DIR_NDIRS; d++) {
		all->received[d] += one->received[d];
		all->bytes[d] += one->bytes[d];
		all->gap_bytes[d] += one->gap_bytes[d];
		all->lost_bytes[d] += one->lost_bytes[d];
	}
	all->conflicts += one->conflicts;
}

static void
add_lane(struct sheet_sink *s, const struct sink_lane *lane)
{
	s->offered += count_get(&lane->count.offered);
	s->written += count_get(&lane->count.written);
	s->missed += count_get(&lane->count.missed);
	s->equal += count_get(&lane->count.equal);
	s->different += count_get(&lane->count.different);
	s->incomparable += count_get(&lane->count.incomparable);
	s->sent += count_get(&lane->count.sent);
	s->sent_bytes += count_get(&lane->count.sent_bytes);
	s->failed_tries += count_get(&lane->count.failed_tries);
	for (int r = 0; r < DROP_NREASONS; r++) {
		s->drop_bytes[r] += count_get(&lane->count.drop_bytes[r]);
		s->drop_chunks[r] += count_get(&lane->count.drop_chunks[r]);
		s->drop_records[r] += count_get(&lane->count.drop_records[r]);
	}
}

/* What was offered and has not come out at either end. */
static uint64_t
queued(const struct sheet_sink *s)
{
	uint64_t out = s->written;

	for (int r = 0; r < DROP_NREASONS; r++)
		out += s->drop_bytes[r];
	/* Counters of other threads may run ahead of the one read first. */
	return s->offered > out ? s->offered - out : 0;
}

static void
add_lanes(struct sheet *sh, struct sink *const *sinks, const struct fanout *f)
{
	for (size_t i = 0; i < sh->nsinks; i++) {
		const struct sink_lane *lane = fanout_lane_of(f, sinks[i]);

		if (lane != NULL)
			add_lane(&sh->sinks[i], lane);
	}
}

static int
make_room(struct sheet *sh, size_t ninputs, size_t nsinks)
{
	memset(sh, 0, sizeof(*sh));
	sh->inputs = calloc(ninputs + 1, sizeof(*sh->inputs));
	sh->sinks = calloc(nsinks + 1, sizeof(*sh->sinks));
	if (sh->inputs == NULL || sh->sinks == NULL) {
		sheet_done(sh);
		return -ENOMEM;
	}
	sh->ninputs = ninputs;
	sh->nsinks = nsinks;
	return 0;
}

int
sheet_take(struct sheet *sh, const struct sheet_from *from, size_t n,
    struct sink *const *sinks, size_t nsinks)
{
	if (make_room(sh, n, nsinks) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < nsinks; i++) {
		sh->sinks[i].name = sinks[i]->name;
		sh->sinks[i].kind = sinks[i]->ops->kind;
	}
	for (size_t i = 0; i < n; i++) {
		struct sheet_input *in = &sh->inputs[i];

		in->name = from[i].name;
		in->source = from[i].src->ops->name;
		take_input(&in->figures, &from[i]);
		add_input(sh, &in->figures);
		for (size_t w = 0; w < from[i].nfans; w++)
			add_lanes(sh, sinks, from[i].fans[w]);
	}
	for (size_t i = 0; i < nsinks; i++)
		sh->sinks[i].queued = queued(&sh->sinks[i]);
	return 0;
}

static_assert(
    sizeof(struct sheet_sink) ==
	sizeof(const char *) * 2 + sizeof(uint64_t) * (10 + 3 * DROP_NREASONS),
    "all figures of a line are added");

void
sheet_add_sink(struct sheet_sink *to, const struct sheet_sink *from)
{
	to->offered += from->offered;
	to->written += from->written;
	to->queued += from->queued;
	to->missed += from->missed;
	to->equal += from->equal;
	to->different += from->different;
	to->incomparable += from->incomparable;
	to->sent += from->sent;
	to->sent_bytes += from->sent_bytes;
	to->failed_tries += from->failed_tries;
	for (int r = 0; r < DROP_NREASONS; r++) {
		to->drop_bytes[r] += from->drop_bytes[r];
		to->drop_chunks[r] += from->drop_chunks[r];
		to->drop_records[r] += from->drop_records[r];
	}
}

int
sheet_add_line(struct sheet *sh, const struct sheet_sink *line)
{
	struct sheet_sink *more;

	for (size_t i = 0; i < sh->nsinks; i++) {
		if (strcmp(sh->sinks[i].name, line->name) == 0) {
			sheet_add_sink(&sh->sinks[i], line);
			return 0;
		}
	}
	more = realloc(sh->sinks, (sh->nsinks + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	sh->sinks = more;
	more[sh->nsinks++] = *line;
	return 0;
}

void
sheet_done(struct sheet *sh)
{
	free(sh->inputs);
	free(sh->sinks);
	sh->inputs = NULL;
	sh->sinks = NULL;
	sh->ninputs = 0;
	sh->nsinks = 0;
}

bool
sheet_sink_has_drop(const struct sheet_sink *s, enum drop_reason r)
{
	return s->drop_chunks[r] > 0 || s->drop_bytes[r] > 0 ||
	       s->drop_records[r] > 0;
}

bool
sheet_has_loss(const struct sheet *sh)
{
	for (int d = 0; d < DIR_NDIRS; d++)
		if (sh->gap_bytes[d] > 0 || sh->lost_bytes[d] > 0)
			return true;
	if (sh->tally.kernel_dropped > 0 || sh->tally.interface_dropped > 0)
		return true;
	for (size_t i = 0; i < sh->nsinks; i++) {
		if (sh->sinks[i].missed > 0 || sh->sinks[i].queued > 0)
			return true;
		for (int r = 0; r < DROP_NREASONS; r++)
			if (sheet_sink_has_drop(
				&sh->sinks[i], (enum drop_reason)r))
				return true;
	}
	return false;
}

bool
sheet_has_failure(const struct sheet *sh)
{
	for (size_t i = 0; i < sh->nsinks; i++)
		if (sheet_sink_has_drop(&sh->sinks[i], DROP_WRITE_ERROR))
			return true;
	return false;
}
