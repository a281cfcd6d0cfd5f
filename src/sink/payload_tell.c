#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sink/payload_tell.h"

static const char kept[] = "queued ";
static const char dropped[] = "dropped ";
static const char more[] = " ...";

static_assert(sizeof(dropped) + 2 * PAYLOAD_TELL_SHOWN + 1 +
		      TEXT_ESCAPE_ROOM(PAYLOAD_TELL_SHOWN) + sizeof(more) <=
		  PAYLOAD_TELL_MAX,
    "the longest line fits");

static char *
hex_put(char *w, const uint8_t *data, size_t len)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*w++ = digit[data[i] >> 4];
		*w++ = digit[data[i] & 15];
	}
	return w;
}

static bool
is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static char *
text_put(char *w, const uint8_t *data, size_t len)
{
	while (len > 0 && is_space(data[len - 1]))
		len--;
	while (len > 0 && is_space(*data)) {
		data++;
		len--;
	}
	return w + text_escape((uint8_t *)w, data, len, TEXT_PLAIN);
}

const char *
payload_tell_heard(
    char buf[PAYLOAD_TELL_MAX], const uint8_t *data, size_t len, bool queued)
{
	size_t shown = len < PAYLOAD_TELL_SHOWN ? len : PAYLOAD_TELL_SHOWN;
	const char *word = queued ? kept : dropped;
	char *w = buf + strlen(word);

	memcpy(buf, word, strlen(word));
	w = hex_put(w, data, shown);
	*w++ = ' ';
	w = text_put(w, data, shown);
	if (shown < len) {
		memcpy(w, more, sizeof(more) - 1);
		w += sizeof(more) - 1;
	}
	*w = '\0';
	return buf;
}

const char *
payload_tell_sent(char buf[PAYLOAD_TELL_MAX], size_t len, const struct addr *to)
{
	char text[ADDR_TEXT_MAX];

	(void)snprintf(buf, PAYLOAD_TELL_MAX, "sent %zu bytes to %s", len,
	    addr_format(to, text));
	return buf;
}
