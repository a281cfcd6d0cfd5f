#include "line_rig.h"

#include "base/attr.h"

#define FLOW(id, port)                                                         \
	"\"flow\":{\"local_ip\":\"192.0.2.1\",\"local_port\":" port            \
	",\"remote_ip\":\"198.51.100.7\",\"remote_port\":80,\"session_id\":"   \
	"" id "}"

/* A reply to the client that said so, without more. */
#define REPLY(cmd)                                                             \
	"{\"cat\":\"control\",\"event\":\"control_reply\",\"ok\":true,"        \
	"\"reply_to\":\"" cmd "\"}"

/* --- what is told -------------------------------------------------------- */

static void
a_session_from_its_beginning_to_its_end(void **state)
{
	struct line_rig lr;
	struct caller c;

	(void)state;
	line_rig_start(&lr, NULL);
	caller_come(&c, &lr);
	rig_open(&lr.r, 0);
	assert_object(caller_event(&c, &lr, "tcp_open"),
	    "{\"cat\":\"session\",\"event\":\"tcp_open\"," FLOW(
		"1", "40001") "}");
	rig_feed(&lr.r, 0, DIR_CLIENT, 10);
	rig_end(&lr.r, 0, DIR_SERVER);
	assert_object(caller_event(&c, &lr, "tcp_half_close"),
	    "{\"cat\":\"session\",\"direction\":\"s2c\",\"event\":"
	    "\"tcp_half_close\"," FLOW(
		"1", "40001") ",\"reason\":\"fin\","
			      "\"stream\":\"responses\"}");
	rig_end(&lr.r, 0, DIR_CLIENT);
	rig_close(&lr.r, 0);
	caller_expect(&c, &lr, "tcp_half_close");
	caller_expect(&c, &lr, "session_summary");
	assert_object(caller_event(&c, &lr, "tcp_close"),
	    "{\"cat\":\"session\",\"event\":\"tcp_close\"," FLOW(
		"1", "40001") ",\"reason\":\"fin\"}");
	assert_string_equal(lr.logged, "session.tcp_close");
	caller_leave(&c);
	line_rig_stop(&lr);
}

/* Who comes late is told what there is, as far as that is not too much. */
static void
a_greeting_has_the_sessions(void **state)
{
	struct line_rig lr;
	struct caller c, other;
	json_t *event, *list;

	(void)state;
	line_rig_start(&lr, NULL);
	for (size_t i = 0; i < 3; i++)
		rig_open(&lr.r, i);
	rig_settle(&lr.r);
	rig_close(&lr.r, 1);
	rig_settle(&lr.r);
	caller_join(&c, &lr);
	event = caller_event(&c, &lr, "control_connected");
	list = json_object_get(event, "sessions");
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(json_integer_value(json_object_get(
			     json_array_get(list, 1), "session_id")),
	    3);
	assert_int_equal(
	    json_integer_value(json_object_get(event, "sessions_open")), 2);
	json_decref(event);
	/* The others only hear who it is. */
	caller_come(&other, &lr);
	event = caller_event(&c, &lr, "control_connected");
	assert_null(json_object_get(event, "sessions"));
	assert_string_not_equal(text_of(event, "peer"), "");
	json_decref(event);
	caller_leave(&other);
	caller_expect(&c, &lr, "control_disconnected");
	caller_leave(&c);
	line_rig_stop(&lr);
}

static void
each_client_has_its_subscriptions(void **state)
{
	struct line_rig lr;
	struct caller one, two;

	(void)state;
	line_rig_start(&lr, NULL);
	caller_come(&one, &lr);
	assert_reply(&one, &lr,
	    "{\"cmd\":\"subscribe\",\"cats\":[\"Session\",5]}",
	    "{\"cat\":\"control\",\"cats\":[\"session\"],\"event\":"
	    "\"control_reply\",\"ok\":true,\"reply_to\":\"subscribe\","
	    "\"unknown_cats\":[5]}");
	caller_come(&two, &lr);
	assert_reply(&two, &lr, "{\"cmd\":\"subscribe\",\"cats\":[]}",
	    "{\"cat\":\"control\",\"cats\":[],\"event\":\"control_reply\","
	    "\"ok\":true,\"reply_to\":\"subscribe\"}");
	rig_open(&lr.r, 0);
	/* Not that somebody has come, only this. */
	caller_expect(&one, &lr, "tcp_open");
	assert_reply(&two, &lr, "{\"cmd\":\"ping\"}", REPLY("ping"));
	caller_leave(&one);
	caller_leave(&two);
	line_rig_stop(&lr);
}

