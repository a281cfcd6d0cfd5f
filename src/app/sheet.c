#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/sheet.h"
#include "core/fanout.h"
#include "core/sink.h"
#include "core/source.h"

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
add_lane(struct sheet_sink *s, const struct sink_lane *lane)
{
	s->name = lane->sink->name;
	s->kind = lane->sink->ops->kind;
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

int
sheet_take(struct sheet *sh, const struct source *src,
    struct fanout *const *fans, size_t n)
{
	uint64_t closed = 0;

	memset(sh, 0, sizeof(*sh));
	sh->has_packets = src->ops->packets;
	if (src->ops->tally != NULL)
		src->ops->tally(src, &sh->tally);
	sh->nsinks = fanout_count(fans[0]);
	sh->sinks = calloc(sh->nsinks + 1, sizeof(*sh->sinks));
	if (sh->sinks == NULL)
		return -ENOMEM;
	for (size_t w = 0; w < n; w++) {
		add_totals(sh, fans[w]);
		for (size_t i = 0; i < sh->nsinks; i++)
			add_lane(&sh->sinks[i], fanout_lane(fans[w], i));
	}
	for (size_t i = 0; i < sh->nsinks; i++)
		sh->sinks[i].queued = queued(&sh->sinks[i]);
	for (int i = 0; i < HOW_NHOWS; i++)
		closed += sh->ended[i];
	sh->open = sh->sessions > closed ? sh->sessions - closed : 0;
	return 0;
}

void
sheet_done(struct sheet *sh)
{
	free(sh->sinks);
	sh->sinks = NULL;
	sh->nsinks = 0;
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
			if (sh->sinks[i].drop_chunks[r] > 0 ||
			    sh->sinks[i].drop_bytes[r] > 0)
				return true;
	}
	return false;
}

bool
sheet_has_failure(const struct sheet *sh)
{
	for (size_t i = 0; i < sh->nsinks; i++)
		if (sh->sinks[i].drop_chunks[DROP_WRITE_ERROR] > 0 ||
		    sh->sinks[i].drop_bytes[DROP_WRITE_ERROR] > 0)
			return true;
	return false;
}
