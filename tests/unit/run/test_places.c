#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "core/sink_spec.h"
#include "run/places.h"

static char folder[] = "/tmp/teeline-places-XXXXXX";
static char seen[512];

/* Each place in brackets; the folder of the test is $. */
static int
visit(void *self, const char *path)
{
	size_t len = strlen(folder);
	size_t at = strlen(seen);
	bool ours = strncmp(path, folder, len) == 0;

	(void)self;
	(void)snprintf(seen + at, sizeof(seen) - at, "[%s%s]", ours ? "$" : "",
	    ours ? path + len : path);
	return 0;
}

static const char *
places_of(const char *kind, const char *arg, const char *closed)
{
	struct sink_spec spec;

	seen[0] = '\0';
	assert_int_equal(sink_spec_init(&spec, kind, arg), 0);
	if (closed != NULL)
		assert_int_equal(sink_spec_set(&spec, "closed", closed), 0);
	assert_int_equal(places_of_output(&spec, visit, NULL), 0);
	sink_spec_done(&spec);
	return seen;
}

static void
test_names(void **state)
{
	static const struct {
		const char *kind;
		const char *arg;
		const char *places;
	} rows[] = {
		{ "text", "x", "[.]" },
		{ "text", "a/b/x", "[a/b]" },
		{ "text", "/x", "[/]" },
		{ "text", "-", "" },
		{ "pcapng-listen", "unix:a/b/sock", "[a/b]" },
		{ "pcapng-listen", "unix:sock", "[.]" },
		{ "pcapng-listen", "127.0.0.1:0", "" },
		{ "tee", "unix:a/b/sock", "" },
		{ "text", "{id}", "[.]" },
		{ "text", "a/{id}", "[a]" },
		{ "text", "a/b-{id}/c/{time}", "[a]" },
		{ "text", "/{id}/x", "[/]" },
		{ "jsonl", "a{{/b}}/x{id}", "[a{/b}]" },
		{ "jsonl", "a{{/b}}/x", "[a{/b}]" },
		{ "pcapng", "a/x.pcapng", "[a]" },
		{ "flows", "a/b", "[a/b]" },
		{ "flows", "-", "[-]" },
		{ "flows", "a{id}/b", "[a{id}/b]" },
		{ "gotcpspy", ".", "[.]" },
		{ "netrecord", "a/log", "[a]" },
		{ "netrecord", "log", "[.]" },
		{ "tee", "a/b:80", "" },
		{ "null", "", "" },
		{ "syslog", "text", "" },
		{ "nobody", "a/b", "" },
		{ "text", "/dev/null", "[/dev/null]" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++)
		assert_string_equal(
		    places_of(rows[i].kind, rows[i].arg, NULL), rows[i].places);
	assert_string_equal(
	    places_of("pcapng", "a/{id}.part", "b/{id}-{reason}"), "[a][b]");
}

static int
stop(void *self, const char *path)
{
	(void)self;
	(void)path;
	return -EACCES;
}

static void
test_visit_that_ends(void **state)
{
	struct sink_spec spec;

	(void)state;
	assert_int_equal(sink_spec_init(&spec, "text", "a/x"), 0);
	assert_int_equal(places_of_output(&spec, stop, NULL), -EACCES);
	sink_spec_done(&spec);
}

/* The file is written where the link leads to. */
static void
test_links(void **state)
{
	char path[64], target[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(target, sizeof(target), "%s/there", folder);
	assert_int_equal(mkdir(target, 0700), 0);
	(void)snprintf(target, sizeof(target), "%s/there/x", folder);
	assert_int_equal(mknod(target, S_IFREG | 0600, 0), 0);
	(void)snprintf(path, sizeof(path), "%s/link", folder);
	assert_int_equal(symlink(target, path), 0);
	assert_string_equal(places_of("text", path, NULL), "[$/there][$]");
	assert_int_equal(unlink(target), 0);
	assert_string_equal(places_of("text", path, NULL), "[$]");
	assert_int_equal(mknod(target, S_IFIFO | 0600, 0), 0);
	assert_string_equal(places_of("text", path, NULL), "[$/link]");
	assert_int_equal(unlink(target), 0);
	assert_int_equal(unlink(path), 0);
	*strrchr(target, '/') = '\0';
	assert_int_equal(rmdir(target), 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_visit_that_ends),
		cmocka_unit_test(test_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
