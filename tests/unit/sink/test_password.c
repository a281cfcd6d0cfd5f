#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sink/password.h"

/* Findings as text: "FTP:user:word;". */
struct told {
	char text[512];
};

static void
on_finding(void *self, const struct password_finding *f)
{
	struct told *t = self;
	size_t n = strlen(t->text);

	(void)snprintf(t->text + n, sizeof(t->text) - n, "%s:%.*s:%.*s;",
	    password_protocol_name(f->protocol), (int)f->user_len,
	    (const char *)f->user, (int)f->word_len, (const char *)f->word);
}

/* Feed bytes in pieces of @step, each in memory of just its size. */
static void
feed(struct password *pw, enum dir dir, const char *text, size_t step,
    struct told *told)
{
	struct password_ear ear = { .tell = on_finding, .self = told };
	size_t n = strlen(text);

	for (size_t at = 0; at < n; at += step) {
		size_t len = n - at < step ? n - at : step;
		uint8_t *copy = malloc(len);

		assert_non_null(copy);
		memcpy(copy, text + at, len);
		password_data(pw, dir, copy, len, &ear);
		free(copy);
	}
}

static const struct {
	const char *server;
	const char *client;
	const char *want;
} rows[] = {
	{ "220 FTP\r\n", "USER a b\r\nPASS c d\r\n", "FTP:a b:c d;" },
	{ "220 FTP\r\n", "AUTH TLS\r\nuser a\npass \n", "FTP:a:;" },
	{ "+OK hi\r\n", "USER a\r\nPASS b\r\n", "POP3:a:b;" },
	{ "+OK hi\r\n", "AUTH PLAIN AGEAYg==\r\n", "POP3:a:b;" },
	{ "hi\r\n", "USER a\r\nPASS b\r\n", "UNKNOWN:a:b;" },
	{ "", "USER a\r\nPASS b\r\n", "UNKNOWN:a:b;" },
	/* a password without a user, a user twice, a word that only begins so
	 */
	{ "220 \r\n", "PASS b\r\n", "" },
	{ "220 \r\n", "USER a\r\nUSER b\r\nPASS c\r\nPASS d\r\n", "FTP:b:c;" },
	{ "220 \r\n", "USERS a\r\nPASSIVE b\r\n", "" },
	/* RFC 4616: an authorization identity comes first */
	{ "220 \r\n", "EHLO x\r\nAUTH PLAIN\r\nengAYQBi\r\n", "SMTP:a:b;" },
	{ "220 \r\n", "AUTH LOGIN\r\nYQ==\r\nYg==\r\n", "SMTP:a:b;" },
	{ "220 \r\n", "auth login YQ==\r\nYg==\r\n", "SMTP:a:b;" },
	{ "220 \r\n", "AUTH LOGIN\r\n*\r\nYQ==\r\nYg==\r\n", "" },
	{ "220 \r\n", "AUTH PLAIN\r\n!!\r\nAGEAYg==\r\n", "" },
	{ "220 \r\n", "AUTH CRAM-MD5\r\nYQ==\r\n", "" },
	{ "* OK\r\n", "1 LOGIN a b\r\n", "IMAP:a:b;" },
	{ "* OK\r\n", "1 LOGIN \"a \\\"\\\\\" {3+}\r\nb\r\n\r\n",
	    "IMAP:a \"\\:b\r\n;" },
	{ "* OK\r\n", "1 LOGIN {1}\r\na {1}\r\nb\r\n2 LOGIN c d\r\n",
	    "IMAP:a:b;IMAP:c:d;" },
	{ "* OK\r\n", "1 LOGIN {99999}\r\na b\r\n", "" },
	{ "* OK\r\n", "1 LOGIN \"open\r\n1 LOGIN\r\n", "" },
	{ "* OK\r\n", "1 AUTHENTICATE LOGIN\r\nYQ==\r\nYg==\r\n", "IMAP:a:b;" },
	{ "", "Authorization: Basic YTpiOmM=\r\n", "HTTP:a:b:c;" },
	{ "", "Authorization: Bearer YTpi\r\nX-Authorization: Basic YTpi\r\n",
	    "" },
	{ "",
	    "Authorization: Basic YTpi\r\nAuthorization: Basic YTpi\r\n"
	    "Authorization: Basic YTpj\r\n",
	    "HTTP:a:b;HTTP:a:c;" },
	{ "", "Authorization: Basic !!\r\nAuthorization: Basic YWI=\r\n", "" },
};

