#include <assert.h>

#include "source/proxy_room.h"

void
proxy_room_init(struct proxy_room *r, uint64_t sessions)
{
	atomic_init(&r->concurrent, UINT64_MAX);
	atomic_init(&r->sessions, sessions);
	atomic_init(&r->live, 0);
	atomic_init(&r->accepted, 0);
	atomic_init(&r->closed, false);
}

bool
proxy_room_is_free(const struct proxy_room *r)
{
	return atomic_load(&r->live) < atomic_load(&r->concurrent);
}

static bool
claim_place(struct proxy_room *r)
{
	uint64_t live = atomic_load(&r->live);

	do {
		if (live >= atomic_load(&r->concurrent))
			return false;
	} while (!atomic_compare_exchange_weak(&r->live, &live, live + 1));
	return true;
}

enum proxy_room_answer
proxy_room_enter(struct proxy_room *r)
{
	uint64_t sessions;
	uint64_t nth;

	if (!claim_place(r))
		return PROXY_ROOM_FULL;
	nth = atomic_fetch_add(&r->accepted, 1) + 1;
	sessions = atomic_load(&r->sessions);
	/* Two pairs on two workers may both take "the last one". */
	if (sessions > 0 && nth > sessions) {
		atomic_fetch_sub(&r->live, 1);
		return PROXY_ROOM_NO_MORE;
	}
	if (nth != sessions)
		return PROXY_ROOM_ENTERED;
	atomic_store(&r->closed, true);
	return PROXY_ROOM_LAST;
}

bool
proxy_room_leave(struct proxy_room *r)
{
	uint64_t live = atomic_fetch_sub(&r->live, 1);

	assert(live > 0);
	return live == atomic_load(&r->concurrent);
}

void
proxy_room_close(struct proxy_room *r)
{
	atomic_store(&r->closed, true);
}

bool
proxy_room_limit(struct proxy_room *r, uint64_t sessions, uint64_t concurrent)
{
	assert(concurrent > 0);
	atomic_store(&r->concurrent, concurrent);
	atomic_store(&r->sessions, sessions);
	if (sessions > 0 && atomic_load(&r->accepted) >= sessions)
		atomic_store(&r->closed, true);
	return atomic_load(&r->closed);
}
