#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "base/obuf.h"
#include "base/quantity.h"
#include "config/name.h"
#include "config/nearest.h"
#include "config/sink_text.h"

/* A key that all sinks share, and the function that takes its value in. */
struct common {
	const char *key;
	int (*set)(struct sink_spec *spec, const char *value, struct err *err);
	bool is_list; /* each time adds to it */
};

static int
set_on_full(struct sink_spec *spec, const char *value, struct err *err)
{
	if (sink_on_full_parse(value, &spec->on_full) != 0)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is none of drop, pause, close", value);
	spec->has_on_full = true;
	return 0;
}

static int
set_queue(struct sink_spec *spec, const char *value, struct err *err)
{
	const struct quantity_range range = { SINK_TEXT_QUEUE_MIN,
		SINK_TEXT_QUEUE_MAX };
	uint64_t bytes;

	if (quantity_parse(QUANTITY_SIZE, value, &range, &bytes, err) != 0)
		return -EINVAL;
	spec->queue = (size_t)bytes;
	return 0;
}

static int
set_name(struct sink_spec *spec, const char *value, struct err *err)
{
	char *copy;
	int rc = name_check(value, err);

	if (rc != 0)
		return rc;
	copy = strdup(value);
	if (copy == NULL)
		return -ENOMEM;
	free(spec->name);
	spec->name = copy;
	return 0;
}

/* Whether there is such an input is known when all are. */
static int
set_input(struct sink_spec *spec, const char *value, struct err *err)
{
	int rc = name_check(value, err);

	return rc == 0 ? sink_spec_hear(spec, value) : rc;
}

static int
set_port(struct sink_spec *spec, const char *value, struct err *err)
{
	uint16_t port;

	if (endpoint_parse_port(value, &port) != 0 || port == 0)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is neither a port number (1 to 65535) nor a "
		    "known service",
		    value);
	spec->match.port = port;
	return 0;
}

static int
parse_address(struct addr *a, const char *value, struct err *err)
{
	char bare[ADDR_TEXT_MAX];
	size_t n = strlen(value);
	bool brackets = n >= 2 && value[0] == '[' && value[n - 1] == ']';

	(void)snprintf(bare, sizeof(bare), "%.*s",
	    (int)(brackets           ? n - 2
		  : n < sizeof(bare) ? n
				     : sizeof(bare) - 1),
	    brackets ? value + 1 : value);
	if (addr_parse_ip(a, bare) == 0)
		return 0;
	return err_set(err, -EINVAL,
	    "\"%.64s\" is no IP address: as in 192.0.2.7 or [2001:db8::7], "
	    "without a port",
	    value);
}

static int
set_client(struct sink_spec *spec, const char *value, struct err *err)
{
	return parse_address(&spec->match.client, value, err);
}

static int
set_server(struct sink_spec *spec, const char *value, struct err *err)
{
	return parse_address(&spec->match.server, value, err);
}

static const struct sink_key keys[] = {
	{ "on-full", "drop|pause|close", "what a full queue does" },
	{ "queue", "BYTES", "limit of the queue" },
	{ "name", "NAME", "what messages, sheet and metrics call it" },
	{ "input", "NAME", "only sessions of this input; may be repeated" },
	{ "port", "PORT", "only sessions from or to this port" },
	{ "client", "ADDR", "only sessions of this client" },
	{ "server", "ADDR", "only sessions with this server" },
	{ NULL, NULL, NULL },
};

static const struct common commons[] = {
	{ "on-full", set_on_full, false },
	{ "queue", set_queue, false },
	{ "name", set_name, false },
	{ "input", set_input, true },
	{ "port", set_port, false },
	{ "client", set_client, false },
	{ "server", set_server, false },
};

static_assert(ATTR_COUNT(keys) == ATTR_COUNT(commons) + 1,
    "each shared key has its words and its setter");

const struct sink_key *
sink_text_keys(void)
{
	return keys;
}

bool
sink_text_has_arg(const struct sink_kind *kind)
{
	return kind->arg != NULL && kind->arg[0] != '\0';
}

static const struct sink_kind *
known_kind(const struct sink_text_kinds *kinds, const char *name)
{
	for (size_t i = 0; i < kinds->n; i++)
		if (strcmp(kinds->kinds[i]->name, name) == 0)
			return kinds->kinds[i];
	return NULL;
}

