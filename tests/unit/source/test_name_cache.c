#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netdb.h>
#include <netinet/in.h>

#include "core/session.h"
#include "source/name_cache.h"

static struct addr
address(const char *ip, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(&a, ip), 0);
	a.port = port;
	return a;
}

/* Whatever this machine calls the port. */
static void
expect_service(const char *got, uint16_t port)
{
	const struct servent *s = getservbyport(htons(port), "tcp");

	assert_non_null(s);
	assert_non_null(got);
	assert_string_equal(got, s->s_name);
}

/* Whatever this machine calls itself. */
static void
expect_loopback(const char *got)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char name[NI_MAXHOST];
	int rc = getnameinfo((const struct sockaddr *)&sin, sizeof(sin), name,
	    sizeof(name), NULL, 0, NI_NAMEREQD);

	if (rc != 0) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_string_equal(got, name);
}

static void
both_ends(void **state)
{
	struct name_cache *c = name_cache_new();
	struct session_more more = { 0 };
	struct session s = { .more = &more };

	(void)state;
	assert_non_null(c);
	s.client = address("127.0.0.1", 22);
	s.server = address("127.0.0.1", 80);
	name_cache_fill(c, &s);
	expect_loopback(more.name[DIR_CLIENT].host);
	expect_loopback(more.name[DIR_SERVER].host);
	expect_service(more.name[DIR_CLIENT].service, 22);
	expect_service(more.name[DIR_SERVER].service, 80);
	name_cache_free(c);
}

/* The texts stay where they are, whoever else is asked for. */
static void
asked_for_once(void **state)
{
	struct name_cache *c = name_cache_new();
	struct session_name first[DIR_NDIRS];
	struct session_more more = { 0 };
	struct session s = { .more = &more };

	(void)state;
	assert_non_null(c);
	s.client = address("127.0.0.1", 22);
	s.server = address("127.0.0.1", 80);
	name_cache_fill(c, &s);
	memcpy(first, more.name, sizeof(first));
	for (uint16_t port = 1; port < 1000; port++) {
		struct session other = { .more = &more };

		other.client = address("127.0.0.1", port);
		other.server = address("::", port);
		name_cache_fill(c, &other);
		assert_ptr_equal(
		    more.name[DIR_CLIENT].host, first[DIR_CLIENT].host);
		assert_ptr_equal(more.name[DIR_CLIENT].service,
		    more.name[DIR_SERVER].service);
	}
	name_cache_fill(c, &s);
	assert_memory_equal(first, more.name, sizeof(first));
	expect_service(first[DIR_SERVER].service, 80);
	name_cache_free(c);
}

/* Ends that say nothing, as those of netrecord logs. */
static void
nobody(void **state)
{
	struct name_cache *c = name_cache_new();
	struct session_more more = { 0 };
	struct session s = { .more = &more };

	(void)state;
	assert_non_null(c);
	s.client = address("0.0.0.0", 0);
	name_cache_fill(c, &s);
	for (int d = 0; d < DIR_NDIRS; d++) {
		assert_null(more.name[d].host);
		assert_null(more.name[d].service);
	}
	name_cache_free(c);
	name_cache_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends),
		cmocka_unit_test(asked_for_once),
		cmocka_unit_test(nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
