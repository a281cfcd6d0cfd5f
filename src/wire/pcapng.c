#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

#include "wire/pcapng.h"

/* Type and length before the body of a block, the length again behind it. */
#define BLOCK_HEAD 8
#define BLOCK_TAIL 4

#define OPTION_HEAD 4

/* Fixed parts of the bodies. */
#define SHB_BODY 16
#define IDB_BODY 8
#define EPB_BODY 20
#define ISB_BODY 12

/* if_tsresol: a power of ten, negated. */
#define TSRESOL_NS 9

/* isb_starttime and its like are 64-bit numbers. */
#define OPTION_U64_LEN 8

static size_t
padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* Bytes of an option with a value of @n bytes. */
static size_t
option_size(size_t n)
{
	return OPTION_HEAD + padded(n);
}

static size_t
text_len(const char *text)
{
	return strnlen(text, PCAPNG_TEXT_MAX);
}

static size_t
text_size(const char *text)
{
	return text == NULL ? 0 : option_size(text_len(text));
}

/*
 * All writers below work in room that was made for the whole block, with a
 * pointer that moves on.
 */
static uint8_t *
write_option(uint8_t *p, enum pcapng_option code, const void *value, size_t n)
{
	bytes_put_le16(p, (uint16_t)code);
	bytes_put_le16(p + 2, (uint16_t)n);
	p += OPTION_HEAD;
	memcpy(p, value, n);
	memset(p + n, 0, padded(n) - n);
	return p + padded(n);
}

static uint8_t *
write_text(uint8_t *p, enum pcapng_option code, const char *text)
{
	if (text == NULL)
		return p;
	return write_option(p, code, text, text_len(text));
}

static uint8_t *
write_end(uint8_t *p)
{
	bytes_put_le32(p, PCAPNG_OPT_END);
	return p + OPTION_HEAD;
}

/*
 * Times are two halves, the high one first; counters are plain 64-bit
 * numbers.  In a little-endian file these are not the same bytes.
 */
static uint8_t *
write_time(uint8_t *p, uint64_t ns)
{
	bytes_put_le32(p, (uint32_t)(ns >> 32));
	bytes_put_le32(p + 4, (uint32_t)ns);
	return p + OPTION_U64_LEN;
}

static uint8_t *
write_time_option(uint8_t *p, enum pcapng_option code, uint64_t ns)
{
	bytes_put_le16(p, (uint16_t)code);
	bytes_put_le16(p + 2, OPTION_U64_LEN);
	return write_time(p + OPTION_HEAD, ns);
}

static uint8_t *
write_count_option(uint8_t *p, enum pcapng_option code, uint64_t n)
{
	uint8_t value[OPTION_U64_LEN];

	bytes_put_le64(value, n);
	return write_option(p, code, value, sizeof(value));
}

/* Room for a block of @size bytes, its head written; NULL without memory. */
static uint8_t *
block_begin(struct obuf *o, enum pcapng_type type, size_t size)
{
	uint8_t *p = obuf_room(o, size);

	assert(size % 4 == 0);
	if (p == NULL)
		return NULL;
	bytes_put_le32(p, type);
	bytes_put_le32(p + 4, (uint32_t)size);
	return p + BLOCK_HEAD;
}

/* @p is where the body ended, which checks the sum that made @size. */
static void
block_end(struct obuf *o, uint8_t *p, size_t size)
{
	bytes_put_le32(p, (uint32_t)size);
	assert(p + BLOCK_TAIL == o->data + o->len + size);
	o->len += size;
}

