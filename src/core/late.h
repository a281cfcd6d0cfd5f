#ifndef CORE_LATE_H
#define CORE_LATE_H

#include <stdint.h>

/*
 * late.h - the holes of a stream that were given up lately.
 *
 * So that bytes which come after all are counted as late and not as
 * repetitions.  The last LATE_MAX holes are known, joined where they touch;
 * bytes of older ones count as duplicates: more than a few given-up holes
 * within the time that a packet can be delayed means that the stream is in
 * shreds anyway.
 */

#define LATE_MAX 16

/** struct late - Such holes, by ascending offset; private */
struct late {
	unsigned first;
	unsigned n;
	struct late_range {
		uint64_t off;
		uint64_t end;
	} range[LATE_MAX];
};

/**
 * late_add() - A hole was given up
 * @late:	*@late is allocated when it is NULL; stays NULL without memory,
 *		and then nothing is known
 * @off:	Not below the end of the one before
 */
void late_add(struct late **late, uint64_t off, uint64_t end);

/**
 * late_next() - The first of the holes that ends beyond @off
 * @late:	NULL is fine
 *
 * Return: NULL: none is known
 */
const struct late_range *late_next(const struct late *late, uint64_t off);

#endif /* CORE_LATE_H */
