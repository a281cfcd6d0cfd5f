#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "base/siphash.h"

#include "core/defrag.h"

#define BLOCKS_PER_DATAGRAM (DEFRAG_DATAGRAM_MAX / DEFRAG_BLOCK)

/* Fragments lie at multiples of 8 bytes: units of which each came or not. */
#define UNIT      8
#define UNITS_MAX (DEFRAG_DATAGRAM_MAX / UNIT)

/* "None" for indices; "not known yet" for the end of a datagram. */
#define NONE UINT32_MAX

/* What tells datagrams apart; bytes, without any between them. */
struct key {
	uint8_t src[16];
	uint8_t dst[16];
	uint32_t id;
	uint16_t version;
	uint16_t protocol; /* 0 in IPv6: it does not tell them apart */
};

/**
 * struct datagram - One that waits
 * @age:	In the order of their first fragments
 * @next:	In its bucket, or among the free ones
 * @first_ns:	Time of its first fragment
 * @total:	Bytes it has; NONE until the last fragment has come
 * @seen:	Where the fragment ends that ends last
 * @cut:	First byte that was not captured; NONE: all were
 * @units:	How many have come
 * @dropped:	It has contradicted itself: nothing is kept any more
 */
struct datagram {
	struct list age;
	struct key key;
	uint32_t next;
	uint64_t first_ns;
	uint32_t total;
	uint32_t seen;
	uint32_t cut;
	uint32_t units;
	uint32_t packets;
	unsigned depth;
	uint8_t protocol;
	bool dropped;
	uint32_t block[BLOCKS_PER_DATAGRAM];
	uint64_t has[UNITS_MAX / 64];
};

/* Free ones are chained; those from @fresh on have never been touched. */
struct pool {
	uint32_t free;
	uint32_t fresh;
};

struct defrag {
	struct defrag_opts o;
	struct siphash_key secret;
	uint32_t *buckets;
	uint32_t mask;
	struct datagram *datagrams;
	struct pool datagram_pool;
	uint8_t *blocks;
	struct pool block_pool;
	struct list age;
	uint32_t waiting;
	struct key whole_key;
	uint8_t *whole;
};

struct defrag *
defrag_new(const struct defrag_opts *o, struct err *err)
{
	struct defrag *d = calloc(1, sizeof(*d));
	uint32_t buckets = 1;
	int rc = -ENOMEM;

	assert(o->blocks > BLOCKS_PER_DATAGRAM && o->datagrams > 0);
	if (d == NULL)
		goto fail;
	while (buckets < o->datagrams)
		buckets *= 2;
	d->o = *o;
	d->mask = buckets - 1;
	d->datagram_pool.free = NONE;
	d->block_pool.free = NONE;
	list_init(&d->age);
	rc = siphash_key_make(&d->secret);
	if (rc != 0)
		goto fail;
	rc = -ENOMEM;
	d->buckets = malloc(buckets * sizeof(*d->buckets));
	d->datagrams = calloc(o->datagrams, sizeof(*d->datagrams));
	d->blocks = calloc(o->blocks, DEFRAG_BLOCK);
	d->whole = malloc(DEFRAG_DATAGRAM_MAX);
	if (d->buckets == NULL || d->datagrams == NULL || d->blocks == NULL ||
	    d->whole == NULL)
		goto fail;
	memset(d->buckets, 0xff, buckets * sizeof(*d->buckets)); /* NONE */
	return d;

fail:
	defrag_free(d);
	(void)err_set(err, rc, "defragmentation: %s", strerror(-rc));
	return NULL;
}

void
defrag_free(struct defrag *d)
{
	if (d == NULL)
		return;
	free(d->whole);
	free(d->blocks);
	free(d->datagrams);
	free(d->buckets);
	free(d);
}

uint32_t
defrag_waiting(const struct defrag *d)
{
	return d->waiting;
}

static uint8_t *
block_at(const struct defrag *d, uint32_t i)
{
	return d->blocks + (size_t)i * DEFRAG_BLOCK;
}

static void
make_key(struct key *k, const struct defrag_piece *p)
{
	size_t len = p->version == 4 ? 4 : 16;

	memset(k, 0, sizeof(*k));
	memcpy(k->src, p->src, len);
	memcpy(k->dst, p->dst, len);
	k->id = p->id;
	k->version = p->version;
	k->protocol = p->version == 4 ? p->protocol : 0;
}

static uint32_t *
bucket_of(const struct defrag *d, const struct key *k)
{
	return &d->buckets[siphash(&d->secret, k, sizeof(*k)) & d->mask];
}

