#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"

#include "core/locals.h"
#include "core/session.h"
#include "sink/template.h"

/* A value: an address with its port, or the longest path of a UNIX socket. */
#define VALUE_MAX (ADDR_TEXT_MAX + 8)

/** enum field - In the order of field_name[]. */
enum field {
	FIELD_ID,
	FIELD_TIME,
	FIELD_CLIENT,
	FIELD_CLIENT_IP,
	FIELD_CLIENT_PORT,
	FIELD_SERVER,
	FIELD_SERVER_IP,
	FIELD_SERVER_PORT,
	FIELD_DIR,
	FIELD_START_MS,
	FIELD_LOCAL_IP,
	FIELD_LOCAL_PORT,
	FIELD_REMOTE_IP,
	FIELD_REMOTE_PORT,
	FIELD_END_MS,
	FIELD_REASON,
};
#define FIELD_NFIELDS (FIELD_REASON + 1)

/* Fields that make no sense before a session is over. */
#define AT_END (1U << FIELD_END_MS | 1U << FIELD_REASON)

/* ... and those that need no session. */
#define WITHOUT (1U << FIELD_START_MS | AT_END)

static const char *const field_name[] = {
	[FIELD_ID] = "id",
	[FIELD_TIME] = "time",
	[FIELD_CLIENT] = "client",
	[FIELD_CLIENT_IP] = "client_ip",
	[FIELD_CLIENT_PORT] = "client_port",
	[FIELD_SERVER] = "server",
	[FIELD_SERVER_IP] = "server_ip",
	[FIELD_SERVER_PORT] = "server_port",
	[FIELD_DIR] = "dir",
	[FIELD_START_MS] = "start_ms",
	[FIELD_LOCAL_IP] = "local_ip",
	[FIELD_LOCAL_PORT] = "local_port",
	[FIELD_REMOTE_IP] = "remote_ip",
	[FIELD_REMOTE_PORT] = "remote_port",
	[FIELD_END_MS] = "end_ms",
	[FIELD_REASON] = "reason",
};
static_assert(ATTR_COUNT(field_name) == FIELD_NFIELDS, "a name per field");

/*
 * In @text a field is one byte, 1 + enum field; such bytes are not accepted
 * in the template itself, nor in any value.
 */
#define CODE_FIRST 1
#define CODE_LAST  FIELD_NFIELDS

/**
 * struct template - See template.h
 * @seen:	Bit per field that occurs
 * @extra:	NULL: nothing
 * @text:	Literal bytes and field codes
 */
struct template
{
	unsigned seen;
	const struct template_extra *extra;
	char text[];
};

/** struct path - A path being made; @room is what is left before the NUL. */
struct path {
	char *next;
	size_t room;
};

static bool
is_code(char c)
{
	return c >= CODE_FIRST && c <= CODE_LAST;
}

static int
unknown_field(struct err *err, const char *name, size_t len)
{
	char known[320] = "";
	size_t n = 0;

	for (unsigned f = 0; f < FIELD_NFIELDS; f++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s{%s}",
		    f == 0 ? "" : " ", field_name[f]);
	return err_set(err, -EINVAL,
	    "unknown field {%.*s} in a file name; known are %s, and {{ for a "
	    "brace",
	    (int)(len < 40 ? len : 40), name, known);
}

static int
find_field(const char *name, size_t len, struct err *err)
{
	for (int f = 0; f < FIELD_NFIELDS; f++) {
		if (strlen(field_name[f]) == len &&
		    memcmp(field_name[f], name, len) == 0)
			return f;
	}
	return unknown_field(err, name, len);
}

/* Reads what stands at @text; returns how long it is, or -errno. */
static int
parse_one(struct template *t, const char *text, char *out, struct err *err)
{
	const char *end;
	int field;

	*out = *text;
	if ((text[0] == '{' || text[0] == '}') && text[1] == text[0])
		return 2;
	if (is_code(text[0]))
		return err_set(err, -EINVAL,
		    "control character \\x%02x in a file name",
		    (unsigned)text[0]);
	if (text[0] == '}')
		return err_set(
		    err, -EINVAL, "} without { in a file name; }} is a brace");
	if (text[0] != '{')
		return 1;
	end = strchr(text, '}');
	if (end == NULL)
		return err_set(
		    err, -EINVAL, "{ without } in a file name; {{ is a brace");
	field = find_field(text + 1, (size_t)(end - text - 1), err);
	if (field < 0)
		return field;
	t->seen |= 1U << field;
	*out = (char)(CODE_FIRST + field);
	return (int)(end - text) + 1;
}

