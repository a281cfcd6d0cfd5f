#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sink_rig.h"

#include "net/pipe.h"
#include "sink/flows.h"

#define C2S "d/000001-127.0.0.1-40001-192.246.40.185-21.c2s"
#define S2C "d/000001-127.0.0.1-40001-192.246.40.185-21.s2c"

static struct rig rig;

static int
set_up(void **state)
{
	(void)state;
	rig_init(&rig);
	rig_make(&rig, flows_kind.make, "flows", "d");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	if (rig.fan != NULL)
		rig_finish(&rig);
	rig_done(&rig);
	return 0;
}

static void
each_direction_has_its_bytes(void **state)
{
	struct session *s = rig_open(&rig, 1);

	(void)state;
	assert_int_equal(fanout_need(s), NEED_FILE);
	rig_say(s, DIR_CLIENT, "ping");
	rig_say(s, DIR_SERVER, "pong");
	rig_say(s, DIR_CLIENT, "bye");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_file(&rig, C2S, "pingbye");
	rig_assert_file(&rig, S2C, "pong");
	assert_int_equal(rig_nfiles(&rig, "d"), 2);
	assert_int_equal(count_get(&rig.count.written), 11);
}

static void
silence_is_an_empty_file(void **state)
{
	struct session *s = rig_open(&rig, 1);

	(void)state;
	rig_say(s, DIR_CLIENT, "anybody?");
	rig_close(s, HOW_TIMEOUT);
	rig_finish(&rig);
	rig_assert_file(&rig, S2C, "");
}

/* What only passed by leaves no file for a direction without bytes. */
static void
silence_overheard_is_no_file(void **state)
{
	struct session *s = rig_session(&rig, 1);

	(void)state;
	s->source = "tap";
	session_open(s);
	rig_say(s, DIR_CLIENT, "anybody?");
	rig_close(s, HOW_TIMEOUT);
	rig_finish(&rig);
	rig_assert_file(&rig, C2S, "anybody?");
	assert_int_equal(rig_nfiles(&rig, "d"), 1);
}

static void
refused_sessions_leave_nothing(void **state)
{
	(void)state;
	rig_close(rig_open(&rig, 1), HOW_REFUSED);
	rig_finish(&rig);
	assert_int_equal(rig_nfiles(&rig, "d"), 0);
}

static void
gaps_are_holes_and_lines(void **state)
{
	struct session *s = rig_open(&rig, 1);

	(void)state;
	rig_lose(s, DIR_SERVER, 3);
	rig_say(s, DIR_SERVER, "ab");
	rig_lose(s, DIR_SERVER, 1);
	rig_lose(s, DIR_SERVER, 2);
	rig_say(s, DIR_SERVER, "c");
	/* A lost tail does not make the file longer, yet it is told. */
	rig_lose(s, DIR_SERVER, 1000000);
	rig_lose(s, DIR_CLIENT, 7);
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_bytes(&rig, S2C, "\0\0\0ab\0\0\0c", 9);
	rig_assert_file(&rig, C2S, "");
#define LINE(d, off, len)                                                      \
	"{\"v\":1,\"ts\":\"2026-11-21T08:30:00.123456789Z\","                  \
	"\"event\":\"gap\",\"session\":1,\"dir\":\"" d "\",\"offset\":" off    \
	",\"len\":" len ",\"why\":\"lost\",\"file\":"                          \
	"\"000001-127.0.0.1-40001-192.246.40.185-21." d "\"}\n"
	rig_assert_file(&rig, "d/gaps.jsonl",
	    LINE("s2c", "0", "3") LINE("s2c", "5", "1") LINE("s2c", "6", "2")
		LINE("s2c", "9", "1000000") LINE("c2s", "0", "7"));
}