void
pcapng_put_section(struct obuf *o, const struct pcapng_section *s)
{
	size_t size = BLOCK_HEAD + SHB_BODY + text_size(s->hardware) +
		      text_size(s->os) + text_size(s->userappl) + OPTION_HEAD +
		      BLOCK_TAIL;
	uint8_t *p = block_begin(o, PCAPNG_SHB, size);

	if (p == NULL)
		return;
	bytes_put_le32(p, PCAPNG_MAGIC);
	bytes_put_le16(p + 4, PCAPNG_VERSION_MAJOR);
	bytes_put_le16(p + 6, PCAPNG_VERSION_MINOR);
	bytes_put_le64(p + 8, UINT64_MAX); /* length unknown */
	p += SHB_BODY;
	p = write_text(p, PCAPNG_SHB_HARDWARE, s->hardware);
	p = write_text(p, PCAPNG_SHB_OS, s->os);
	p = write_text(p, PCAPNG_SHB_USERAPPL, s->userappl);
	block_end(o, write_end(p), size);
}

void
pcapng_put_interface(struct obuf *o, const struct pcapng_interface *i)
{
	static const uint8_t tsresol = TSRESOL_NS;
	size_t size = BLOCK_HEAD + IDB_BODY + text_size(i->name) +
		      text_size(i->description) + option_size(sizeof(tsresol)) +
		      OPTION_HEAD + BLOCK_TAIL;
	uint8_t *p = block_begin(o, PCAPNG_IDB, size);

	if (p == NULL)
		return;
	bytes_put_le16(p, i->linktype);
	bytes_put_le16(p + 2, 0);
	bytes_put_le32(p + 4, i->snaplen);
	p += IDB_BODY;
	p = write_text(p, PCAPNG_IF_NAME, i->name);
	p = write_text(p, PCAPNG_IF_DESCRIPTION, i->description);
	p = write_option(p, PCAPNG_IF_TSRESOL, &tsresol, sizeof(tsresol));
	block_end(o, write_end(p), size);
}

static uint8_t *
write_parts(uint8_t *p, const struct frame *f)
{
	size_t n = f->head_len + f->data_len;

	if (f->head_len > 0)
		memcpy(p, f->head, f->head_len);
	if (f->data_len > 0)
		memcpy(p + f->head_len, f->data, f->data_len);
	memset(p + n, 0, padded(n) - n);
	return p + padded(n);
}

void
pcapng_put_packet(struct obuf *o, uint32_t interface, const struct frame *f)
{
	size_t captured = f->head_len + f->data_len;
	size_t size = BLOCK_HEAD + EPB_BODY + padded(captured) +
		      option_size(sizeof(uint32_t)) + text_size(f->comment) +
		      OPTION_HEAD + BLOCK_TAIL;
	uint8_t *p = block_begin(o, PCAPNG_EPB, size);
	uint8_t flags[sizeof(uint32_t)];

	if (p == NULL)
		return;
	bytes_put_le32(p, interface);
	(void)write_time(p + 4, f->ts_ns); /* its place is fixed */
	bytes_put_le32(p + 12, (uint32_t)captured);
	bytes_put_le32(p + 16, (uint32_t)f->wire_len);
	p = write_parts(p + EPB_BODY, f);
	p = write_text(p, PCAPNG_OPT_COMMENT, f->comment);
	bytes_put_le32(flags, f->dir);
	p = write_option(p, PCAPNG_EPB_FLAGS, flags, sizeof(flags));
	block_end(o, write_end(p), size);
}

void
pcapng_put_stats(struct obuf *o, const struct pcapng_stats *s)
{
	bool has_dropped = s->dropped != PCAPNG_UNKNOWN;
	size_t size = BLOCK_HEAD + ISB_BODY +
		      (has_dropped ? 4U : 3U) * option_size(OPTION_U64_LEN) +
		      OPTION_HEAD + BLOCK_TAIL;
	uint8_t *p = block_begin(o, PCAPNG_ISB, size);

	if (p == NULL)
		return;
	bytes_put_le32(p, s->interface);
	p = write_time(p + 4, s->end_ns);
	p = write_time_option(p, PCAPNG_ISB_STARTTIME, s->start_ns);
	p = write_time_option(p, PCAPNG_ISB_ENDTIME, s->end_ns);
	p = write_count_option(p, PCAPNG_ISB_IFRECV, s->received);
	if (has_dropped)
		p = write_count_option(p, PCAPNG_ISB_IFDROP, s->dropped);
	block_end(o, write_end(p), size);
}
