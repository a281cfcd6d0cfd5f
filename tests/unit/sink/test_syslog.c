#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <uv.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/session.h"
#include "sink/syslog.h"

/*
 * The system's logger is this one: it notes what it is told, and can be made
 * to hang.  Fortified programs call it by the second name.
 */

#define MAX_TOLD 64

static struct {
	uv_mutex_t lock; /* held by a test: the logger hangs */
	char line[MAX_TOLD][80];
	int priority[MAX_TOLD];
	int n;
} logger;

static void
note(int priority, const char *fmt, va_list ap)
{
	uv_mutex_lock(&logger.lock);
	assert_true(logger.n < MAX_TOLD);
	logger.priority[logger.n] = priority;
	(void)vsnprintf(
	    logger.line[logger.n++], sizeof(logger.line[0]), fmt, ap);
	uv_mutex_unlock(&logger.lock);
}

/* By assembler names: the C library's header has its own idea of them. */
void told(int priority, const char *fmt, ...) __asm__("syslog");
void told_fortified(int priority, int flag, const char *fmt, ...) __asm__(
    "__syslog_chk");

void
told(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(priority, fmt, ap);
	va_end(ap);
}

void
told_fortified(int priority, int flag, const char *fmt, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, fmt);
	note(priority, fmt, ap);
	va_end(ap);
}

/* A sink with one lane, as a fan-out would use it. */
struct rig {
	struct sink sink;
	struct sink_lane lane;
	struct session session;
	struct session_more more;
	struct err err;
};

static const struct chunk chunk = {
	.dir = DIR_SERVER,
	.data = (const uint8_t *)"1234567",
	.len = 7,
};

static int
make(struct rig *r, const char *format, const char *level)
{
	const struct sink_env env = { .source = "proxy" };
	struct sink_spec spec;
	int rc;

	memset(r, 0, sizeof(*r));
	assert_int_equal(sink_spec_init(&spec, "syslog", format), 0);
	if (level != NULL)
		assert_int_equal(sink_spec_set(&spec, "level", level), 0);
	r->sink.queue = 64;
	rc = syslog_kind.make(&r->sink, &spec, &env, &r->err);
	sink_spec_done(&spec);
	if (rc != 0)
		return rc;
	r->lane.sink = &r->sink;
	return r->sink.ops->lane_new(&r->lane, NULL, &r->err);
}

static uint64_t
in_ms(uint64_t ms)
{
	return clock_mono_ns() + ms * CLOCK_NS_PER_MS;
}

static void
finish(struct rig *r)
{
	assert_int_equal(r->sink.ops->drain(&r->sink, in_ms(20000)), 0);
	r->sink.ops->lane_free(&r->lane);
	r->sink.ops->free(&r->sink);
}

/* A session that could not reach its server: one line. */
static void
play_failure(struct rig *r)
{
	max_align_t st[16] = { 0 };
	struct session *s = &r->session;

	assert_true(r->sink.ops->session_size <= sizeof(st));
	session_use_more(s, &r->more);
	s->id++;
	s->more->target = "port 7019";
	s->more->error = "Connection refused";
	assert_int_equal(r->sink.ops->open(&r->lane, st, s), 0);
	r->sink.ops->close(&r->lane, st, s);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&logger, 0, sizeof(logger));
	return uv_mutex_init(&logger.lock);
}

static int
tear_down(void **state)
{
	(void)state;
	uv_mutex_destroy(&logger.lock);
	return 0;
}

static void
each_line_is_a_message(void **state)
{
	struct rig r;

	(void)state;
	assert_int_equal(make(&r, "tcpreen-errors", "err"), 0);
	play_failure(&r);
	play_failure(&r);
	assert_true(r.sink.ops->turn(&r.lane, 0) == CLOCK_NEVER);
	play_failure(&r); /* no turn any more: drain() has to see it */
	finish(&r);
	assert_int_equal(logger.n, 3);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(
		    logger.line[i], "port 7019: Connection refused");
		assert_int_equal(logger.priority[i], LOG_DAEMON | LOG_ERR);
	}
}

static void
data_is_counted_as_written(void **state)
{
	struct rig r;
	max_align_t st[16] = { 0 };

	(void)state;
	assert_int_equal(make(&r, "tcpreen-c", NULL), 0);
	assert_int_equal(r.sink.ops->open(&r.lane, st, &r.session), 0);
	r.sink.ops->data(&r.lane, st, &r.session, &chunk);
	r.sink.ops->close(&r.lane, st, &r.session);
	finish(&r);
	assert_int_equal(logger.n, 1);
	assert_string_equal(logger.line[0], ">>> 1234567");
	assert_int_equal(logger.priority[0], LOG_DAEMON | LOG_INFO);
	assert_int_equal(count_get(&r.lane.count.written), 7);
}

static void
a_logger_that_hangs_holds_up_nobody(void **state)
{
	struct rig r;

	(void)state;
	assert_int_equal(make(&r, "tcpreen-errors", NULL), 0);
	uv_mutex_lock(&logger.lock);
	assert_false(r.sink.ops->full(&r.lane));
	for (int i = 0; i < 4; i++) {
		play_failure(&r);
		(void)r.sink.ops->turn(&r.lane, 0);
	}
	assert_true(r.sink.ops->full(&r.lane));
	assert_int_equal(r.sink.ops->drain(&r.sink, in_ms(20)), -ETIMEDOUT);
	uv_mutex_unlock(&logger.lock);
	/* It reads again: the thread ends, so that nothing leaks here. */
	finish(&r);
	assert_true(logger.n >= 1 && logger.n <= 4);
}

static void
what_comes_after_the_deadline_is_counted(void **state)
{
	struct rig r;
	max_align_t st[16] = { 0 };

	(void)state;
	assert_int_equal(make(&r, "tcpreen-c", NULL), 0);
	uv_mutex_lock(&logger.lock);
	for (int i = 0; i < 2; i++) {
		r.sink.ops->data(&r.lane, st, &r.session, &chunk);
		(void)r.sink.ops->turn(&r.lane, 0);
	}
	assert_int_equal(r.sink.ops->drain(&r.sink, in_ms(20)), -ETIMEDOUT);
	uv_mutex_unlock(&logger.lock);
	while (r.sink.ops->drain(&r.sink, 1) != 0)
		(void)0; /* until the thread has seen that it is too late */
	assert_int_equal(count_get(&r.lane.count.written) +
			     count_get(&r.lane.count.drop_bytes[DROP_CLOSING]),
	    14);
	assert_true(count_get(&r.lane.count.drop_bytes[DROP_CLOSING]) >= 7);
	r.sink.ops->lane_free(&r.lane);
	r.sink.ops->free(&r.sink);
}

static void
wrong_words_are_refused(void **state)
{
	struct rig r;

	(void)state;
	assert_int_equal(make(&r, "bogus", NULL), -EINVAL);
	assert_non_null(strstr(r.err.text, "bogus"));
	assert_int_equal(make(&r, "summary", "loud"), -EINVAL);
	assert_non_null(strstr(r.err.text, "level=loud"));
}

static void
a_sink_that_never_ran_is_freed(void **state)
{
	struct rig r;

	(void)state;
	assert_int_equal(make(&r, "summary", NULL), 0);
	r.sink.ops->lane_free(&r.lane);
	r.sink.ops->free(&r.sink);
	assert_int_equal(logger.n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_line_is_a_message),
		TEST(data_is_counted_as_written),
		TEST(a_logger_that_hangs_holds_up_nobody),
		TEST(what_comes_after_the_deadline_is_counted),
		TEST(wrong_words_are_refused),
		TEST(a_sink_that_never_ran_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
