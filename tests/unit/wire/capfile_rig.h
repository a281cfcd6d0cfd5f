#ifndef CAPFILE_RIG_H
#define CAPFILE_RIG_H

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/obuf.h"

#include "wire/capfile.h"
#include "wire/capfile_item.h"
#include "wire/order.h"

/*
 * Files made here byte for byte, and read in windows that are copied into
 * memory of exactly their length, so that a sanitizer sees each step beyond.
 * What the reader says becomes text, a line for each item:
 *
 *	iface 0 linktype 1 snaplen 65535 [name] [description]
 *	packet 0 at 1000 dir 0 3/60 616263
 *	stats 0 10 2 1
 *	bad SENTENCE | end
 */

/** rig_put16() - Append a number of 2 bytes, the high one first if @big. */
static inline void
rig_put16(struct obuf *o, bool big, uint16_t v)
{
	uint8_t b[2];

	if (big)
		bytes_put_be16(b, v);
	else
		bytes_put_le16(b, v);
	obuf_put(o, b, sizeof(b));
}

/** rig_put32() - Likewise, 4 bytes. */
static inline void
rig_put32(struct obuf *o, bool big, uint32_t v)
{
	uint8_t b[4];

	if (big)
		bytes_put_be32(b, v);
	else
		bytes_put_le32(b, v);
	obuf_put(o, b, sizeof(b));
}

/** rig_put64() - Likewise, 8 bytes. */
static inline void
rig_put64(struct obuf *o, bool big, uint64_t v)
{
	uint8_t b[8];

	if (big)
		bytes_put_be64(b, v);
	else
		bytes_put_le64(b, v);
	obuf_put(o, b, sizeof(b));
}

static inline void
rig_show(struct obuf *log, const struct capfile_item *i)
{
	switch (i->what) {
	case CAPFILE_ITEM_INTERFACE:
		obuf_printf(log,
		    "iface %" PRIu32 " linktype %u snaplen %" PRIu32
		    " [%.*s] [%.*s]\n",
		    i->iface.number, i->iface.linktype, i->iface.snaplen,
		    (int)i->iface.name_len,
		    i->iface.name_len ? (const char *)i->iface.name : "",
		    (int)i->iface.description_len,
		    i->iface.description_len
			? (const char *)i->iface.description
			: "");
		break;
	case CAPFILE_ITEM_PACKET:
		obuf_printf(log,
		    "packet %" PRIu32 " at %" PRIu64 " dir %d %" PRIu32
		    "/%" PRIu32 " ",
		    i->packet.iface, i->packet.ts_ns, (int)i->packet.dir,
		    i->packet.len, i->packet.wire_len);
		for (uint32_t n = 0; n < i->packet.len; n++)
			if (n < 8 || n == i->packet.len - 1)
				obuf_printf(log, "%02x", i->packet.data[n]);
		obuf_puts(log, "\n");
		break;
	case CAPFILE_ITEM_STATS:
		obuf_printf(log,
		    "stats %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		    i->stats.iface, i->stats.received, i->stats.os_dropped,
		    i->stats.if_dropped);
		break;
	case CAPFILE_ITEM_PASS:
	case CAPFILE_ITEM_MORE:
		break;
	}
}

/* Not all of a large file for each of its items. */
#define RIG_WINDOW 1024

static inline size_t
rig_least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/** struct rig_read - A file on its way through the reader. */
struct rig_read {
	struct capfile c;
	const uint8_t *data;
	size_t len;
	size_t at;
	size_t unseen;
	struct obuf *log;
};

/* One call, in a window of exactly @window bytes; the item's result. */
static inline int
rig_step(struct rig_read *r, size_t window, struct capfile_item *item)
{
	uint8_t *copy = malloc(window > 0 ? window : 1);
	struct err err = { "" };
	int rc;

	assert_non_null(copy);
	memcpy(copy, r->data + r->at, window);
	memset(item, 0xee, sizeof(*item));
	rc = capfile_next(&r->c, copy, window, item, &err);
	if (rc == 0)
		rig_show(r->log, item);
	else
		obuf_printf(r->log, "bad %s\n", err.text);
	free(copy);
	return rc;
}