static void
notes_come_to_who_has_asked(void **state)
{
	struct line_rig lr;
	struct caller c;
	json_t *event, *deltas;

	(void)state;
	line_rig_start(&lr, NULL);
	for (size_t i = 0; i < 2; i++)
		rig_open(&lr.r, i);
	rig_settle(&lr.r);
	caller_come(&c, &lr);
	json_decref(
	    caller_ask(&c, &lr, "{\"cmd\":\"subscribe\",\"cats\":[\"flow\"]}"));
	assert_reply(&c, &lr,
	    "{\"cmd\":\"tcp_flow_enable\",\"session_id\":\"2\"}",
	    "{\"cat\":\"control\",\"event\":\"control_reply\",\"flow_global\":"
	    "false,\"flow_sessions\":[2],\"ok\":true,\"reply_to\":"
	    "\"tcp_flow_enable\"}");
	rig_lose(&lr.r, 0, DIR_CLIENT, 5);
	rig_lose(&lr.r, 1, DIR_SERVER, 7);
	event = caller_event(&c, &lr, "tcp_note");
	deltas = json_object_get(event, "deltas");
	assert_int_equal(
	    json_integer_value(json_object_get(deltas, "gap_bytes")), 7);
	assert_string_equal(text_of(event, "direction"), "s2c");
	json_decref(event);
	caller_leave(&c);
	line_rig_stop(&lr);
}

/*
 * Who has sent and is not answered waits; who was acknowledged, although that
 * was no event, is only idle.
 */
static void
an_end_that_does_not_acknowledge(void **state)
{
	struct line_rig lr;
	struct caller c;
	json_t *event;

	(void)state;
	line_rig_start_with(&lr, NULL, CLOCK_NS_PER_MS);
	for (size_t i = 0; i < 2; i++) {
		rig_open(&lr.r, i);
		rig_feed(&lr.r, i, DIR_CLIENT, 10);
	}
	lr.r.session[0].s.acked[DIR_CLIENT] = 10;
	lr.r.session[1].s.acked[DIR_CLIENT] = 4;
	rig_settle(&lr.r);
	caller_come(&c, &lr);
	json_decref(
	    caller_ask(&c, &lr, "{\"cmd\":\"subscribe\",\"cats\":[\"flow\"]}"));
	json_decref(caller_ask(&c, &lr, "{\"cmd\":\"tcp_flow_enable\"}"));
	for (int i = 0; i < 2; i++) {
		event = caller_event(&c, &lr, "tcp_note");
		assert_string_equal(text_of(event, "note"), "ack_stall");
		assert_string_equal(text_of(event, "direction"), "s2c");
		assert_int_equal(
		    json_integer_value(json_object_get(
			json_object_get(event, "flow"), "session_id")),
		    2);
		assert_int_equal(
		    json_integer_value(json_object_get(event, "last_ack")), 4);
		json_decref(event);
	}
	caller_leave(&c);
	line_rig_stop(&lr);
}

/* --- what is asked ------------------------------------------------------- */

static void
a_session_is_named_by_number_or_text(void **state)
{
	static const char *const same[] = { "1", "2.0", "\"3\"" };
	struct line_rig lr;
	struct caller c;
	char ask[128];

	(void)state;
	line_rig_start(&lr, NULL);
	for (size_t i = 0; i < ATTR_COUNT(same); i++)
		rig_open(&lr.r, i);
	rig_settle(&lr.r);
	caller_come(&c, &lr);
	for (size_t i = 0; i < ATTR_COUNT(same); i++) {
		(void)snprintf(ask, sizeof(ask),
		    "{\"cmd\":\"Close\",\"id\":[%s],\"session_id\":%s}",
		    same[i], same[i]);
		json_decref(caller_ask(&c, &lr, ask));
	}
	LINE_RIG_UNTIL(&lr, lr.r.ended == ATTR_COUNT(same));
	caller_leave(&c);
	line_rig_stop(&lr);
}

