#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/history.h"

/*
 * Before the bytes of each entry.  Entries lie at multiples of its alignment
 * and never across the end of the log.
 */
struct entry {
	uint64_t prev;
	uint64_t off;
	uint64_t len;
};

/*
 * An entry that is still the last one grows instead of being followed, up to
 * this: it must not be all of a small log, nor so large that its loss (an
 * entry is overwritten as a whole) takes much away.
 */
#define GROWTH_MAX ((size_t)64 << 10)

#define ALIGNED(n) (((n) + 7) & ~(uint64_t)7)

void
history_init(struct history *h, size_t size)
{
	*h = (struct history){ .size = size & ~(size_t)7 };
	/* So that a quarter of it holds an entry with some bytes. */
	if (h->size < 8 * sizeof(struct entry))
		h->size = 0;
	/* Position 0 is HISTORY_NOTHING. */
	h->head = h->size;
}

void
history_done(struct history *h)
{
	free(h->log);
	h->log = NULL;
	h->size = 0;
}

static struct entry *
entry_at(const struct history *h, uint64_t pos)
{
	return (struct entry *)(void *)(h->log + pos % h->size);
}

/* What begins a whole log or more before the head has been overwritten. */
static bool
is_there(const struct history *h, uint64_t pos)
{
	return pos != HISTORY_NOTHING && h->head - pos <= h->size;
}

/* Room behind @pos without going over the end of the log. */
static size_t
room_at(const struct history *h, uint64_t pos)
{
	return h->size - (size_t)(pos % h->size);
}

/* Lengthen the entry at @trail if it is the last one and @off follows. */
static bool
grow(struct history *h, uint64_t trail, uint64_t off, const uint8_t *data,
    size_t len)
{
	struct entry *e;
	uint64_t size;

	if (!is_there(h, trail))
		return false;
	e = entry_at(h, trail);
	size = sizeof(*e) + e->len;
	if (trail + ALIGNED(size) != h->head || e->off + e->len != off)
		return false;
	if (size + len > GROWTH_MAX || size + len > h->size / 4 ||
	    ALIGNED(size + len) > room_at(h, trail))
		return false;
	memcpy((uint8_t *)e + size, data, len);
	e->len += len;
	h->head = trail + ALIGNED(size + len);
	return true;
}

uint64_t
history_add(struct history *h, uint64_t trail, uint64_t off,
    const uint8_t *data, size_t len)
{
	uint64_t pos = h->head;
	struct entry *e;
	size_t most;

	if (h->size == 0)
		return trail;
	if (h->log == NULL) {
		h->log = malloc(h->size);
		if (h->log == NULL) {
			h->size = 0;
			return trail;
		}
	}
	most = h->size / 4 - sizeof(*e);
	if (len > most) {
		off += len - most;
		data += len - most;
		len = most;
	}
	if (grow(h, trail, off, data, len))
		return trail;
	if (ALIGNED(sizeof(*e) + len) > room_at(h, pos))
		pos += room_at(h, pos);
	e = entry_at(h, pos);
	*e = (struct entry){ .prev = trail, .off = off, .len = len };
	memcpy(e + 1, data, len);
	h->head = pos + ALIGNED(sizeof(*e) + len);
	return pos;
}

/* The part of @e's bytes that is in @range; false: none. */
static bool
cut(const struct entry *e, const struct history_range *range,
    struct history_piece *piece)
{
	uint64_t end = range->off + range->len;
	uint64_t from = e->off > range->off ? e->off : range->off;
	uint64_t to = e->off + e->len < end ? e->off + e->len : end;

	if (from >= to)
		return false;
	*piece = (struct history_piece){
		.off = from,
		.data = (const uint8_t *)(e + 1) + (from - e->off),
		.len = (size_t)(to - from),
	};
	return true;
}

size_t
history_find(const struct history *h, uint64_t trail,
    const struct history_range *range, struct history_piece out[HISTORY_STEPS])
{
	uint64_t pos = trail;
	size_t n = 0;

	for (int i = 0; i < HISTORY_STEPS && is_there(h, pos); i++) {
		const struct entry *e = entry_at(h, pos);

		if (e->off + e->len <= range->off)
			break;
		if (cut(e, range, &out[n]))
			n++;
		/* Each is older than the one that leads to it. */
		assert(e->prev < pos);
		pos = e->prev;
	}
	for (size_t i = 0; i < n / 2; i++) {
		struct history_piece piece = out[i];

		out[i] = out[n - 1 - i];
		out[n - 1 - i] = piece;
	}
	return n;
}
