#include <errno.h>

#include "base/addr.h"
#include "base/addr_net.h"
#include "base/base64.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/obuf.h"
#include "base/quantity.h"
#include "base/text.h"
#include "core/locals.h"
#include "fuzz.h"

/*
 * Addresses, ends, numbers with units, escapes and base64: byte 0 says what the
 * rest is read as.
 *
 * What was read is written and read again, and is the same.
 */

static void
try_addr(const char *text)
{
	char shown[ADDR_TEXT_MAX];
	struct addr a, again;

	if (addr_parse_ip(&a, text) != 0)
		return;
	FUZZ_CHECK(a.port == 0);
	(void)addr_format_ip(&a, shown); /* returns what it is given */
	/* The kernel may know no interface of that number. */
	if (a.scope != 0)
		return;
	FUZZ_CHECK(addr_parse_ip(&again, shown) == 0);
	FUZZ_CHECK(addr_equal(&a, &again));
}

static void
try_net(const char *text)
{
	struct locals locals = { .n = 0 };
	struct addr_net net;
	struct err err = { "" };

	if (addr_net_parse(&net, text, &err) == 0) {
		FUZZ_CHECK(net.bits <= (net.addr.family == AF_INET ? 32 : 128));
		FUZZ_CHECK(addr_net_has(&net, &net.addr));
	} else {
		FUZZ_CHECK(err.text[0] != '\0');
	}
	if (locals_parse(&locals, text, &err) == 0)
		FUZZ_CHECK(locals.n <= LOCALS_MAX);
}

static void
try_endpoint(const char *text, enum endpoint_how how)
{
	struct endpoint e, copy;
	struct err err = { "" };
	char shown[ADDR_TEXT_MAX];
	int rc = endpoint_parse(&e, how, text, &err);

	if (rc != 0) {
		FUZZ_CHECK(rc == -EINVAL || memory_is_short());
		FUZZ_CHECK(err.text[0] != '\0');
		return;
	}
	FUZZ_CHECK(e.how == ENDPOINT_LISTEN || e.host != NULL);
	FUZZ_CHECK(strlen(endpoint_format(&e, shown)) < ADDR_TEXT_MAX);
	if (endpoint_copy(&copy, &e) == 0) {
		FUZZ_CHECK(copy.port == e.port && copy.how == e.how);
		endpoint_done(&copy);
	} else {
		FUZZ_CHECK(memory_is_short());
	}
	endpoint_done(&e);
	endpoint_done(&e);
}

static void
try_quantity(const char *text, enum quantity_kind kind)
{
	const struct quantity_range range = { 0, UINT64_MAX };
	char shown[QUANTITY_TEXT_MAX];
	struct err err = { "" };
	uint64_t value, again;

	if (quantity_parse(kind, text, &range, &value, &err) != 0) {
		FUZZ_CHECK(err.text[0] != '\0');
		return;
	}
	(void)quantity_format(kind, value, shown); /* what it is given */
	FUZZ_CHECK(quantity_parse(kind, shown, &range, &again, &err) == 0);
	FUZZ_CHECK(value == again);
}

static void
try_text(const char *text, enum text_look look)
{
	size_t len = strlen(text), n;
	uint8_t *out = memory_own(TEXT_ESCAPE_ROOM(len));
	uint32_t code;
	size_t step;

	n = text_escape(out, (const uint8_t *)text, len, look);
	FUZZ_CHECK(n <= 4 * len);
	/* What comes out is UTF-8 without controls. */
	for (size_t i = 0; i < n; i += step) {
		FUZZ_CHECK(
		    text_utf8(out + i, n - i, &step, &code) == TEXT_UTF8_CHAR);
		FUZZ_CHECK(code >= ' ' && (code < 0x7f || code > 0x9f));
		FUZZ_CHECK(look != TEXT_ASCII || code < 0x80);
	}
	free(out);
}

static void
try_base64(const char *text)
{
	size_t len = strlen(text), n;
	uint8_t *bytes = memory_own(len / 4 * 3);
	char *again;

	if (base64_decode(bytes, &n, text, len) == 0) {
		FUZZ_CHECK(base64_len(n) == len && n <= len / 4 * 3);
		again = memory_own(len);
		base64_encode(again, bytes, n);
		FUZZ_CHECK(memcmp(again, text, len) == 0);
		free(again);
	}
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	unsigned what = fuzz_u8(&in);
	char *text = fuzz_text(&in);

	switch (what & 7) {
	case 0:
		try_addr(text);
		break;
	case 1:
		try_net(text);
		break;
	case 2:
		try_endpoint(text, what & 8 ? ENDPOINT_DIAL : ENDPOINT_LISTEN);
		break;
	case 3:
	case 4:
		try_quantity(text, (enum quantity_kind)((what >> 3) % 3));
		break;
	case 5:
		try_text(text, (enum text_look)((what >> 3) % TEXT_NLOOKS));
		break;
	default:
		try_base64(text);
	}
	free(text);
	return 0;
}