static void
no_other_name_is_one(void **state)
{
	static const char *const unknown[] = { "4", "-2", "\"-2\"", "\"\"",
		"true", "[2]", "1e300", "18446744073709551618.0",
		"\"99999999999999999999999\"" };
	struct line_rig lr;
	struct caller c;
	char ask[128];

	(void)state;
	line_rig_start(&lr, NULL);
	rig_open(&lr.r, 0);
	rig_settle(&lr.r);
	caller_come(&c, &lr);
	for (size_t i = 0; i < ATTR_COUNT(unknown); i++) {
		json_t *reply;

		(void)snprintf(ask, sizeof(ask),
		    "{\"cmd\":\"close\",\"session_id\":%s}", unknown[i]);
		reply = caller_ask(&c, &lr, ask);
		assert_string_equal(text_of(reply, "error"), "not_found");
		json_decref(reply);
	}
	rig_settle(&lr.r);
	assert_int_equal(lr.r.ended, 0);
	caller_leave(&c);
	line_rig_stop(&lr);
}

/* However they are cut: a line is a line. */
static void
lines_in_pieces(void **state)
{
	static const char three[] = "{\"cmd\":\"ping\",\"id\":1}\r\n\r\n"
				    "{\"cmd\":\"ping\",\"id\":2}\n \t\n"
				    "{\"cmd\":\"ping\",\"id\":3}";
	struct line_rig lr;

	(void)state;
	line_rig_start(&lr, NULL);
	for (size_t piece = 1; piece < sizeof(three); piece += 3) {
		struct caller c;
		json_t *reply;

		caller_come(&c, &lr);
		for (size_t at = 0; at < sizeof(three) - 1; at += piece) {
			size_t left = sizeof(three) - 1 - at;

			caller_put(
			    &c, &lr, three + at, left < piece ? left : piece);
			line_rig_turn(&lr);
		}
		/* The last one is whole at the end. */
		assert_int_equal(shutdown(c.fd, SHUT_WR), 0);
		for (int id = 1; id <= 3; id++) {
			reply = caller_event(&c, &lr, "control_reply");
			assert_int_equal(
			    json_integer_value(json_object_get(reply, "id")),
			    id);
			json_decref(reply);
		}
		assert_null(caller_hear(&c, &lr));
		caller_leave(&c);
	}
	line_rig_stop(&lr);
}

static void
changes_by_others_need_the_token(void **state)
{
	struct line_rig lr;
	struct caller c;
	json_t *reply;

	(void)state;
	line_rig_start(&lr, "secret");
	caller_come(&c, &lr);
	reply = caller_ask(&c, &lr, "{\"cmd\":\"auth\",\"token\":\"secre\"}");
	assert_string_equal(text_of(reply, "error"), "wrong_token");
	json_decref(reply);
	reply = caller_ask(
	    &c, &lr, "{\"cmd\":\"auth\",\"token\":\"secretsecret\"}");
	assert_string_equal(text_of(reply, "error"), "wrong_token");
	json_decref(reply);
	reply = caller_ask(&c, &lr, "{\"cmd\":\"auth\",\"token\":7}");
	assert_string_equal(text_of(reply, "error"), "wrong_token");
	json_decref(reply);
	assert_reply(
	    &c, &lr, "{\"cmd\":\"auth\",\"token\":\"secret\"}", REPLY("auth"));
	caller_leave(&c);
	line_rig_stop(&lr);
}

/* --- news of sinks ------------------------------------------------------- */

static struct news
opened(uint64_t id, struct news_tally *tally)
{
	return (struct news){
		.type = NEWS_OPENED,
		.kind = "listen",
		.session = id,
		.tally = tally,
		.port = { 1001, 1002 },
	};
}