struct template *
template_new(const char *text, struct err *err)
{
	struct template *t = template_new_closed(text, err);

	if (t == NULL || (t->seen & AT_END) == 0)
		return t;
	(void)err_set(err, -EINVAL,
	    "%.128s: {end_ms} and {reason} are known when a session is over: "
	    "they stand in closed=, where a sink has that",
	    text);
	template_free(t);
	return NULL;
}

struct template *
template_new_closed(const char *text, struct err *err)
{
	struct template *t = calloc(1, sizeof(*t) + strlen(text) + 1);
	char *out;
	int n;

	if (t == NULL) {
		(void)err_set(err, -ENOMEM, "no memory for a file name");
		return NULL;
	}
	for (out = t->text; *text != '\0'; text += n) {
		n = parse_one(t, text, out++, err);
		if (n < 0) {
			free(t);
			return NULL;
		}
	}
	return t;
}

void
template_set_extra(struct template *t, const struct template_extra *x)
{
	t->extra = x;
}

void
template_free(struct template *t)
{
	free(t);
}

bool
template_has_fields(const struct template *t)
{
	return (t->seen & ~WITHOUT) != 0;
}

bool
template_has_dir(const struct template *t)
{
	return (t->seen & 1U << FIELD_DIR) != 0;
}

void
template_clean(char *value)
{
	for (; *value != '\0'; value++) {
		if ((unsigned char)*value < ' ' || *value == 0x7f ||
		    strchr("/:\\\"", *value) != NULL)
			*value = '-';
	}
}