static int
unknown_kind(
    const struct sink_text_kinds *kinds, const char *name, struct err *err)
{
	struct nearest near;

	nearest_init(&near, name);
	for (size_t i = 0; i < kinds->n; i++)
		nearest_offer(&near, kinds->kinds[i]->name);
	if (nearest_word(&near) != NULL)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is no kind of sink (did you mean %s?)", name,
		    nearest_word(&near));
	return err_set(err, -EINVAL,
	    "\"%.64s\" is no kind of sink (\"teeline list sinks\" shows them "
	    "all)",
	    name);
}

const struct sink_kind *
sink_text_kind(
    const struct sink_text_kinds *kinds, const char *name, struct err *err)
{
	const struct sink_kind *kind = known_kind(kinds, name);

	if (kind == NULL)
		(void)unknown_kind(kinds, name, err); /* says why */
	return kind;
}

/* "a, b, c" of the keys of @kind and the shared ones. */
static void
join_keys(const struct sink_kind *kind, char *buf, size_t size)
{
	const struct sink_key *lists[] = { kind->keys, keys };
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ATTR_COUNT(lists); i++)
		for (const struct sink_key *k = lists[i];
		     k != NULL && k->key != NULL && len < size; k++)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
			    len == 0 ? "" : ", ", k->key);
}

static int
unknown_key(const struct sink_kind *kind, const char *key, struct err *err)
{
	const struct sink_key *lists[] = { kind->keys, keys };
	struct nearest near;
	char known[256];

	nearest_init(&near, key);
	for (size_t i = 0; i < ATTR_COUNT(lists); i++)
		for (const struct sink_key *k = lists[i];
		     k != NULL && k->key != NULL; k++)
			nearest_offer(&near, k->key);
	join_keys(kind, known, sizeof(known));
	if (nearest_word(&near) != NULL)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is no key of %s (did you mean %s?): %s", key,
		    kind->name, nearest_word(&near), known);
	return err_set(err, -EINVAL, "\"%.64s\" is no key of %s: %s", key,
	    kind->name, known);
}

static int
apply_own(struct sink_spec *spec, const struct sink_kind *kind, const char *key,
    const char *value, struct err *err)
{
	for (const struct sink_key *k = kind->keys; k != NULL && k->key != NULL;
	     k++) {
		if (strcmp(k->key, key) != 0)
			continue;
		if (sink_spec_get(spec, key) != NULL)
			return err_set(err, -EINVAL, "%s= is given twice", key);
		return sink_spec_set(spec, key, value);
	}
	return unknown_key(kind, key, err);
}

static const struct common *
find_common(const char *key)
{
	for (size_t i = 0; i < ATTR_COUNT(commons); i++)
		if (strcmp(commons[i].key, key) == 0)
			return &commons[i];
	return NULL;
}

int
sink_text_key(struct sink_spec *spec, const struct sink_kind *kind,
    const char *key, const char *value, struct err *err)
{
	const struct common *c = find_common(key);

	if (c != NULL)
		return c->set(spec, value, err);
	return apply_own(spec, kind, key, value, err);
}

/*
 * @part is "key=value"; it is cut at the "=".  Bit i of @seen: commons[i] was
 * given before.
 */
static int
apply_part(struct sink_spec *spec, const struct sink_kind *kind, char *part,
    unsigned *seen, struct err *err)
{
	char *value = strchr(part, '=');
	const struct common *c;
	int rc;

	if (value == NULL || value == part)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is no key=value (a comma that belongs to %s is "
		    "written \\,)",
		    part, sink_text_has_arg(kind) ? kind->arg : "a value");
	*value++ = '\0';
	c = find_common(part);
	if (c != NULL && (*seen & 1U << (c - commons)) != 0)
		return err_set(err, -EINVAL, "%s= is given twice", part);
	if (c != NULL && !c->is_list)
		*seen |= 1U << (c - commons);
	rc = sink_text_key(spec, kind, part, value, err);
	if (rc == -EINVAL && c != NULL)
		err_prefix(err, "%s: ", part);
	return rc;
}

/*
 * Undoes the escapes of the part at *@from, up to an unescaped comma or the
 * end, and moves *@from behind it.  The text only gets shorter, so it is done
 * in place.
 *
 * Return: the part; NULL for a backslash with nothing after it
 */