static struct datagram *
find(const struct defrag *d, const struct key *k)
{
	uint32_t i = *bucket_of(d, k);

	while (i != NONE) {
		struct datagram *g = &d->datagrams[i];

		if (memcmp(&g->key, k, sizeof(*k)) == 0)
			return g;
		i = g->next;
	}
	return NULL;
}

/* Give its blocks back. */
static void
empty(struct defrag *d, struct datagram *g)
{
	for (unsigned i = 0; i < BLOCKS_PER_DATAGRAM; i++) {
		if (g->block[i] == NONE)
			continue;
		memcpy(block_at(d, g->block[i]), &d->block_pool.free,
		    sizeof(d->block_pool.free));
		d->block_pool.free = g->block[i];
		g->block[i] = NONE;
	}
}

static void
forget(struct defrag *d, struct datagram *g)
{
	uint32_t *at = bucket_of(d, &g->key);
	uint32_t self = (uint32_t)(g - d->datagrams);

	empty(d, g);
	while (*at != self)
		at = &d->datagrams[*at].next;
	*at = g->next;
	list_remove(&g->age);
	g->next = d->datagram_pool.free;
	d->datagram_pool.free = self;
	d->waiting--;
}

static struct datagram *
oldest(const struct defrag *d)
{
	return LIST_ENTRY(d->age.next, struct datagram, age);
}

static void
expire(struct defrag *d, uint64_t now_ns)
{
	/* Time that goes backwards, as in merged files, makes nothing old. */
	while (!list_is_empty(&d->age) && now_ns > oldest(d)->first_ns &&
	       now_ns - oldest(d)->first_ns > d->o.age_ns)
		forget(d, oldest(d));
}

void
defrag_jump(struct defrag *d, int64_t jump_ns)
{
	struct list *node;

	for (node = d->age.next; node != &d->age; node = node->next)
		LIST_ENTRY(node, struct datagram, age)->first_ns +=
		    (uint64_t)jump_ns;
}

static struct datagram *
make(struct defrag *d, const struct key *k, const struct defrag_piece *p)
{
	uint32_t *bucket = bucket_of(d, k);
	struct datagram *g;
	uint32_t i;

	if (d->waiting == d->o.datagrams)
		forget(d, oldest(d));
	i = d->datagram_pool.free;
	if (i == NONE)
		i = d->datagram_pool.fresh++;
	else
		d->datagram_pool.free = d->datagrams[i].next;
	g = &d->datagrams[i];
	memset(g, 0, sizeof(*g));
	memset(g->block, 0xff, sizeof(g->block)); /* NONE */
	g->key = *k;
	g->first_ns = p->ts_ns;
	g->total = NONE;
	g->cut = NONE;
	g->depth = p->depth;
	g->protocol = p->protocol;
	g->next = *bucket;
	*bucket = i;
	list_init(&g->age);
	list_append(&d->age, &g->age);
	d->waiting++;
	return g;
}

/* A block for @g, if need be from the oldest of the others. */
static uint32_t
lend(struct defrag *d, const struct datagram *g)
{
	uint32_t i;

	while (
	    d->block_pool.free == NONE && d->block_pool.fresh == d->o.blocks) {
		struct datagram *victim = oldest(d);

		/* There is another: one alone never needs all blocks. */
		if (victim == g)
			victim = LIST_ENTRY(g->age.next, struct datagram, age);
		forget(d, victim);
	}
	i = d->block_pool.free;
	if (i == NONE)
		return d->block_pool.fresh++;
	memcpy(&d->block_pool.free, block_at(d, i), sizeof(i));
	return i;
}

static void
lend_blocks(struct defrag *d, struct datagram *g, uint32_t from, uint32_t to)
{
	for (uint32_t b = from / DEFRAG_BLOCK; b * DEFRAG_BLOCK < to; b++) {
		if (g->block[b] == NONE)
			g->block[b] = lend(d, g);
	}
}

static bool
has_unit(const struct datagram *g, uint32_t unit)
{
	return (g->has[unit / 64] >> unit % 64 & 1) != 0;
}

/* Where the byte at @off lies; a unit never spans two blocks. */
static uint8_t *
byte_at(const struct defrag *d, const struct datagram *g, uint32_t off)
{
	return block_at(d, g->block[off / DEFRAG_BLOCK]) + off % DEFRAG_BLOCK;
}

