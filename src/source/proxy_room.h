#ifndef SOURCE_PROXY_ROOM_H
#define SOURCE_PROXY_ROOM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * proxy_room.h - how many sessions of a proxy there are and may be.
 *
 * Counted exactly, however many workers accept at once; all calls from any
 * thread.  Once closed it stays closed: so many sessions were asked for, or
 * the proxy was stopped.
 */

/**
 * struct proxy_room - Embedded
 * @concurrent:	At once, at most; > 0
 * @sessions:	In all, at most; 0: no limit
 * @live:	Sessions that are not over
 * @accepted:	Sessions so far
 * @closed:	No more
 */
struct proxy_room {
	_Atomic uint64_t concurrent;
	_Atomic uint64_t sessions;
	_Atomic uint64_t live;
	_Atomic uint64_t accepted;
	_Atomic bool closed;
};

/** proxy_room_init() - Empty; @sessions in all, no limit at once. */
void proxy_room_init(struct proxy_room *r, uint64_t sessions);

/** proxy_room_is_free() - Is there a place, at the moment? */
bool proxy_room_is_free(const struct proxy_room *r);

/** enum proxy_room_answer - What becomes of a client. */
enum proxy_room_answer {
	PROXY_ROOM_ENTERED,
	PROXY_ROOM_LAST, /* entered, and the room is closed behind it */
	PROXY_ROOM_FULL, /* there may be a place later */
	PROXY_ROOM_NO_MORE,
};

/** proxy_room_enter() - A client wants in. */
enum proxy_room_answer proxy_room_enter(struct proxy_room *r);

/** proxy_room_leave() - A session is over.  Return: it was full */
bool proxy_room_leave(struct proxy_room *r);

/** proxy_room_close() - No more sessions. */
void proxy_room_close(struct proxy_room *r);

/**
 * proxy_room_limit() - Other limits from now on
 *
 * With less room than there are sessions, none comes until enough are over.
 * Return: it is closed, perhaps since there were so many already
 */
bool proxy_room_limit(
    struct proxy_room *r, uint64_t sessions, uint64_t concurrent);

#endif /* SOURCE_PROXY_ROOM_H */