static char *
next_part(char **from)
{
	char *part = *from;
	char *to = part;
	char *p = part;

	for (; *p != '\0' && *p != ','; p++) {
		if (*p == '\\' && *++p == '\0')
			return NULL;
		*to++ = *p;
	}
	*from = *p == ',' ? p + 1 : NULL;
	*to = '\0';
	return part;
}

static int
check_arg(const struct sink_kind *kind, const char *arg, struct err *err)
{
	if (!sink_text_has_arg(kind) && arg[0] != '\0')
		return err_set(
		    err, -EINVAL, "%s takes no argument", kind->name);
	if (sink_text_has_arg(kind) && arg[0] == '\0')
		return err_set(err, -EINVAL, "%s is missing: %s:%s", kind->arg,
		    kind->name, kind->arg);
	return 0;
}

int
sink_text_start(struct sink_spec *spec, const struct sink_kind *kind,
    const char *arg, struct err *err)
{
	int rc = check_arg(kind, arg, err);

	if (rc == 0 && sink_spec_init(spec, kind->name, arg) != 0)
		rc = err_set(err, -ENOMEM, "out of memory");
	return rc;
}

/* @text is ours to write into. */
static int
parse(struct sink_spec *spec, char *text, const struct sink_text_kinds *kinds,
    struct err *err)
{
	static const char trailing[] = "a \\ at the end escapes nothing";
	char *rest = text + strcspn(text, ":,");
	bool has_arg = *rest == ':';
	bool has_keys = *rest == ',';
	const struct sink_kind *kind;
	const char *arg = "";
	unsigned seen = 0;
	int rc;

	if (*rest != '\0')
		*rest++ = '\0';
	kind = sink_text_kind(kinds, text, err);
	if (kind == NULL)
		return -EINVAL;
	if (has_arg) {
		arg = next_part(&rest);
		if (arg == NULL)
			return err_set(err, -EINVAL, trailing);
	} else if (!has_keys) {
		rest = NULL;
	}
	rc = sink_text_start(spec, kind, arg, err);
	while (rc == 0 && rest != NULL) {
		char *part = next_part(&rest);

		if (part == NULL)
			return err_set(err, -EINVAL, trailing);
		rc = apply_part(spec, kind, part, &seen, err);
	}
	return rc;
}

int
sink_text_parse(struct sink_spec *spec, const char *text,
    const struct sink_text_kinds *kinds, struct err *err)
{
	struct sink_spec out = { .kind = NULL };
	char *copy = strdup(text);
	int rc = -ENOMEM;

	if (copy != NULL)
		rc = parse(&out, copy, kinds, err);
	free(copy);
	if (rc == 0) {
		out.text = strdup(text);
		rc = out.text == NULL ? -ENOMEM : 0;
	}
	if (rc == 0) {
		*spec = out;
		return 0;
	}
	sink_spec_done(&out);
	if (rc == -ENOMEM)
		return err_set(err, rc, "out of memory");
	err_prefix(err, "\"%.128s\": ", text);
	return rc;
}

static void
put_escaped(struct obuf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == ',' || *text == '\\')
			obuf_putc(out, '\\');
		obuf_putc(out, *text);
	}
}

static void
put_address(struct obuf *out, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	if (a->family != AF_UNSPEC)
		obuf_printf(out, ",%s=%s", key, addr_format_ip(a, text));
}

void
sink_text_format(const struct sink_spec *spec, struct obuf *out)
{
	char size[QUANTITY_TEXT_MAX];

	obuf_puts(out, spec->kind);
	if (spec->arg[0] != '\0')
		obuf_putc(out, ':');
	put_escaped(out, spec->arg);
	for (size_t i = 0; i < spec->npairs; i++) {
		obuf_printf(out, ",%s=", spec->pairs[i].key);
		put_escaped(out, spec->pairs[i].value);
	}
	if (spec->has_on_full)
		obuf_printf(
		    out, ",on-full=%s", sink_on_full_name(spec->on_full));
	if (spec->queue != 0)
		obuf_printf(out, ",queue=%s",
		    quantity_format(QUANTITY_SIZE, spec->queue, size));
	if (spec->name != NULL)
		obuf_printf(out, ",name=%s", spec->name);
	for (size_t i = 0; i < spec->ninputs; i++)
		obuf_printf(out, ",input=%s", spec->inputs[i]);
	if (spec->match.port != 0)
		obuf_printf(out, ",port=%u", spec->match.port);
	put_address(out, "client", &spec->match.client);
	put_address(out, "server", &spec->match.server);
}
