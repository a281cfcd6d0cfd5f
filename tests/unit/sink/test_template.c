#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "core/locals.h"
#include "core/session.h"
#include "sink/template.h"

static struct session
session_of(
    const char *client, uint16_t cport, const char *server, uint16_t sport)
{
	struct session s;

	session_init(&s, NULL, NULL);
	s.id = 42;
	s.open_ns = 1795249800123456789ULL; /* 2026-11-21T08:30:00.123 */
	assert_int_equal(addr_parse_ip(&s.client, client), 0);
	assert_int_equal(addr_parse_ip(&s.server, server), 0);
	s.client.port = cport;
	s.server.port = sport;
	return s;
}

static void
assert_expands(const char *text, const struct session *s, const char *want)
{
	char path[TEMPLATE_PATH_MAX];
	struct template *t = template_new(text, NULL);

	assert_non_null(t);
	assert_int_equal(template_expand(t, s, DIR_SERVER, path), 0);
	assert_string_equal(path, want);
	template_free(t);
}

static void
every_field(void **state)
{
	static const char *const row[][2] = {
		{ "plain", "plain" },
		{ "a/b.txt", "a/b.txt" },
		{ "{id}", "000042" },
		{ "{time}", "20261121T083000.123" },
		{ "{client}", "127.0.0.1-40112" },
		{ "{client_ip}", "127.0.0.1" },
		{ "{client_port}", "40112" },
		{ "{server}", "--1-80" },
		{ "{server_ip}", "--1" },
		{ "{server_port}", "80" },
		{ "{dir}", "s2c" },
		{ "/x/{id}-{dir}/{id}.log", "/x/000042-s2c/000042.log" },
		{ "{{id}}", "{id}" },
		{ "{{{id}}}", "{000042}" },
		{ "../{id}", "../000042" },
		{ "", "" },
	};
	struct session s = session_of("127.0.0.1", 40112, "::1", 80);

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++)
		assert_expands(row[i][0], &s, row[i][1]);
}

/* As stethoscope calls its files. */
static void
ends_times_and_reason(void **state)
{
	static const char text[] =
	    "{local_ip}_{local_port}__{remote_ip}_{remote_port}__"
	    "{start_ms}__{end_ms}__{reason}";
	struct session s = session_of("127.0.0.1", 40112, "::1", 80);
	struct template_extra x = { .timeout = "idle_timeout_120s" };
	struct locals locals = { .n = 0 };
	char path[TEMPLATE_PATH_MAX];
	struct template *t = template_new_closed(text, NULL);

	(void)state;
	assert_non_null(t);
	s.last_ns = s.open_ns + 2000000000;
	s.reason = HOW_RST;
	assert_int_equal(template_expand(t, &s, DIR_CLIENT, path), 0);
	assert_string_equal(
	    path, "127.0.0.1_40112____1_80__1795249800123__1795249802123__rst");

	assert_int_equal(locals_parse(&locals, "::/64", NULL), 0);
	x.locals = &locals;
	template_set_extra(t, &x);
	s.reason = HOW_TIMEOUT;
	assert_int_equal(template_expand(t, &s, DIR_CLIENT, path), 0);
	assert_string_equal(path,
	    "__1_80__127.0.0.1_40112__1795249800123__1795249802123__"
	    "idle_timeout_120s");
	template_free(t);
}

static void
the_end_is_not_known_before(void **state)
{
	char path[TEMPLATE_PATH_MAX];
	struct err err = { "" };
	struct template *t;

	(void)state;
	assert_null(template_new("x-{reason}", &err));
	assert_non_null(strstr(err.text, "closed="));
	assert_null(template_new("x-{end_ms}", NULL));

	/* Without a session: one file, which ends when the program does. */
	t = template_new_closed("c-{reason}", NULL);
	assert_non_null(t);
	assert_false(template_has_fields(t));
	assert_int_equal(template_expand(t, NULL, DIR_CLIENT, path), 0);
	assert_string_equal(path, "c-stop");
	template_free(t);
	t = template_new("c-{start_ms}", NULL);
	assert_non_null(t);
	assert_false(template_has_fields(t));
	template_free(t);
	t = template_new("c-{local_ip}", NULL);
	assert_non_null(t);
	assert_true(template_has_fields(t));
	template_free(t);
}

static void
long_ids_are_not_cut(void **state)
{
	struct session s = session_of("127.0.0.1", 1, "127.0.0.1", 2);

	(void)state;
	s.id = 12345678;
	assert_expands("{id}", &s, "12345678");
}

