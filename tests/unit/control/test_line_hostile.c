#include "line_rig.h"

#include <signal.h>

#include "base/attr.h"

/*
 * Clients that mean harm, or are broken.  One who does not is there as well,
 * and has to notice nothing.
 */

/* Lines of rubbish, each followed by a command that is none. */
#define RUBBISH 20000

static uint64_t
roll(uint64_t *dice, uint64_t n)
{
	*dice ^= *dice << 13;
	*dice ^= *dice >> 7;
	*dice ^= *dice << 17;
	return *dice % n;
}

static void
assert_serves(struct caller *c, struct line_rig *lr)
{
	caller_say(c, lr, "{\"cmd\":\"ping\",\"id\":\"serves\"}");
	for (;;) {
		json_t *object = caller_hear(c, lr);
		bool is_it;

		assert_non_null(object);
		is_it = strcmp(text_of(object, "id"), "serves") == 0;
		json_decref(object);
		if (is_it)
			return;
	}
}

/* --- what they say ------------------------------------------------------- */

static void
a_line_without_an_end(void **state)
{
	struct line_rig lr;
	struct caller bad, good;
	char *line = malloc(LINE_MAX_BYTES);

	(void)state;
	assert_non_null(line);
	line_rig_start(&lr, NULL);
	caller_come(&good, &lr);
	caller_come(&bad, &lr);
	/* The longest that is possible, */
	memset(line, ' ', LINE_MAX_BYTES);
	memcpy(line, "{\"cmd\":\"ping\"}", 14);
	line[LINE_MAX_BYTES - 1] = '\n';
	caller_put(&bad, &lr, line, LINE_MAX_BYTES);
	caller_expect(&bad, &lr, "control_reply");
	/* and a byte more. */
	line[LINE_MAX_BYTES - 1] = ' ';
	caller_put(&bad, &lr, line, LINE_MAX_BYTES);
	assert_error(&bad, &lr, "line_too_long");
	assert_null(caller_hear(&bad, &lr));
	assert_serves(&good, &lr);
	caller_leave(&bad);
	caller_leave(&good);
	line_rig_stop(&lr);
	free(line);
}

static void
lines_that_are_no_objects(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
#define BAD(text) { text, sizeof(text) - 1 }
		BAD("nonsense"),
		BAD("null"),
		BAD("[]"),
		BAD("{"),
		BAD("{} {}"),
		BAD("{\"cmd\":\"ping\"},"),
		BAD("{\"cmd\":\"p\xff\"}"),
		BAD("{\"cmd\":\"\xc0\xae\"}"),
		BAD("{\"cmd\":\"\xed\xa0\x80\"}"),
		BAD("{\"cmd\":\"\\ud800\"}"),
		BAD("{\"cmd\":\"ping\\u0000\"}"),
		BAD("{\"cmd\":\"ping\",\"id\":1e999}"),
		BAD("{\"cmd\":\"ping\"\0}"),
		BAD("\0"),
		BAD("\xff\xfe{\0}\0"),
	};
	struct line_rig lr;
	struct caller c;

	(void)state;
	line_rig_start(&lr, NULL);
	caller_come(&c, &lr);
	for (size_t i = 0; i < ATTR_COUNT(bad); i++) {
		caller_put(&c, &lr, bad[i].text, bad[i].len);
		caller_put(&c, &lr, "\n", 1);
		assert_error(&c, &lr, "bad_json");
		assert_serves(&c, &lr);
	}
	caller_leave(&c);
	line_rig_stop(&lr);
}