static void
format_time(uint64_t ns, char value[VALUE_MAX])
{
	time_t sec = (time_t)(ns / CLOCK_NS_PER_S);
	struct tm tm;
	size_t n;

	/* Any 64-bit count of ns is a year that fits. */
	if (gmtime_r(&sec, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	n = strftime(value, VALUE_MAX, "%Y%m%dT%H%M%S", &tm);
	(void)snprintf(value + n, VALUE_MAX - n, ".%03u",
	    (unsigned)(ns % CLOCK_NS_PER_S / CLOCK_NS_PER_MS));
}

/* Without the brackets of addr_format(), which shells would expand. */
static void
format_end(const struct addr *a, char value[VALUE_MAX])
{
	char ip[ADDR_TEXT_MAX];

	if (a->family == AF_INET || a->family == AF_INET6)
		(void)snprintf(value, VALUE_MAX, "%s-%u", addr_format_ip(a, ip),
		    (unsigned)a->port);
	else
		(void)snprintf(value, VALUE_MAX, "%s", addr_format(a, ip));
}

static void
format_ms(uint64_t ns, char value[VALUE_MAX])
{
	(void)snprintf(
	    value, VALUE_MAX, "%ju", (uintmax_t)(ns / CLOCK_NS_PER_MS));
}

/* As stethoscope's files are called: no brackets, and '_' for ':'. */
static void
format_ip(const struct addr *a, char value[VALUE_MAX])
{
	char ip[ADDR_TEXT_MAX];

	(void)snprintf(value, VALUE_MAX, "%s", addr_format_ip(a, ip));
	for (char *c = value; *c != '\0'; c++)
		if (*c == ':')
			*c = '_';
}

static const struct addr *
local_end(const struct template_extra *x, const struct session *s, bool local)
{
	bool client = x == NULL || x->locals == NULL ||
		      locals_is_client(x->locals, &s->client, &s->server);

	return client == local ? &s->client : &s->server;
}

static const char *
reason(const struct template_extra *x, const struct session *s)
{
	if (s == NULL)
		return event_how_name(HOW_STOP);
	if (s->reason == HOW_TIMEOUT && x != NULL && x->timeout != NULL)
		return x->timeout;
	return event_how_name((enum how)s->reason);
}

/* Those that came with the names of stethoscope's files. */
static void
format_end_value(enum field f, const struct template_extra *x,
    const struct session *s, char value[VALUE_MAX])
{
	bool local = f == FIELD_LOCAL_IP || f == FIELD_LOCAL_PORT;

	if (f == FIELD_START_MS)
		format_ms(s != NULL ? s->open_ns : clock_start_ns(), value);
	else if (f == FIELD_END_MS)
		format_ms(s != NULL ? s->last_ns : clock_event_ns(), value);
	else if (f == FIELD_REASON)
		(void)snprintf(value, VALUE_MAX, "%s", reason(x, s));
	else if (f == FIELD_LOCAL_IP || f == FIELD_REMOTE_IP)
		format_ip(local_end(x, s, local), value);
	else
		(void)snprintf(value, VALUE_MAX, "%u",
		    (unsigned)local_end(x, s, local)->port);
}

static void
format_value(
    enum field f, const struct session *s, enum dir dir, char value[VALUE_MAX])
{
	char ip[ADDR_TEXT_MAX];

	switch (f) {
	case FIELD_ID:
		(void)snprintf(value, VALUE_MAX, "%06ju", (uintmax_t)s->id);
		break;
	case FIELD_TIME:
		format_time(s->open_ns, value);
		break;
	case FIELD_CLIENT:
		format_end(&s->client, value);
		break;
	case FIELD_CLIENT_IP:
		(void)snprintf(
		    value, VALUE_MAX, "%s", addr_format_ip(&s->client, ip));
		break;
	case FIELD_CLIENT_PORT:
		(void)snprintf(
		    value, VALUE_MAX, "%u", (unsigned)s->client.port);
		break;
	case FIELD_SERVER:
		format_end(&s->server, value);
		break;
	case FIELD_SERVER_IP:
		(void)snprintf(
		    value, VALUE_MAX, "%s", addr_format_ip(&s->server, ip));
		break;
	case FIELD_SERVER_PORT:
		(void)snprintf(
		    value, VALUE_MAX, "%u", (unsigned)s->server.port);
		break;
	case FIELD_DIR:
		(void)snprintf(value, VALUE_MAX, "%s", dir_name(dir));
		break;
	case FIELD_START_MS:
	case FIELD_LOCAL_IP:
	case FIELD_LOCAL_PORT:
	case FIELD_REMOTE_IP:
	case FIELD_REMOTE_PORT:
	case FIELD_END_MS:
	case FIELD_REASON:
		assert(false); /* format_end_value() */
		break;
	}
}

static int
append(struct path *p, const char *text, size_t n)
{
	if (n > p->room)
		return -ENAMETOOLONG;
	memcpy(p->next, text, n);
	p->next += n;
	p->room -= n;
	return 0;
}

/*
 * The path up to @p->next has just got its last byte of one part, which
 * starts at @part and holds a field: an unnamed UNIX peer must not make it
 * empty, nor one at ".." make it climb.
 */
static int
close_part(struct path *p, char *part)
{
	size_t n = (size_t)(p->next - part);

	if (n == 0)
		return append(p, "-", 1);
	if (n <= 2 && strspn(part, ".") >= n)
		memset(part, '-', n);
	return 0;
}

/* Expands up to the next '/' or the end. */
static int
expand_part(const struct template *t, const char **text, struct path *p,
    const struct session *s, enum dir dir)
{
	enum field f;

	char value[VALUE_MAX], *part = p->next;
	bool has_field = false;
	int rc = 0;

	for (; rc == 0 && **text != '\0' && **text != '/'; (*text)++) {
		if (!is_code(**text)) {
			rc = append(p, *text, 1);
			continue;
		}
		has_field = true;
		f = (enum field)(**text - CODE_FIRST);
		if (f >= FIELD_START_MS)
			format_end_value(f, t->extra, s, value);
		else
			format_value(f, s, dir, value);
		template_clean(value);
		rc = append(p, value, strlen(value));
	}
	*p->next = '\0';
	return rc == 0 && has_field ? close_part(p, part) : rc;
}

int
template_expand(const struct template *t, const struct session *s, enum dir dir,
    char path[TEMPLATE_PATH_MAX])
{
	char made[TEMPLATE_PATH_MAX];
	struct path p = { made, sizeof(made) - 1 };
	const char *text = t->text;
	int rc = expand_part(t, &text, &p, s, dir);

	while (rc == 0 && *text == '/') {
		text++;
		rc = append(&p, "/", 1);
		if (rc == 0)
			rc = expand_part(t, &text, &p, s, dir);
	}
	if (rc != 0)
		return rc;
	memcpy(path, made, (size_t)(p.next - made));
	path[p.next - made] = '\0';
	return 0;
}