static void
no_value_leaves_its_folder(void **state)
{
	static const struct {
		const char *text, *path, *want;
	} row[] = {
		{ "d/{server}", "/run/x.sock", "d/unix--run-x.sock" },
		{ "d/{server_ip}", "/run/x.sock", "d/-run-x.sock" },
		{ "d/{server_ip}", "../../etc/passwd", "d/..-..-etc-passwd" },
		{ "d/{server_ip}", "..", "d/--" },
		{ "d/{server_ip}/f", "..", "d/--/f" },
		{ "d/{server_ip}/f", ".", "d/-/f" },
		{ "d/.{server_ip}/f", ".", "d/--/f" },
		{ "d/{server_ip}", "", "d/-" },
		{ "d/{server_ip}/f", "", "d/-/f" },
		{ "d/{server_ip}", "a\nb\"c\\d\x7f", "d/a-b-c-d-" },
		{ "d/{server_ip}", "...", "d/..." },
		{ "d/{server_port}", "x", "d/0" },
	};
	struct session s;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		s = session_of("127.0.0.1", 1, "127.0.0.1", 2);
		s.server = (struct addr){ .family = AF_UNIX };
		s.server.path = row[i].path;
		assert_expands(row[i].text, &s, row[i].want);
	}
	s.server = (struct addr){ .family = AF_UNSPEC };
	assert_expands("{server}", &s, "?");
}

static void
knows_what_it_has(void **state)
{
	static const struct {
		const char *text;
		bool fields, dir;
	} row[] = {
		{ "plain", false, false },
		{ "{{dir}}", false, false },
		{ "{id}", true, false },
		{ "{dir}", true, true },
		{ "a{dir}b{id}", true, true },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		struct template *t = template_new(row[i].text, NULL);

		assert_non_null(t);
		assert_int_equal(template_has_fields(t), row[i].fields);
		assert_int_equal(template_has_dir(t), row[i].dir);
		template_free(t);
	}
	template_free(NULL);
}

static void
wrong_templates_say_what_is_right(void **state)
{
	static const char *const row[][2] = {
		{ "{clients}", "{client_port}" },
		{ "{}", "{id}" },
		{ "{ID}", "{id}" },
		{ "{i}", "{id}" },
		{ "x{id", "{{" },
		{ "x}y", "}}" },
		{ "x\x03y", "x03" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		err.text[0] = '\0';
		assert_null(template_new(row[i][0], &err));
		if (strstr(err.text, row[i][1]) == NULL)
			fail_msg("row %zu: %s", i, err.text);
	}
	/* A field of any length fits into the sentence. */
	assert_null(template_new("{client_porttttttttttttttttttttttttttttttt"
				 "tttttttttttttttttttttttttttt}",
	    &err));
	assert_non_null(strstr(err.text, "{dir}"));
}

static void
length_is_checked_to_the_byte(void **state)
{
	struct session s = session_of("127.0.0.1", 1, "127.0.0.1", 2);
	char text[TEMPLATE_PATH_MAX + 8], path[TEMPLATE_PATH_MAX] = "kept";
	struct template *t;

	(void)state;
	/* Six digits of {id} and what fills up to the NUL. */
	memset(text, 'a', sizeof(text));
	memcpy(text, "{id}", 4);
	text[TEMPLATE_PATH_MAX - 1 - 2] = '\0';
	t = template_new(text, NULL);
	assert_non_null(t);
	assert_int_equal(template_expand(t, &s, DIR_CLIENT, path), 0);
	assert_int_equal(strlen(path), TEMPLATE_PATH_MAX - 1);
	template_free(t);

	text[TEMPLATE_PATH_MAX - 1 - 2] = 'a';
	text[TEMPLATE_PATH_MAX - 1 - 1] = '\0';
	t = template_new(text, NULL);
	assert_non_null(t);
	memcpy(path, "kept", 5);
	assert_int_equal(
	    template_expand(t, &s, DIR_CLIENT, path), -ENAMETOOLONG);
	assert_string_equal(path, "kept");
	template_free(t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field),
		cmocka_unit_test(ends_times_and_reason),
		cmocka_unit_test(the_end_is_not_known_before),
		cmocka_unit_test(long_ids_are_not_cut),
		cmocka_unit_test(no_value_leaves_its_folder),
		cmocka_unit_test(knows_what_it_has),
		cmocka_unit_test(wrong_templates_say_what_is_right),
		cmocka_unit_test(length_is_checked_to_the_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
