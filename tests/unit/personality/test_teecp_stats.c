#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "personality/teecp_stats.h"
#include "run/sheet.h"

#define START_NS  (1000 * CLOCK_NS_PER_S)
#define MINUTE_NS (60 * CLOCK_NS_PER_S)

/* What was said since it was last emptied, a '\n' behind each line. */
static char said[1024];

static void
hear(const char *line)
{
	size_t len = strlen(said);

	(void)snprintf(said + len, sizeof(said) - len, "%s\n", line);
}

/** struct scene - The figures of a run with one sink. */
struct scene {
	struct sheet_sink sink;
	struct sheet sh;
	struct teecp_stats s;
};

static void
begin(struct scene *sc, bool print, bool health)
{
	const struct teecp_stats_opts o = {
		.print = print,
		.health = health,
		.silence_ns = 30 * MINUTE_NS,
		.say = hear,
	};

	memset(sc, 0, sizeof(*sc));
	sc->sh.sinks = &sc->sink;
	sc->sh.nsinks = 1;
	said[0] = '\0';
	teecp_stats_init(&sc->s, &o, START_NS);
}

/* Tells at @seconds after the start; returns what is then said. */
static const char *
tell(struct scene *sc, uint64_t seconds, int expect)
{
	said[0] = '\0';
	assert_int_equal(teecp_stats_tell(&sc->s, &sc->sh,
			     START_NS + seconds * CLOCK_NS_PER_S),
	    expect);
	return said;
}

static void
the_line_is_the_original_one(void **state)
{
	struct scene sc;

	(void)state;
	begin(&sc, true, false);
	assert_string_equal(tell(&sc, 10, 0),
	    "stats {BytesForwarded:0 PacketsForwarded:0 "
	    "PacketAttemptsFailed:0 PacketsFailed:0}\n");
	sc.sink.sent = 3;
	sc.sink.sent_bytes = UINT64_MAX;
	sc.sink.failed_tries = 2;
	assert_string_equal(tell(&sc, 20, 0),
	    "stats {BytesForwarded:18446744073709551615 PacketsForwarded:3 "
	    "PacketAttemptsFailed:2 PacketsFailed:0}\n");
}

static void
losses_are_told_when_there_are_more(void **state)
{
	struct scene sc;

	(void)state;
	begin(&sc, true, false);
	sc.sink.drop_chunks[DROP_QUEUE_FULL] = 12;
	sc.sink.drop_chunks[DROP_GONE] = 3;
	assert_string_equal(tell(&sc, 10, 0),
	    "stats {BytesForwarded:0 PacketsForwarded:0 "
	    "PacketAttemptsFailed:0 PacketsFailed:15}\n"
	    "lost {queue_full:12 gone:3}\n");
	assert_null(strstr(tell(&sc, 20, 0), "lost"));
	sc.sh.tally.kernel_dropped = 4;
	sc.sh.tally.interface_dropped = 1;
	assert_non_null(strstr(
	    tell(&sc, 30, 0), "\nlost {queue_full:12 gone:3 kernel:5}\n"));
	assert_null(strstr(tell(&sc, 40, 0), "lost"));
	sc.sink.drop_chunks[DROP_GONE] = 4;
	assert_non_null(strstr(
	    tell(&sc, 50, 0), "\nlost {queue_full:12 gone:4 kernel:5}\n"));
}

static void
nothing_is_printed_without_stats(void **state)
{
	struct scene sc;

	(void)state;
	begin(&sc, false, false);
	sc.sink.drop_chunks[DROP_GONE] = 3;
	/* ... and no health check: for ever. */
	assert_string_equal(tell(&sc, 1000000, 0), "");
}

static void
health_ends_after_silence(void **state)
{
	struct scene sc;

	(void)state;
	begin(&sc, false, true);
	assert_string_equal(tell(&sc, 30 * 60, 0), "");
	assert_string_equal(tell(&sc, 30 * 60 + 10, -ETIMEDOUT),
	    "time since last forward is 1810 seconds ago, exiting\n");
	/* The run ends, and is asked once more at its end. */
	assert_string_equal(tell(&sc, 30 * 60 + 12, 0), "");
}

static void
a_payload_that_was_sent_ends_the_silence(void **state)
{
	struct scene sc;

	(void)state;
	begin(&sc, false, true);
	sc.sink.sent = 1;
	assert_string_equal(tell(&sc, 20 * 60, 0), "");
	/* What was dropped or failed is none. */
	sc.sink.failed_tries = 100;
	sc.sink.drop_chunks[DROP_GONE] = 100;
	assert_string_equal(tell(&sc, 50 * 60, 0), "");
	assert_string_equal(tell(&sc, 50 * 60 + 1, -ETIMEDOUT),
	    "time since last forward is 1801 seconds ago, exiting\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_is_the_original_one),
		cmocka_unit_test(losses_are_told_when_there_are_more),
		cmocka_unit_test(nothing_is_printed_without_stats),
		cmocka_unit_test(health_ends_after_silence),
		cmocka_unit_test(a_payload_that_was_sent_ends_the_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
