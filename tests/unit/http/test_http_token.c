#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "http/http_token.h"

static void
test_random_ones(void **state)
{
	struct http_token a = { "" }, b = { "" };

	(void)state;
	assert_int_equal(http_token_make(&a, NULL), 0);
	assert_int_equal(http_token_make(&b, NULL), 0);
	assert_int_equal(strlen(a.text), HTTP_TOKEN_RANDOM);
	assert_int_equal(
	    strspn(a.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
			   "xyz0123456789-_"),
	    HTTP_TOKEN_RANDOM);
	assert_string_not_equal(a.text, b.text);
}

static void
test_what_fits(void **state)
{
	static const struct {
		const char *header;
		bool fits;
	} rows[] = {
		{ "Bearer open-sesame-open", true },
		{ "bearer open-sesame-open", true },
		{ "BEARER  open-sesame-open", true },
		{ NULL, false },
		{ "", false },
		{ "Bearer", false },
		{ "Bearer ", false },
		{ "open-sesame-open", false },
		{ "Beareropen-sesame-open", false },
		{ "Basic open-sesame-open", false },
		{ "Bearer open-sesame-ope", false },
		{ "Bearer open-sesame-openX", false },
		{ "Bearer open-sesame-open ", false },
		{ "Bearer Open-sesame-open", false },
		{ "Bearer pen-sesame-open", false },
		{ "Bearer open-sesame-openopen-sesame-open", false },
		{ "Bearer o", false },
	};
	const struct http_token t = { "open-sesame-open" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (http_token_fits(&t, rows[i].header) != rows[i].fits)
			fail_msg("\"%s\" %s", rows[i].header,
			    rows[i].fits ? "does not fit" : "fits");
}

static void
test_none_is_asked_for(void **state)
{
	const struct http_token none = { "" };

	(void)state;
	assert_true(http_token_fits(&none, NULL));
	assert_true(http_token_fits(&none, "Bearer x"));
}

/* Writes @len bytes to a new file; its name is kept in @path. */
static void
write_file(char path[32], const char *content, size_t len, mode_t mode)
{
	int fd;

	(void)snprintf(path, 32, "/tmp/token-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
test_files(void **state)
{
	static char long_one[HTTP_TOKEN_MAX + 2];
	const struct {
		const char *content;
		const char *token;
	} rows[] = {
		{ "0123456789abcdef", "0123456789abcdef" },
		{ "0123456789abcdef\n", "0123456789abcdef" },
		{ " \t0123456789abcdef \r\nmore\n", "0123456789abcdef" },
		{ "ABCxyz-._~+/=0123", "ABCxyz-._~+/=0123" },
		{ long_one + 1, long_one + 1 },
		{ "", NULL },
		{ "\n0123456789abcdef", NULL },
		{ "0123456789abcde", NULL },
		{ "0123456789abcdef\"", NULL },
		{ "0123456789abcdef\x80", NULL },
		{ long_one, NULL },
	};
	char path[32];

	(void)state;
	memset(long_one, 'x', HTTP_TOKEN_MAX + 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_token t = { "untouched" };
		struct err err = { "" };
		bool open_to_all = false;
		int rc;

		write_file(path, rows[i].content, strlen(rows[i].content),
		    S_IRUSR | S_IWUSR);
		rc = http_token_read(&t, path, &open_to_all, &err);
		assert_int_equal(rc, rows[i].token != NULL ? 0 : -EINVAL);
		assert_string_equal(t.text,
		    rows[i].token != NULL ? rows[i].token : "untouched");
		assert_false(open_to_all);
		if (rc != 0)
			assert_non_null(strstr(err.text, path));
		assert_int_equal(unlink(path), 0);
	}
}

static void
test_files_that_others_read(void **state)
{
	struct http_token t = { "" };
	bool open_to_all = false;
	char path[32];

	(void)state;
	write_file(path, "0123456789abcdef", 16, S_IRUSR | S_IRGRP);
	assert_int_equal(http_token_read(&t, path, &open_to_all, NULL), 0);
	assert_true(open_to_all);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(
	    http_token_read(&t, path, &open_to_all, NULL), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_ones),
		cmocka_unit_test(test_what_fits),
		cmocka_unit_test(test_none_is_asked_for),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_files_that_others_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