static void
every_cut_finds_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++) {
		for (size_t step = 1; step < 64; step++) {
			struct password pw = { 0 };
			struct told told = { "" };

			feed(&pw, DIR_SERVER, rows[i].server, step, &told);
			feed(&pw, DIR_CLIENT, rows[i].client, step, &told);
			assert_string_equal(told.text, rows[i].want);
			password_done(&pw);
		}
	}
}

static void
long_lines_are_passed_over(void **state)
{
	char longest[2 * PASSWORD_LINE_MAX];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t step = 1; step < 3000; step += 499) {
		struct password pw = { 0 };
		struct told told = { "" };

		feed(&pw, DIR_CLIENT, "USER a\r\nPASS ", step, &told);
		feed(&pw, DIR_CLIENT, longest, step, &told);
		assert_true(pw.line.len <= PASSWORD_LINE_MAX);
		feed(&pw, DIR_CLIENT, "\r\nPASS b\r\n", step, &told);
		assert_string_equal(told.text, "UNKNOWN:a:b;");
		password_done(&pw);
	}
}

static void
nothing_is_joined_over_a_gap(void **state)
{
	struct password pw = { 0 };
	struct told told = { "" };

	(void)state;
	feed(&pw, DIR_CLIENT, "USER a\r\nPA", 100, &told);
	password_gap(&pw, DIR_CLIENT);
	feed(&pw, DIR_CLIENT, "SS b\r\nPASS c\r\n", 100, &told);
	/* An answer that was expected before the gap is none after it. */
	feed(&pw, DIR_CLIENT, "AUTH LOGIN\r\n", 100, &told);
	password_gap(&pw, DIR_CLIENT);
	feed(&pw, DIR_CLIENT, "\nYQ==\r\nYg==\r\n", 100, &told);
	assert_string_equal(told.text, "");
	/* The middle of the server's stream is no greeting. */
	password_gap(&pw, DIR_SERVER);
	feed(&pw, DIR_SERVER, "220 \r\n", 100, &told);
	feed(&pw, DIR_CLIENT, "USER a\r\nPASS b\r\n", 100, &told);
	assert_string_equal(told.text, "SMTP:a:b;");
	password_done(&pw);
}

static void
memory_is_held_only_while_something_waits(void **state)
{
	struct password pw = { 0 };
	struct told told = { "" };

	(void)state;
	feed(&pw, DIR_CLIENT, "USER a\r\n", 3, &told);
	assert_null(pw.line.data);
	assert_non_null(pw.user.data);
	feed(&pw, DIR_CLIENT, "PASS b\r\nNOOP\r\n", 3, &told);
	assert_null(pw.line.data);
	assert_null(pw.user.data);
	password_done(&pw);
}

/* Whatever comes, no byte is read that is not there (sanitizers watch). */
static void
noise_is_survived(void **state)
{
	static const char *const words[] = { "USER ", "PASS ", "AUTH ",
		"PLAIN ", "LOGIN ", "1 LOGIN ", "{3}\r\n", "{", "}", "\"", "\\",
		"\r\n", "\n", "a", "YQ==", "Authorization: Basic ",
		"AUTHENTICATE ", " ", "=" };

	(void)state;
	srandom(1);
	for (unsigned round = 0; round < 3000; round++) {
		struct password pw = { 0 };
		struct told told = { "" };

		for (unsigned i = 0; i < 40; i++) {
			size_t w = (size_t)random() % ATTR_COUNT(words);

			feed(&pw, DIR_CLIENT, words[w],
			    1 + (size_t)random() % 20, &told);
			told.text[0] = '\0';
			assert_true(pw.line.len <= PASSWORD_LINE_MAX);
		}
		password_done(&pw);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_finds_the_same),
		cmocka_unit_test(long_lines_are_passed_over),
		cmocka_unit_test(nothing_is_joined_over_a_gap),
		cmocka_unit_test(memory_is_held_only_while_something_waits),
		cmocka_unit_test(noise_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