/* Units of a fragment that have come before. */
static uint32_t
count_seen(const struct datagram *g, const struct defrag_piece *p)
{
	uint32_t end = (p->off + p->wire_len + UNIT - 1) / UNIT;
	uint32_t n = 0;

	for (uint32_t unit = p->off / UNIT; unit < end; unit++)
		n += has_unit(g, unit);
	return n;
}

/* Bytes of the unit at @pos of a fragment that were captured. */
static uint32_t
captured(const struct defrag_piece *p, uint32_t pos)
{
	uint32_t left = p->len > pos ? p->len - pos : 0;

	return left < UNIT ? left : UNIT;
}

/*
 * All of it has come before: once more the same?  What was not captured
 * cannot be compared.
 */
static bool
is_repetition(const struct defrag *d, const struct datagram *g,
    const struct defrag_piece *p)
{
	for (uint32_t pos = 0; pos < p->len; pos += UNIT) {
		uint32_t n = captured(p, pos);

		if (p->off + pos + n > g->cut)
			break;
		if (memcmp(byte_at(d, g, p->off + pos), p->data + pos, n) != 0)
			return false;
	}
	return true;
}

/* Keep the units that have not come before. */
static void
keep(struct defrag *d, struct datagram *g, const struct defrag_piece *p)
{
	lend_blocks(d, g, p->off, p->off + p->wire_len);
	for (uint32_t pos = 0; pos < p->wire_len; pos += UNIT) {
		uint32_t unit = (p->off + pos) / UNIT;
		uint32_t n = captured(p, pos);

		if (has_unit(g, unit))
			continue;
		if (n > 0)
			memcpy(byte_at(d, g, p->off + pos), p->data + pos, n);
		g->has[unit / 64] |= UINT64_C(1) << unit % 64;
		g->units++;
	}
	if (p->len < p->wire_len && p->off + p->len < g->cut)
		g->cut = p->off + p->len;
}

/* Do all fragments agree about where the datagram ends? */
static bool
fits_end(struct datagram *g, const struct defrag_piece *p)
{
	uint32_t end = p->off + p->wire_len;

	if (p->more)
		return end <= g->total;
	if (end < g->seen || (g->total != NONE && g->total != end))
		return false;
	g->total = end;
	return true;
}

static void
add(struct defrag *d, struct datagram *g, const struct defrag_piece *p)
{
	uint32_t units = (p->wire_len + UNIT - 1) / UNIT;
	uint32_t seen = count_seen(g, p);
	bool overlap = seen > 0 && !(seen == units && is_repetition(d, g, p));

	if (!fits_end(g, p) || (overlap && p->version == 6)) {
		empty(d, g);
		g->dropped = true;
		return;
	}
	if (p->off + p->wire_len > g->seen)
		g->seen = p->off + p->wire_len;
	if (p->off == 0 && !has_unit(g, 0))
		g->protocol = p->protocol;
	if (p->depth < g->depth)
		g->depth = p->depth;
	if (seen < units)
		keep(d, g, p);
}

static void
put_together(struct defrag *d, const struct datagram *g, struct defrag_whole *w)
{
	uint32_t len = g->cut < g->total ? g->cut : g->total;

	for (uint32_t off = 0; off < len; off += DEFRAG_BLOCK) {
		uint32_t n = len - off;

		memcpy(d->whole + off, byte_at(d, g, off),
		    n < DEFRAG_BLOCK ? n : DEFRAG_BLOCK);
	}
	d->whole_key = g->key;
	w->version = (uint8_t)g->key.version;
	w->protocol = g->protocol;
	w->src = d->whole_key.src;
	w->dst = d->whole_key.dst;
	w->data = d->whole;
	w->len = len;
	w->wire_len = g->total;
	w->depth = g->depth;
	w->packets = g->packets;
}

bool
defrag_add(
    struct defrag *d, const struct defrag_piece *p, struct defrag_whole *w)
{
	struct datagram *g;
	struct key k;

	assert(p->wire_len > 0 && p->len <= p->wire_len && p->packets > 0 &&
	       p->off % UNIT == 0 &&
	       p->off + p->wire_len < DEFRAG_DATAGRAM_MAX);
	expire(d, p->ts_ns);
	make_key(&k, p);
	g = find(d, &k);
	if (g == NULL)
		g = make(d, &k, p);
	g->packets += p->packets;
	if (g->dropped)
		return false;
	add(d, g, p);
	if (g->dropped || g->total == NONE ||
	    g->units != (g->total + UNIT - 1) / UNIT)
		return false;
	put_together(d, g, w);
	forget(d, g);
	return true;
}
