#include <string.h>
#include <strings.h>

#include "http/http_host.h"

/* Longer ones are nobody's (RFC 1035: 253 characters). */
#define NAME_MAX_LEN 256

/* The host of "HOST:PORT", without brackets; false: it is none. */
static bool
split(const char *text, char host[NAME_MAX_LEN])
{
	const char *end;
	size_t n;

	if (text[0] == '[') {
		text++;
		end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		n = (size_t)(end - text);
		end++;
	} else {
		n = strcspn(text, ":");
		end = text + n;
	}
	if (n == 0 || n >= NAME_MAX_LEN)
		return false;
	if (*end == ':' && end[1 + strspn(end + 1, "0123456789")] != '\0')
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	return true;
}

static bool
is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == AF_INET ? a->ip[0] == 127
				    : memcmp(a->ip, one, sizeof(one)) == 0;
}

bool
http_host_fits(const struct http_host_us *us, const char *host)
{
	char name[NAME_MAX_LEN];
	struct addr a;

	if (us->local->family == AF_UNIX)
		return true;
	if (host == NULL || !split(host, name))
		return false;
	if (strcasecmp(name, "localhost") == 0 ||
	    (us->name != NULL && strcasecmp(name, us->name) == 0))
		return true;
	if (addr_parse_ip(&a, name) != 0)
		return false;
	return us->any || is_loopback(&a) || addr_same_ip(&a, us->local);
}

bool
http_host_is_origin(const char *origin, const char *host)
{
	static const char scheme[] = "http://";
	size_t n = sizeof(scheme) - 1;

	if (origin == NULL)
		return true;
	return host != NULL && strncasecmp(origin, scheme, n) == 0 &&
	       strcasecmp(origin + n, host) == 0;
}