static void
second_run_adds_and_replaces_nothing(void **state)
{
	struct session *s;

	(void)state;
	for (unsigned run = 0; run < 2; run++) {
		if (run > 0)
			rig_make(&rig, flows_kind.make, "flows", "d");
		s = rig_open(&rig, 1);
		rig_say(s, DIR_CLIENT, run == 0 ? "old" : "new");
		rig_lose(s, DIR_SERVER, 5);
		rig_close(s, HOW_FIN);
		rig_finish(&rig);
	}
	rig_assert_file(&rig, C2S, "old");
	rig_assert_file(
	    &rig, "d/000001-127.0.0.1-40001-192.246.40.185-21-2.c2s", "new");
	rig_assert_file(
	    &rig, "d/gaps.jsonl", LINE("s2c", "0", "5") LINE("s2c", "0", "5"));
}

static void
aborted_session_keeps_what_it_has(void **state)
{
	struct session *s = rig_open(&rig, 1);

	(void)state;
	rig_say(s, DIR_CLIENT, "kept");
	rig_abort(&rig, s);
	rig_close(s, HOW_RST);
	rig_finish(&rig);
	rig_assert_file(&rig, C2S, "kept");
	rig_assert_file(&rig, S2C, "");
}

static void
folder_must_be_named(void **state)
{
	struct rig other;
	struct err err;

	(void)state;
	rig_init(&other);
	assert_int_equal(
	    rig_try(&other, flows_kind.make, "flows", "", &err), -EINVAL);
	assert_non_null(strstr(err.text, "DIR"));
	rig_done(&other);
}

#ifndef TEELINE_PORTABLE
static void
take(struct session *s, enum dir dir, struct pipe_pool *pool, const char *text)
{
	struct chunk c = {
		.dir = dir, .off = s->off[dir], .len = strlen(text)
	};
	struct pipe *pipe = pipe_lend(pool);

	assert_non_null(pipe);
	assert_int_equal(write(pipe->wr, text, c.len), (ssize_t)c.len);
	pipe->fill = c.len;
	session_take(s, &c, pipe);
}

static void
bytes_come_from_pipes_too(void **state)
{
	struct pipe_pool *pool = pipe_pool_new();
	struct session *s = rig_open(&rig, 1);

	(void)state;
	assert_non_null(pool);
	rig_say(s, DIR_CLIENT, "one;");
	take(s, DIR_CLIENT, pool, "two;");
	rig_lose(s, DIR_CLIENT, 2);
	take(s, DIR_CLIENT, pool, "three;");
	take(s, DIR_SERVER, pool, "four");
	rig_say(s, DIR_CLIENT, "five");
	rig_close(s, HOW_FIN);
	rig_finish(&rig);
	rig_assert_bytes(&rig, C2S, "one;two;\0\0three;five", 20);
	rig_assert_file(&rig, S2C, "four");
	assert_int_equal(count_get(&rig.count.written), 22);
	pipe_pool_free(pool);
}

static void
discarded_pipes_go_home(void **state)
{
	struct sink_lane lane = *fanout_lane(rig.fan, 0);
	struct pipe_pool *pool = pipe_pool_new();
	struct pipe *pipe = pipe_lend(pool);

	(void)state;
	assert_non_null(pipe);
	assert_int_equal(write(pipe->wr, "x", 1), 1);
	pipe->fill = 1;
	rig.sink.ops->discard(&lane, pipe);
	/* An orphan pool is freed with its last pipe: a leak shows. */
	pipe_pool_free(pool);
}
#endif

#define RIG(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		RIG(each_direction_has_its_bytes),
		RIG(silence_is_an_empty_file),
		RIG(silence_overheard_is_no_file),
		RIG(refused_sessions_leave_nothing),
		RIG(gaps_are_holes_and_lines),
		RIG(second_run_adds_and_replaces_nothing),
		RIG(aborted_session_keeps_what_it_has),
		RIG(folder_must_be_named),
#ifndef TEELINE_PORTABLE
		RIG(bytes_come_from_pipes_too),
		RIG(discarded_pipes_go_home),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
