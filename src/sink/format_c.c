#include <assert.h>
#include <string.h>

#include "base/table.h"
#include "base/text.h"

#include "sink/formats.h"
#include "sink/headline.h"

/*
 * c - each chunk as a C string.
 *
 * Escapes are octal with three digits, so that a digit that follows is never
 * swallowed (a hexadecimal escape has no end), and "??" never stands
 * unescaped, since it may begin a trigraph.  A long chunk is several literals
 * under each other, which the compiler joins.
 */

/* Bytes of the stream in one literal. */
#define LITERAL_MAX ((size_t)1024)

/* At most four characters for a byte, and room for a whole entry. */
#define LITERAL_ROOM(n) ((n)*4 + 8)

/* What a byte becomes: @len characters of @text, written by one store. */
struct entry {
	char text[7];
	uint8_t len;
};
static_assert(sizeof(struct entry) == 8, "one store per entry");

#define LETTER(b)                                                              \
	((b) == '\a'      ? 'a'                                                \
	    : (b) == '\b' ? 'b'                                                \
	    : (b) == '\t' ? 't'                                                \
	    : (b) == '\n' ? 'n'                                                \
	    : (b) == '\v' ? 'v'                                                \
	    : (b) == '\f' ? 'f'                                                \
	    : (b) == '\r' ? 'r'                                                \
	    : (b) == '"'  ? '"'                                                \
	    : (b) == '\\' ? '\\'                                               \
			  : 0)
#define IS_OCTAL(b) (!LETTER(b) && !TABLE_IS_PRINT(b))
#define ENTRY(b)                                                               \
	{                                                                      \
		{ (char)(LETTER(b) || IS_OCTAL(b) ? '\\' : (b)),               \
			(char)(LETTER(b) ? LETTER(b) : '0' + ((b) >> 6)),      \
			(char)('0' + ((b) >> 3 & 7)), (char)('0' + ((b)&7)) }, \
		    LETTER(b)     ? 2                                          \
		    : IS_OCTAL(b) ? 4                                          \
				  : 1                                          \
	}

static const struct entry entries[256] = { TABLE_256(ENTRY) };

static uint8_t *
literal_write(uint8_t *w, const uint8_t *p, size_t n)
{
	uint8_t before = 0;

	*w++ = '"';
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = &entries[p[i]];

		if (p[i] == '?' && before == '?')
			*w++ = '\\';
		before = p[i];
		memcpy(w, e, sizeof(*e));
		w += e->len;
	}
	*w++ = '"';
	return w;
}

static void
literal_put(const uint8_t *p, size_t n, struct obuf *out)
{
	uint8_t *room = obuf_room(out, LITERAL_ROOM(n) + 2);

	if (room != NULL)
		out->len += (size_t)(literal_write(room, p, n) - room);
}

/* A new line under the first literal; the colour stays. */
static void
indent_put(size_t columns, struct obuf *out)
{
	uint8_t *room = obuf_room(out, 1 + columns);

	if (room == NULL)
		return;
	room[0] = '\n';
	memset(room + 1, ' ', columns);
	out->len += 1 + columns;
}

static uint64_t
c_data(const struct format_opts *o, void *st, const struct session *s,
    const struct chunk *c, struct obuf *out)
{
	size_t columns = headline_columns(o, s);

	(void)st;
	headline_put(o, s, c->ts_ns, headline_mark_of(c->dir), out);
	for (size_t at = 0; at < c->len; at += LITERAL_MAX) {
		size_t n = c->len - at;

		if (at > 0)
			indent_put(columns, out);
		literal_put(
		    c->data + at, n < LITERAL_MAX ? n : LITERAL_MAX, out);
	}
	headline_finish_put(o, out);
	return 0;
}

const struct format format_c = {
	.name = "c",
	.help = "C string literals",
	.need = NEED_MEMORY,
	.open = headline_open,
	.data = c_data,
	.gap = headline_gap,
	.conflict = headline_conflict,
	.close = headline_close,
};