/* Nothing recurses as deep as a line is long. */
static void
deep_lines(void **state)
{
	char *line = malloc(LINE_MAX_BYTES);
	size_t half = LINE_MAX_BYTES / 2 - 32;
	struct line_rig lr;
	struct caller c;

	(void)state;
	assert_non_null(line);
	line_rig_start(&lr, NULL);
	caller_come(&c, &lr);
	memset(line, '[', LINE_MAX_BYTES - 1);
	line[LINE_MAX_BYTES - 1] = '\0';
	caller_say(&c, &lr, line);
	assert_error(&c, &lr, "bad_json");
	memset(line + half, ']', half);
	memcpy(line, "{\"cmd\":\"ping\",\"id\":[", 21);
	memcpy(line + 2 * half - 21, "]}", 3);
	caller_say(&c, &lr, line);
	assert_error(&c, &lr, "bad_json");
	/* As deep as is possible comes back. */
	memset(line, '[', 1000);
	memset(line + 1000, ']', 1000);
	memcpy(line, "{\"cmd\":\"ping\",\"id\":[", 21);
	memcpy(line + 1979, "]}", 3);
	caller_say(&c, &lr, line);
	assert_serves(&c, &lr);
	caller_leave(&c);
	line_rig_stop(&lr);
	free(line);
}

/* A command with something done to it; return: its length. */
static size_t
rubbish(char *line, size_t room, uint64_t *dice)
{
	static const char *const words[] = { "{\"cmd\":\"", "ping", "stats",
		"subscribe", "subscribe_default", "tcp_flow_enable",
		"tcp_flow_disable", "list_sessions", "get_session",
		"close_session", "auth", "\",\"session_id\":", "\"cats\":[",
		"\"flow\",", "\"id\":", "\"token\":\"", "1", "-", "2.5e3", "\"",
		",", ":", "{", "}", "[", "]", "null", "\\u00e9", "\\",
		"\xc3\xa9", "\xff", "\r", " ", "\t" };
	size_t n = 0, parts = 1 + roll(dice, 12);

	for (size_t i = 0; i < parts; i++) {
		const char *word = words[roll(dice, ATTR_COUNT(words))];
		size_t len;

		/* Half of them begin as they should. */
		if (i == 0 && roll(dice, 2) == 0)
			word = words[0];
		len = strlen(word);
		if (n + len > room)
			break;
		memcpy(line + n, word, len);
		n += len;
	}
	if (roll(dice, 8) == 0 && n > 0)
		line[roll(dice, n)] = (char)roll(dice, 256);
	return n;
}

/* Whatever comes is JSON; nothing is ended, nobody is thrown out. */
static void
random_lines(void **state)
{
	static const char dflt[] = "{\"cmd\":\"subscribe_default\"}\n";
	uint64_t dice = 88172645463325252ULL;
	struct line_rig lr;
	struct caller bad, good;
	char line[256];

	(void)state;
	line_rig_start(&lr, "secret");
	rig_open(&lr.r, 0);
	rig_settle(&lr.r);
	caller_come(&good, &lr);
	caller_come(&bad, &lr);
	caller_expect(&good, &lr, "control_connected");
	for (int i = 0; i < RUBBISH; i++) {
		size_t n = rubbish(line, sizeof(line) - 1, &dice);

		if (roll(&dice, 4) > 0)
			line[n++] = '\n';
		caller_put(&bad, &lr, line, n);
		if (roll(&dice, 16) == 0)
			line_rig_turn(&lr);
		if (i % 500 != 0)
			continue;
		caller_put(&bad, &lr, "\n", 1);
		caller_put(&bad, &lr, dflt, sizeof(dflt) - 1);
		assert_serves(&bad, &lr);
	}
	assert_serves(&good, &lr);
	caller_leave(&bad);
	caller_expect(&good, &lr, "control_disconnected");
	caller_leave(&good);
	line_rig_stop(&lr);
}

/* --- what they do -------------------------------------------------------- */