/* Go on behind an item, which may end behind the file. */
static inline void
rig_go_on(struct rig_read *r, size_t used)
{
	size_t left = r->len - r->at;

	assert_true(used > 0);
	r->unseen = used > left ? used - left : 0;
	r->at += used - r->unseen;
}

/**
 * rig_read() - Read a file
 * @small:	Never show more than the reader has asked for; else several
 * items
 *
 * Return: what happened, as text, to be freed with free()
 */
static inline char *
rig_read(const uint8_t *data, size_t len, bool small)
{
	struct obuf log = { 0 };
	struct rig_read r = { .data = data, .len = len, .log = &log };
	enum capfile_format format = capfile_sniff(data, len);
	struct capfile_item item;
	struct err err = { "" };
	size_t window = 0;

	if (format != CAPFILE_PCAP && format != CAPFILE_PCAPNG) {
		obuf_puts(&log, "unknown\n");
		goto out;
	}
	capfile_init(&r.c, format);
	for (;;) {
		size_t left = r.len - r.at;

		if (window == 0)
			window = rig_least(left, small ? 4 : RIG_WINDOW);
		if (rig_step(&r, window, &item) != 0)
			goto bad;
		if (item.what != CAPFILE_ITEM_MORE) {
			rig_go_on(&r, item.used);
			window = 0;
			continue;
		}
		assert_true(item.need > window);
		if (item.need > left || window == left)
			break;
		window = item.need;
	}
	if (capfile_end(&r.c, r.len - r.at, r.unseen, &err) != 0)
		obuf_printf(&log, "bad %s\n", err.text);
	else
		obuf_puts(&log, "end\n");
bad:
	capfile_done(&r.c);
out:
	obuf_putc(&log, '\0');
	assert_false(log.failed);
	return (char *)log.data;
}

/** rig_expect() - Read it both ways, expect @want, release the file. */
static inline void
rig_expect(struct obuf *file, const char *want)
{
	assert_false(file->failed);
	for (int small = 0; small < 2; small++) {
		char *got = rig_read(file->data, file->len, small != 0);

		assert_string_equal(got, want);
		free(got);
	}
	obuf_done(file);
}

/**
 * rig_prefixes() - Cut a file at each place
 *
 * What is read of a prefix is the beginning of what is read of the whole, and
 * then one remark that it was cut; @whole counts prefixes that look whole,
 * which are those that end between two items.
 */
static inline void
rig_prefixes(const struct obuf *file, unsigned whole)
{
	char *all = rig_read(file->data, file->len, false);
	unsigned found = 0;

	for (size_t len = 0; len < file->len; len++) {
		char *got = rig_read(file->data, len, (len & 1) != 0);
		char *last = strstr(got, "bad ");

		if (strcmp(got, "unknown\n") == 0) {
			assert_true(len < 4);
		} else if (last == NULL) {
			last = strstr(got, "end\n");
			assert_non_null(last);
			found++;
		} else {
			assert_non_null(strstr(last, "cut off after"));
		}
		if (last != NULL)
			assert_memory_equal(got, all, (size_t)(last - got));
		free(got);
	}
	assert_int_equal(found, whole);
	free(all);
}

/* xorshift64: the same mutations in each run. */
static inline uint64_t
rig_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/**
 * rig_mutations() - Read @n files that differ from @file in a few bytes
 *
 * For a sanitizer to watch; and each reading ends, with a remark or without.
 */
static inline void
rig_mutations(const struct obuf *file, unsigned n)
{
	uint8_t *copy = malloc(file->len);
	uint64_t seed = 0x9E3779B97F4A7C15ULL;

	assert_non_null(copy);
	for (unsigned i = 0; i < n; i++) {
		unsigned many = 1 + (unsigned)(rig_random(&seed) % 4);
		size_t len = file->len - (size_t)(rig_random(&seed) % 3);
		char *got;

		memcpy(copy, file->data, file->len);
		while (many-- > 0) {
			uint64_t x = rig_random(&seed);

			copy[x % file->len] = (uint8_t)(x >> 32);
		}
		got = rig_read(copy, len, (i & 1) != 0);
		assert_true(strstr(got, "end\n") != NULL ||
			    strstr(got, "bad ") != NULL ||
			    strstr(got, "unknown\n") != NULL);
		free(got);
	}
	free(copy);
}

#endif /* CAPFILE_RIG_H */
