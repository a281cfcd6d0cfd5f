#include <stddef.h>

#include "base/jsonout.h"
#include "base/obuf.h"
#include "base/text.h"

/*
 * What was written last says whether a comma is due: a text ends with a quote,
 * so that no other last byte can be mistaken for an opening bracket.
 */
static void
begin(struct obuf *o, const char *key)
{
	if (o->len > 0 && o->data[o->len - 1] != '{' &&
	    o->data[o->len - 1] != '[')
		obuf_putc(o, ',');
	if (key == NULL)
		return;
	obuf_putc(o, '"');
	obuf_puts(o, key);
	obuf_puts(o, "\":");
}

void
jsonout_open(struct obuf *o, const char *key, char kind)
{
	begin(o, key);
	obuf_putc(o, kind);
}

void
jsonout_close(struct obuf *o, char kind)
{
	obuf_putc(o, kind);
}

void
jsonout_text(struct obuf *o, const char *key, const char *text)
{
	begin(o, key);
	if (text == NULL)
		obuf_puts(o, "null");
	else
		text_json_put(o, text);
}

void
jsonout_number(struct obuf *o, const char *key, uint64_t n)
{
	begin(o, key);
	text_decimal_put(o, n);
}

void
jsonout_bool(struct obuf *o, const char *key, bool value)
{
	begin(o, key);
	obuf_puts(o, value ? "true" : "false");
}

void
jsonout_null(struct obuf *o, const char *key)
{
	begin(o, key);
	obuf_puts(o, "null");
}

void
jsonout_raw(struct obuf *o, const char *key, const char *json)
{
	begin(o, key);
	obuf_puts(o, json);
}

void
jsonout_stamp(struct obuf *o, const char *key, uint64_t ts_ns)
{
	char stamp[TEXT_STAMP_MAX];

	begin(o, key);
	obuf_putc(o, '"');
	obuf_puts(o, text_stamp(ts_ns, stamp));
	obuf_putc(o, '"');
}
