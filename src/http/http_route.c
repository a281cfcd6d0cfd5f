#include <string.h>

#include "base/attr.h"
#include "base/obuf.h"
#include "http/http_route.h"

/* The order is that of Allow. */
static const struct {
	const char *name;
	unsigned bit;
} methods[] = {
	{ "GET", HTTP_GET },
	{ "HEAD", HTTP_GET },
	{ "POST", HTTP_POST },
	{ "PUT", HTTP_PUT },
	{ "DELETE", HTTP_DELETE },
};

unsigned
http_route_method(const char *name)
{
	for (size_t i = 0; i < ATTR_COUNT(methods); i++)
		if (strcmp(methods[i].name, name) == 0)
			return methods[i].bit;
	return 0;
}

/* Is @path what @pattern says?  @arg is set if it has "{}". */
static bool
fits(const char *pattern, const char *path, char arg[HTTP_ROUTE_ARG_MAX + 1])
{
	const char *hole = strstr(pattern, "{}");
	size_t head, n;

	if (hole == NULL)
		return strcmp(pattern, path) == 0;
	head = (size_t)(hole - pattern);
	if (strncmp(pattern, path, head) != 0)
		return false;
	path += head;
	n = strcspn(path, "/");
	if (n == 0 || n > HTTP_ROUTE_ARG_MAX || strcmp(hole + 2, path + n) != 0)
		return false;
	memcpy(arg, path, n);
	arg[n] = '\0';
	return true;
}

void
http_route_find(const struct http_route *routes, size_t n, unsigned method,
    const char *path, struct http_route_match *m)
{
	*m = (struct http_route_match){ .route = NULL };
	for (size_t i = 0; i < n; i++) {
		if (!fits(routes[i].pattern, path, m->arg))
			continue;
		m->allow |= (unsigned)routes[i].method;
		if (((unsigned)routes[i].method & method) != 0)
			m->route = &routes[i];
	}
}

bool
http_route_knows(const struct http_route *r, const char *param)
{
	for (size_t i = 0; r->params[i] != NULL; i++)
		if (strcmp(r->params[i], param) == 0)
			return true;
	return false;
}

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at =
	    c == '\0' ? NULL
		      : strchr(digits, c >= 'A' && c <= 'F' ? c | 32 : c);

	return at == NULL ? -1 : (int)(at - digits);
}

size_t
http_route_unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p != '\0'; p++) {
		int high = *p == '%' ? digit(p[1]) : -1;
		int low = high >= 0 ? digit(p[2]) : -1;

		if (low >= 0 && high * 16 + low != 0) {
			*to++ = (char)(high * 16 + low);
			p += 2;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return (size_t)(to - text);
}

void
http_route_allow_put(struct obuf *o, unsigned allow)
{
	const char *comma = "";

	for (size_t i = 0; i < ATTR_COUNT(methods); i++) {
		if ((methods[i].bit & allow) == 0)
			continue;
		obuf_puts(o, comma);
		obuf_puts(o, methods[i].name);
		comma = ", ";
	}
}
