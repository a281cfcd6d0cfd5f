#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "personality/tcpreen_args.h"

#define MAX_WORDS 24

/*
 * A command line as text, words separated by blanks.  Root has to say which
 * user to become; the tests run as anybody.
 */
struct line {
	char text[256];
	char *argv[MAX_WORDS + 1];
	int argc;
	struct tcpreen_args a;
	struct err err;
};

static enum tcpreen_args_result
read_line(struct line *l, const char *text)
{
	char *save = NULL;

	memset(l, 0, sizeof(*l));
	(void)snprintf(l->text, sizeof(l->text), "tcpreen %s %s",
	    getuid() == 0 ? "-u root" : "", text);
	for (char *word = strtok_r(l->text, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		assert_true(l->argc < MAX_WORDS);
		l->argv[l->argc++] = word;
	}
	optind = 0; /* glibc: begin anew, also within a word */
	return tcpreen_args_read(&l->a, l->argc, l->argv, &l->err);
}

static void
outputs_follow_the_last_format_before_them(void **state)
{
	/* "KIND PATH" of each log. */
	static const struct {
		const char *line;
		const char *logs[4];
	} cases[] = {
		{ "21", { "tcpreen-null -" } },
		{ "-v 21", { "tcpreen-c -" } },
		{ "-f hex 21", { "tcpreen-hex -" } },
		{ "-o a 21", { "tcpreen-c a", "tcpreen-c -" } },
		{ "-f hex -o a -f C -o b 21",
		    { "tcpreen-hex a", "tcpreen-c b", "tcpreen-c -" } },
		{ "-o a -f count -o b 21",
		    { "tcpreen-c a", "tcpreen-count b", "tcpreen-count -" } },
		{ "-f count -o - -f C 21",
		    { "tcpreen-count -", "tcpreen-c -" } },
		{ "-q -f raw -o a 21 99", { "tcpreen-raw a" } },
		{ "-q -v 21 99", { "tcpreen-null -" } },
		{ "-q -v -v -f null 21 99", { "tcpreen-null -" } },
		{ "-d -f strip -o a 21", { "tcpreen-strip a" } },
		{ "-f pass -o x{id} -f stripped 21",
		    { "tcpreen-password x{{id}}", "tcpreen-strip -" } },
		{ "-f hexa -o &2 21", { "tcpreen-hex ./&2", "tcpreen-hex -" } },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		struct line l;
		size_t n = 0;

		assert_int_equal(
		    read_line(&l, cases[i].line), TCPREEN_ARGS_RUN);
		for (; n < 4 && cases[i].logs[n] != NULL; n++) {
			char text[128];

			assert_true(n < l.a.nlogs);
			(void)snprintf(text, sizeof(text), "%s %s",
			    l.a.logs[n].format->kind, l.a.logs[n].path);
			assert_string_equal(text, cases[i].logs[n]);
		}
		assert_int_equal(l.a.nlogs, n);
		tcpreen_args_done(&l.a);
	}
}

static void
limits_have_the_defaults_of_the_original(void **state)
{
	static const struct {
		const char *line;
		uint64_t bytes, sessions, concurrent;
	} cases[] = {
		{ "21", 0, 0, 1 },
		{ "-d 21", 0, 0, 0 },
		{ "-d -F 3 21", 0, 0, 3 },
		{ "-F 4 -m 7 -b 1024 21", 1024, 7, 4 },
		{ "--fork=4 --max=7 --bytes 0x10 21", 16, 7, 4 },
		{ "--maxconn -1 --fork -1 21", 0, 0, 0 },
		{ "-c 21 22", 0, 1, 1 },
		{ "-c -m 5 21 22", 0, 5, 1 },
		{ "-c -m -1 21 22", 0, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		struct line l;

		assert_int_equal(
		    read_line(&l, cases[i].line), TCPREEN_ARGS_RUN);
		assert_int_equal(l.a.max_bytes, cases[i].bytes);
		assert_int_equal(l.a.max_sessions, cases[i].sessions);
		assert_int_equal(l.a.max_concurrent, cases[i].concurrent);
		tcpreen_args_done(&l.a);
	}
}

static void
protocols_are_server_then_client(void **state)
{
	static const struct {
		const char *line;
		enum endpoint_family server, client;
	} cases[] = {
		{ "21 22", ENDPOINT_TCP4, ENDPOINT_TCP4 },
		{ "-p tcp6 21 22", ENDPOINT_TCP6, ENDPOINT_TCP6 },
		{ "-p tcp/tcp6 21 22", ENDPOINT_TCP4, ENDPOINT_TCP6 },
		{ "-p tcpip6/tcpip4 21 22", ENDPOINT_TCP6, ENDPOINT_TCP4 },
		{ "-p unix/tcp /s", ENDPOINT_UNIX, ENDPOINT_TCP4 },
		{ "--protocol local a b", ENDPOINT_UNIX, ENDPOINT_UNIX },
		{ "-p tcp/file 21 b", ENDPOINT_TCP4, ENDPOINT_UNIX },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		struct line l;

		assert_int_equal(
		    read_line(&l, cases[i].line), TCPREEN_ARGS_RUN);
		assert_int_equal(l.a.family[DIR_SERVER], cases[i].server);
		assert_int_equal(l.a.family[DIR_CLIENT], cases[i].client);
		tcpreen_args_done(&l.a);
	}
}

static void
every_spelling_of_an_address_is_known(void **state)
{
	static const char *const names[] = { "-a ", "--bind ",
		"--accept=", "--interface ", "--acc " };

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(names); i++) {
		struct line l;
		char text[64];

		(void)snprintf(
		    text, sizeof(text), "21 %s::1 -s h 22", names[i]);
		assert_int_equal(read_line(&l, text), TCPREEN_ARGS_RUN);
		assert_string_equal(l.a.address, "::1");
		assert_string_equal(l.a.server, "h");
		assert_string_equal(l.a.server_port, "21");
		assert_string_equal(l.a.local_port, "22");
		assert_false(l.a.numeric || l.a.connect || l.a.listen);
		tcpreen_args_done(&l.a);
	}
}

static void
flags_may_be_joined(void **state)
{
	struct line l;

	(void)state;
	assert_int_equal(read_line(&l, "-cln 21 22"), TCPREEN_ARGS_RUN);
	assert_true(l.a.connect && l.a.listen && l.a.numeric);
	assert_false(l.a.daemon);
	tcpreen_args_done(&l.a);
	assert_int_equal(read_line(&l, "-l"), TCPREEN_ARGS_RUN);
	assert_string_equal(l.a.server_port, "0");
	assert_string_equal(l.a.local_port, "0");
	tcpreen_args_done(&l.a);
}

static void
help_and_version_end_the_reading(void **state)
{
	struct line l;

	(void)state;
	assert_int_equal(read_line(&l, "-h -f bogus"), TCPREEN_ARGS_HELP);
	tcpreen_args_done(&l.a);
	assert_int_equal(read_line(&l, "--version -Z"), TCPREEN_ARGS_VERSION);
	tcpreen_args_done(&l.a);
	/* What comes before them counts. */
	assert_int_equal(read_line(&l, "-f bogus -h"), TCPREEN_ARGS_WRONG);
	tcpreen_args_done(&l.a);
}

static void
mistakes_are_told_in_the_words_of_the_original(void **state)
{
	static const struct {
		const char *line;
		const char *text;
	} cases[] = {
		{ "-f bogus 21", "bogus: Unrecognized log format" },
		{ "-f c 21", "c: Unrecognized log format" },
		{ "", "tcpreen: no server port specified" },
		{ "-m x 21", "x: invalid number (or capacity exceeded)" },
		{ "-m 1x 21", "1x: invalid number (or capacity exceeded)" },
		{ "-b -1 21", "-1: invalid number (or capacity exceeded)" },
		{ "-b 99999999999999999999 21",
		    "99999999999999999999: invalid number (or capacity "
		    "exceeded)" },
		{ "-F 0 21", "0: invalid number (or capacity exceeded)" },
		{ "21 22 23", "23: unexpected extra parameter" },
		{ "-p bogus 21", "bogus: unknown or unsupported protocol(s)" },
		{ "-p TCP 21", "TCP: unknown or unsupported protocol(s)" },
		{ "-p tcp/ 21", "tcp/: unknown or unsupported protocol(s)" },
		{ "-p tcp/tcp/tcp 21",
		    "tcp/tcp/tcp: unknown or unsupported protocol(s)" },
		{ "-c 21", "tcpreen: no client port specified with -c option" },
		{ "-q 21",
		    "tcpreen: dynamically allocated port but nowhere to tell "
		    "you which one" },
		{ "-q -l 0 22",
		    "tcpreen: dynamically allocated port but nowhere to tell "
		    "you which one" },
		{ "-p tcp/unix 21",
		    "tcpreen: a UNIX socket needs a path instead of a port" },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		struct line l;

		assert_int_equal(
		    read_line(&l, cases[i].line), TCPREEN_ARGS_WRONG);
		assert_string_equal(l.err.text, cases[i].text);
		tcpreen_args_done(&l.a);
	}
}

/* Whoever runs the test, one of the two halves applies. */
static void
only_root_selects_a_user_and_must(void **state)
{
	char name[] = "tcpreen", option[] = "-u", user[] = "no-such-user";
	char port[] = "21";
	char *plain[] = { name, port, NULL };
	char *chosen[] = { name, option, user, port, NULL };
	bool root = getuid() == 0;
	struct tcpreen_args a;
	struct err err = { "" };

	(void)state;
	optind = 0;
	assert_int_equal(
	    tcpreen_args_read(&a, 4, chosen, &err), TCPREEN_ARGS_WRONG);
	assert_string_equal(
	    err.text, root ? "no-such-user: invalid user"
			   : "no-such-user: only root can select an user");
	tcpreen_args_done(&a);
	optind = 0;
	assert_int_equal(tcpreen_args_read(&a, 2, plain, &err),
	    root ? TCPREEN_ARGS_WRONG : TCPREEN_ARGS_RUN);
	tcpreen_args_done(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outputs_follow_the_last_format_before_them),
		cmocka_unit_test(limits_have_the_defaults_of_the_original),
		cmocka_unit_test(protocols_are_server_then_client),
		cmocka_unit_test(every_spelling_of_an_address_is_known),
		cmocka_unit_test(flags_may_be_joined),
		cmocka_unit_test(help_and_version_end_the_reading),
		cmocka_unit_test(
		    mistakes_are_told_in_the_words_of_the_original),
		cmocka_unit_test(only_root_selects_a_user_and_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
