#include <netdb.h>
#include <string.h>

/*
 * A name that an input holds is asked of nobody: without AI_NUMERICHOST it
 * would go to a name server, a few hundred milliseconds away.  It is one that
 * does not resolve then.
 */

/* The names that ld(1) gives to both ends of a wrapped function. */
int __wrap_getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **list);
int __real_getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **list);

int
__wrap_getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **list)
{
	struct addrinfo own = *hints;

	if (node != NULL && strcmp(node, "localhost") != 0)
		own.ai_flags |= AI_NUMERICHOST;
	return __real_getaddrinfo(node, service, &own, list);
}
