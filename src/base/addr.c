#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/addr.h"

static void
from_in6(struct addr *a, const struct sockaddr_in6 *in6)
{
	a->port = ntohs(in6->sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		a->family = AF_INET;
		memcpy(a->ip, in6->sin6_addr.s6_addr + 12, 4);
		return;
	}
	a->family = AF_INET6;
	a->scope = in6->sin6_scope_id;
	memcpy(a->ip, in6->sin6_addr.s6_addr, 16);
}

void
addr_from_sockaddr(struct addr *a, const struct sockaddr *sa, const char *path)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	memset(a, 0, sizeof(*a));
	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		a->family = AF_INET;
		a->port = ntohs(in.sin_port);
		memcpy(a->ip, &in.sin_addr, 4);
		break;
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		from_in6(a, &in6);
		break;
	case AF_UNIX:
		a->family = AF_UNIX;
		a->path = path;
		break;
	default:
		a->family = AF_UNSPEC;
		break;
	}
}

static int
to_un(const struct addr *a, struct sockaddr_storage *ss, socklen_t *len)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(a->path);

	if (n >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	memcpy(un.sun_path, a->path, n + 1);
	memcpy(ss, &un, sizeof(un));
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return 0;
}

int
addr_to_sockaddr(
    const struct addr *a, struct sockaddr_storage *ss, socklen_t *len)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };

	switch (a->family) {
	case AF_INET:
		in.sin_port = htons(a->port);
		memcpy(&in.sin_addr, a->ip, 4);
		memcpy(ss, &in, sizeof(in));
		*len = sizeof(in);
		return 0;
	case AF_INET6:
		in6.sin6_port = htons(a->port);
		in6.sin6_scope_id = a->scope;
		memcpy(&in6.sin6_addr, a->ip, 16);
		memcpy(ss, &in6, sizeof(in6));
		*len = sizeof(in6);
		return 0;
	case AF_UNIX:
		return to_un(a, ss, len);
	default:
		return -EAFNOSUPPORT;
	}
}

static int
parse_scope(const char *text, uint32_t *scope)
{
	unsigned long number;
	char *end;

	*scope = if_nametoindex(text);
	if (*scope != 0)
		return 0;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number == 0 ||
	    number > UINT32_MAX)
		return -EINVAL;
	*scope = (uint32_t)number;
	return 0;
}

int
addr_parse_ip(struct addr *a, const char *text)
{
	struct addr out = { .family = AF_INET };
	char host[INET6_ADDRSTRLEN];
	const char *percent = strchr(text, '%');
	size_t n = percent ? (size_t)(percent - text) : strlen(text);

	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (percent == NULL && inet_pton(AF_INET, host, out.ip) == 1) {
		*a = out;
		return 0;
	}
	out.family = AF_INET6;
	if (inet_pton(AF_INET6, host, out.ip) != 1)
		return -EINVAL;
	if (percent != NULL && parse_scope(percent + 1, &out.scope) != 0)
		return -EINVAL;
	*a = out;
	return 0;
}

const char *
addr_format_ip(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	size_t n;

	switch (a->family) {
	case AF_INET:
	case AF_INET6:
		if (inet_ntop(a->family, a->ip, buf, ADDR_TEXT_MAX) == NULL)
			buf[0] = '\0';
		if (a->scope != 0) {
			n = strlen(buf);
			(void)snprintf(buf + n, ADDR_TEXT_MAX - n, "%%%u",
			    (unsigned)a->scope);
		}
		break;
	case AF_UNIX:
		(void)snprintf(buf, ADDR_TEXT_MAX, "%s", a->path);
		break;
	default:
		(void)snprintf(buf, ADDR_TEXT_MAX, "?");
		break;
	}
	return buf;
}

const char *
addr_format(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	char ip[ADDR_TEXT_MAX];

	switch (a->family) {
	case AF_INET:
		(void)snprintf(buf, ADDR_TEXT_MAX, "%.20s:%u",
		    addr_format_ip(a, ip), (unsigned)a->port);
		break;
	case AF_INET6:
		(void)snprintf(buf, ADDR_TEXT_MAX, "[%.80s]:%u",
		    addr_format_ip(a, ip), (unsigned)a->port);
		break;
	case AF_UNIX:
		(void)snprintf(buf, ADDR_TEXT_MAX, "unix:%.120s", a->path);
		break;
	default:
		(void)snprintf(buf, ADDR_TEXT_MAX, "?");
		break;
	}
	return buf;
}

bool
addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	switch (a->family) {
	case AF_INET:
		return memcmp(a->ip, zero, 4) == 0;
	case AF_INET6:
		return memcmp(a->ip, zero, 16) == 0;
	case AF_UNIX:
		return false;
	default:
		return true;
	}
}

bool
addr_same_ip(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return false;
	switch (a->family) {
	case AF_INET:
		return memcmp(a->ip, b->ip, 4) == 0;
	case AF_INET6:
		return memcmp(a->ip, b->ip, 16) == 0;
	case AF_UNIX:
		return strcmp(a->path, b->path) == 0;
	default:
		return true;
	}
}

bool
addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	switch (a->family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return a->ip[0] == 127;
	case AF_INET6:
		return memcmp(a->ip, one, sizeof(one)) == 0;
	default:
		return false;
	}
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_same_ip(a, b) && a->port == b->port && a->scope == b->scope;
}