/* Whatever comes first: clients hear of the session, then of its ports. */
static void
news_wait_for_their_session(void **state)
{
	struct line_rig lr;
	struct caller c;
	struct news_tally *tally = news_tally_new();
	struct news n = opened(1, tally);
	json_t *event;

	(void)state;
	assert_non_null(tally);
	line_rig_start(&lr, NULL);
	caller_come(&c, &lr);
	line_tell(lr.line, &n);
	n.type = NEWS_CAME;
	n.tally = NULL;
	n.stream = NEWS_RESPONSES;
	n.peer = lr.at;
	line_tell(lr.line, &n);
	rig_turn_main(&lr.r);
	rig_open(&lr.r, 0);
	caller_expect(&c, &lr, "tcp_open");
	assert_object(caller_event(&c, &lr, "listener_ports"),
	    "{\"cat\":\"ports\",\"event\":\"listener_ports\"," FLOW("1",
		"40001") ",\"requests_port\":1001,\"responses_port\":1002}");
	event = caller_event(&c, &lr, "listener_connected");
	assert_string_equal(text_of(event, "stream"), "responses");
	json_decref(event);
	n.type = NEWS_GONE;
	n.kind = "connect";
	n.retry_ns = 1500 * CLOCK_NS_PER_MS;
	line_tell(lr.line, &n);
	event = caller_event(&c, &lr, "connector_disconnected");
	assert_true(
	    json_real_value(json_object_get(event, "retry_every_sec")) == 1.5);
	assert_null(json_object_get(event, "cause"));
	json_decref(event);
	/* Nobody has heard of 9 yet, and nobody ever will. */
	n.session = 9;
	line_tell(lr.line, &n);
	event = caller_ask(&c, &lr, "{\"cmd\":\"stats\"}");
	assert_int_equal(
	    json_integer_value(json_object_get(
		json_object_get(event, "stats"), "control_events_dropped")),
	    1);
	json_decref(event);
	caller_leave(&c);
	line_rig_stop(&lr);
	news_tally_unref(tally);
}

static json_int_t
asked_number(struct caller *c, struct line_rig *lr, const char *ask,
    const char *object, const char *key)
{
	json_t *reply = caller_ask(c, lr, ask);
	json_int_t n = json_integer_value(
	    json_object_get(json_object_get(reply, object), key));

	json_decref(reply);
	return n;
}

#define ALL(key) asked_number(&c, &lr, "{\"cmd\":\"stats\"}", "stats", key)
#define ONE(key)                                                               \
	asked_number(&c, &lr, "{\"cmd\":\"get_session\",\"session_id\":1}",    \
	    "session", key)

/* Also what is written and dropped when the session is over already. */
static void
figures_go_on_until_the_last_byte(void **state)
{
	struct line_rig lr;
	struct caller c;
	struct news_tally *tally = news_tally_new();
	struct sink_count *requests = &tally->count[NEWS_REQUESTS];
	struct news n = opened(1, tally);

	(void)state;
	line_rig_start(&lr, NULL);
	rig_open(&lr.r, 0);
	line_tell(lr.line, &n);
	rig_settle(&lr.r);
	caller_come(&c, &lr);
	json_decref(caller_ask(&c, &lr, "{\"cmd\":\"subscribe\",\"cats\":[]}"));
	count_add(&tally->chunks[NEWS_REQUESTS], 3);
	count_add(&requests->written, 20);
	count_add(&requests->drop_bytes[DROP_QUEUE_FULL], 10);
	count_add(&requests->drop_chunks[DROP_QUEUE_FULL], 1);
	assert_int_equal(ONE("bytes_forwarded"), 20);
	assert_int_equal(ONE("bytes_dropped"), 10);
	assert_int_equal(ONE("chunks_forwarded"), 2);
	assert_int_equal(ALL("chunks_dropped"), 1);
	rig_close(&lr.r, 0);
	rig_settle(&lr.r);
	assert_int_equal(ALL("sessions"), 0);
	count_add(&requests->written, 5);
	assert_int_equal(ALL("bytes_forwarded"), 25);
	count_add(&requests->drop_bytes[DROP_CLOSING], 7);
	news_tally_unref(tally);
	assert_int_equal(ALL("bytes_forwarded"), 25);
	assert_int_equal(ALL("bytes_dropped"), 17);
	caller_leave(&c);
	line_rig_stop(&lr);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_from_its_beginning_to_its_end),
		cmocka_unit_test(a_greeting_has_the_sessions),
		cmocka_unit_test(each_client_has_its_subscriptions),
		cmocka_unit_test(notes_come_to_who_has_asked),
		cmocka_unit_test(an_end_that_does_not_acknowledge),
		cmocka_unit_test(a_session_is_named_by_number_or_text),
		cmocka_unit_test(no_other_name_is_one),
		cmocka_unit_test(lines_in_pieces),
		cmocka_unit_test(changes_by_others_need_the_token),
		cmocka_unit_test(news_wait_for_their_session),
		cmocka_unit_test(figures_go_on_until_the_last_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