/* It asks, and does not read: gone when too much waits for it. */
static void
a_reader_that_stops(void **state)
{
	struct line_rig lr;
	struct caller deaf, good;
	char *line = malloc(60000);
	size_t asked = 0;
	json_t *event;

	(void)state;
	assert_non_null(line);
	memset(line, 'x', 60000);
	memcpy(line, "{\"cmd\":\"ping\",\"id\":\"", 21);
	memcpy(line + 60000 - 3, "\"}\n", 3);
	line_rig_start(&lr, NULL);
	caller_come(&good, &lr);
	caller_come(&deaf, &lr);
	caller_expect(&good, &lr, "control_connected");
	loopback_small(deaf.fd);
	while (
	    send(deaf.fd, line, 60000, MSG_NOSIGNAL) >= 0 || errno == EAGAIN) {
		asked += 60000;
		line_rig_turn(&lr);
		assert_true(asked < ((size_t)1 << 30));
	}
	event = caller_event(&good, &lr, "control_disconnected");
	json_decref(event);
	assert_serves(&good, &lr);
	caller_leave(&deaf);
	caller_leave(&good);
	line_rig_stop(&lr);
	free(line);
}

/* Whoever comes then is told so, and none of those who are there. */
static void
more_clients_than_there_is_room_for(void **state)
{
	static struct caller c[LINE_CLIENTS + 3];
	struct line_rig lr;
	unsigned logged;
	json_t *reply;

	(void)state;
	line_rig_start(&lr, NULL);
	for (size_t i = 0; i < LINE_CLIENTS; i++)
		caller_come(&c[i], &lr);
	logged = lr.nlogged;
	for (size_t i = LINE_CLIENTS; i < ATTR_COUNT(c); i++) {
		caller_join(&c[i], &lr);
		assert_error(&c[i], &lr, "too_many_clients");
		assert_null(caller_hear(&c[i], &lr));
		caller_leave(&c[i]);
	}
	assert_int_equal(lr.nlogged, logged);
	caller_say(&c[0], &lr, "{\"cmd\":\"stats\"}");
	for (;;) {
		reply = caller_hear(&c[0], &lr);
		if (strcmp(text_of(reply, "event"), "control_reply") == 0)
			break;
		assert_string_equal(
		    text_of(reply, "event"), "control_connected");
		json_decref(reply);
	}
	assert_int_equal(
	    json_integer_value(json_object_get(
		json_object_get(reply, "stats"), "control_clients_refused")),
	    3);
	json_decref(reply);
	/* One goes, another comes. */
	caller_leave(&c[1]);
	caller_expect(&c[0], &lr, "control_disconnected");
	caller_come(&c[1], &lr);
	caller_expect(&c[0], &lr, "control_connected");
	for (size_t i = 0; i < LINE_CLIENTS; i++)
		caller_leave(&c[i]);
	line_rig_stop(&lr);
}

/* They come, say half of something, and are gone, one way or the other. */
static void
clients_that_come_and_go(void **state)
{
	struct line_rig lr;
	struct caller good;
	unsigned fds;

	(void)state;
	line_rig_start(&lr, NULL);
	caller_come(&good, &lr);
	json_decref(
	    caller_ask(&good, &lr, "{\"cmd\":\"subscribe\",\"cats\":[]}"));
	fds = loopback_fds();
	for (int i = 0; i < 1000; i++) {
		int fd = loopback_connect(&lr.at);

		if (i % 3 == 0)
			(void)send(
			    fd, "{\"cmd\":\"stats\"}\n{\"cm", 20, MSG_NOSIGNAL);
		if (i % 2 == 0)
			loopback_rst(fd);
		else
			close(fd);
		line_rig_turn(&lr);
	}
	LINE_RIG_UNTIL(&lr, loopback_fds() == fds);
	assert_serves(&good, &lr);
	caller_leave(&good);
	line_rig_stop(&lr);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_without_an_end),
		cmocka_unit_test(lines_that_are_no_objects),
		cmocka_unit_test(deep_lines),
		cmocka_unit_test(random_lines),
		cmocka_unit_test(a_reader_that_stops),
		cmocka_unit_test(more_clients_than_there_is_room_for),
		cmocka_unit_test(clients_that_come_and_go),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
