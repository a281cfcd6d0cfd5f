#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/endpoint.h"
#include "base/err.h"

/* RFC 1035 section 2.3.4: 255 octets, of which two are not text. */
#define HOST_MAX 253

/* Cuts @word off the front of @text, if it is there. */
static bool
skip(const char **text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*text, word, n) != 0)
		return false;
	*text += n;
	return true;
}

int
endpoint_parse_port(const char *text, uint16_t *port)
{
	const struct addrinfo hints = { .ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE };
	struct addrinfo *found;
	struct sockaddr_in in;
	size_t digits = strspn(text, "0123456789");

	if (digits > 0 && text[digits] == '\0') {
		unsigned long n = digits <= 5 ? strtoul(text, NULL, 10) : 65536;

		if (n > 65535)
			return -EINVAL;
		*port = (uint16_t)n;
		return 0;
	}
	/* getaddrinfo() would take " 80" and "+80" for numbers. */
	if (strpbrk(text, " \t+") != NULL || text[0] == '\0' || digits > 0)
		return -EINVAL;
	if (getaddrinfo(NULL, text, &hints, &found) != 0)
		return -EINVAL;
	memcpy(&in, found->ai_addr, sizeof(in));
	freeaddrinfo(found);
	*port = ntohs(in.sin_port);
	return 0;
}

static int
parse_unix(struct endpoint *e, const char *path, struct err *err)
{
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	size_t n = strlen(path);

	if (n == 0)
		return err_set(err, -EINVAL, "the path is missing: unix:PATH");
	if (n > max)
		return err_set(err, -EINVAL,
		    "the path has %zu bytes; a socket's has at most %zu", n,
		    max);
	e->family = ENDPOINT_UNIX;
	e->host = strdup(path);
	return e->host != NULL ? 0 : -ENOMEM;
}

static int
parse_fd(struct endpoint *e, const char *which, struct err *err)
{
	if (which[0] == '\0')
		return err_set(err, -EINVAL,
		    "the number or name of the descriptor is missing: fd:0 is "
		    "the first");
	e->family = ENDPOINT_FD;
	e->host = strdup(which);
	return e->host != NULL ? 0 : -ENOMEM;
}

static int
parse_port(struct endpoint *e, const char *text, struct err *err)
{
	if (endpoint_parse_port(text, &e->port) != 0)
		return err_set(err, -EINVAL,
		    "\"%.64s\" is neither a port number (%d to 65535) nor a "
		    "known service",
		    text, e->how == ENDPOINT_DIAL);
	if (e->how == ENDPOINT_DIAL && e->port == 0)
		return err_set(
		    err, -EINVAL, "port 0 cannot be connected to: 1 to 65535");
	return 0;
}

static int
take_host(struct endpoint *e, const char *host, size_t len)
{
	e->host = strndup(host, len);
	return e->host != NULL ? 0 : -ENOMEM;
}

/* "[::1]:80"; @text stands behind the opening bracket. */
static int
parse_bracketed(struct endpoint *e, const char *text, struct err *err)
{
	const char *close = strchr(text, ']');
	struct addr a;
	int rc;

	if (close == NULL || close[1] != ':')
		return err_set(err, -EINVAL,
		    "an IPv6 address is written [ADDR]:PORT, as in [::1]:80");
	rc = take_host(e, text, (size_t)(close - text));
	if (rc != 0)
		return rc;
	if (addr_parse_ip(&a, e->host) != 0 || a.family != AF_INET6)
		return err_set(
		    err, -EINVAL, "\"%.64s\" is no IPv6 address", e->host);
	return parse_port(e, close + 2, err);
}

static int
check_host(const struct endpoint *e, const char *text, size_t len,
    const char *port, struct err *err)
{
	bool listens = e->how == ENDPOINT_LISTEN;

	if (len == 0)
		return err_set(err, -EINVAL,
		    listens ? "the address is missing: %s alone listens on "
			      "loopback, *:%s on every address"
			    : "the host is missing: localhost:%s is this "
			      "machine",
		    port, port);
	if (len > HOST_MAX)
		return err_set(err, -EINVAL,
		    "the host name has %zu bytes; %d are allowed", len,
		    HOST_MAX);
	if (!listens && len == 1 && text[0] == '*')
		return err_set(err, -EINVAL,
		    "* cannot be connected to: a host name or an address is "
		    "needed");
	return 0;
}

static int
parse_tcp(struct endpoint *e, const char *text, struct err *err)
{
	const char *colon = strchr(text, ':');
	int rc;

	if (strchr(text, '/') != NULL)
		return err_set(err, -EINVAL,
		    "there is no / in HOST:PORT (a socket's path is written "
		    "unix:PATH)");
	if (colon == NULL && e->how == ENDPOINT_LISTEN)
		return parse_port(e, text, err);
	if (colon == NULL)
		return err_set(
		    err, -EINVAL, "HOST:PORT is needed, as in localhost:80");
	if (strchr(colon + 1, ':') != NULL)
		return err_set(err, -EINVAL,
		    "an IPv6 address stands in brackets, as in [::1]:80");
	rc = check_host(e, text, (size_t)(colon - text), colon + 1, err);
	if (rc != 0)
		return rc;
	rc = take_host(e, text, (size_t)(colon - text));
	return rc != 0 ? rc : parse_port(e, colon + 1, err);
}

int
endpoint_parse(struct endpoint *e, enum endpoint_how natural, const char *text,
    struct err *err)
{
	struct endpoint out = { .how = natural };
	const char *rest = text;
	int rc;

	if (skip(&rest, "dial:"))
		out.how = ENDPOINT_DIAL;
	else if (skip(&rest, "listen:"))
		out.how = ENDPOINT_LISTEN;
	if (skip(&rest, "unix:"))
		rc = parse_unix(&out, rest, err);
	else if (out.how == ENDPOINT_LISTEN && skip(&rest, "fd:"))
		rc = parse_fd(&out, rest, err);
	else if (skip(&rest, "["))
		rc = parse_bracketed(&out, rest, err);
	else
		rc = parse_tcp(&out, rest, err);
	if (rc != 0) {
		endpoint_done(&out);
		if (rc == -ENOMEM)
			return err_set(err, rc, "out of memory");
		err_prefix(err, "\"%.128s\": ", text);
		return rc;
	}
	*e = out;
	return 0;
}

int
endpoint_copy(struct endpoint *to, const struct endpoint *from)
{
	struct endpoint out = *from;

	if (from->host != NULL) {
		out.host = strdup(from->host);
		if (out.host == NULL)
			return -ENOMEM;
	}
	*to = out;
	return 0;
}

void
endpoint_done(struct endpoint *e)
{
	free(e->host);
	e->host = NULL;
}

const char *
endpoint_format(const struct endpoint *e, char buf[ADDR_TEXT_MAX])
{
	const unsigned port = e->port;

	/* Longer names are cut; this is for people. */
	if (e->host == NULL)
		(void)snprintf(buf, ADDR_TEXT_MAX, "%u", port);
	else if (e->family == ENDPOINT_UNIX)
		(void)snprintf(buf, ADDR_TEXT_MAX, "unix:%s", e->host);
	else if (e->family == ENDPOINT_FD)
		(void)snprintf(buf, ADDR_TEXT_MAX, "fd:%.110s", e->host);
	else if (strchr(e->host, ':') != NULL)
		(void)snprintf(
		    buf, ADDR_TEXT_MAX, "[%.100s]:%u", e->host, port);
	else
		(void)snprintf(buf, ADDR_TEXT_MAX, "%.110s:%u", e->host, port);
	return buf;
}
