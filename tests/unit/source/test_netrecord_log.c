#include "../core/fake_sink.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "core/fanout.h"
#include "core/tally.h"
#include "source/netrecord_log.h"
#include "source/unpack.h"
#include "wire/capfile_item.h"

/** struct rig - A fan-out with one sink, and what is counted. */
struct rig {
	struct fake fake;
	struct fanout *fan;
	struct payload_count payload[DIR_NDIRS];
	struct netrecord_log *log;
};

static void
rig_init(struct rig *r, uint64_t start_ns, uint64_t max_bytes)
{
	struct sink *sinks[] = { &r->fake.sink };
	struct err err;

	memset(r, 0, sizeof(*r));
	fake_init(&r->fake, NEED_MEMORY, ON_FULL_PAUSE);
	r->fan = fanout_new(sinks, 1, NULL, &err);
	assert_non_null(r->fan);
	r->log = netrecord_log_new(&(struct netrecord_log_opts){
	    .fan = r->fan,
	    .source = "read",
	    .id = 7,
	    .start_ns = start_ns,
	    .max_bytes = max_bytes,
	    .payload = r->payload,
	});
	assert_non_null(r->log);
}

static void
rig_done(struct rig *r)
{
	netrecord_log_free(r->log);
	fanout_free(r->fan);
}

/*
 * Feed a log in windows of at most @most bytes, in memory of exactly that
 * length; all of it at once where records want it.
 */
static int
feed(struct rig *r, const char *log, size_t len, size_t most, struct err *err)
{
	struct capfile_item item;
	size_t at = 0, window = most;

	while (at < len) {
		size_t n = len - at < window ? len - at : window;
		uint8_t *copy = malloc(n);
		int rc;

		assert_non_null(copy);
		memcpy(copy, log + at, n);
		rc = netrecord_log_next(r->log, copy, n, &item, err);
		free(copy);
		if (rc != 0)
			return rc;
		if (item.what == CAPFILE_ITEM_MORE) {
			assert_true(item.need > n);
			if (n == len - at)
				break;
			window = item.need;
			continue;
		}
		assert_int_equal(item.what, CAPFILE_ITEM_PASS);
		at += item.used;
		window = most;
	}
	return netrecord_log_end(r->log, len - at, err);
}

/* What a log of text becomes, and what is said of it; the same in any cut. */
static void
expect(const char *log, const char *events, const char *remark)
{
	static const size_t windows[] = { 1, 3, 1000 };

	for (size_t i = 0; i < 3; i++) {
		struct err err = { "" };
		struct rig r;
		int rc;

		rig_init(&r, 1000, 0);
		rc = feed(&r, log, strlen(log), windows[i], &err);
		assert_int_equal(rc, remark == NULL ? 0 : -EBADMSG);
		assert_string_equal(err.text, remark == NULL ? "" : remark);
		if (windows[i] == 1000)
			assert_string_equal(r.fake.log, events);
		rig_done(&r);
	}
}

static void
logs(void **state)
{
	(void)state;
	/* netrecord's own: one side hangs up, and that is all. */
	expect("c 0.000000 con\nc 1.5 5\nhellos 2.000000 3\nyess 2.1 hup\n",
	    "open;c2s 0+5;s2c 0+3;end s2c 3 fin by server;"
	    "end c2s 5 fin by server;close fin;",
	    NULL);
	/* Ours: both sides, and data on the way back. */
	expect("c 0.0 con\nc 1.0 hup\ns 2.0 2\nok"
	       "s 2.0 3\nyess 2.1 hup\n",
	    "open;end c2s 0 fin by client;s2c 0+2;s2c 2+3;"
	    "end s2c 5 fin by server;close fin;",
	    NULL);
	expect("c 0.0 con\nc 1.0 2\nhis 1.0 err\n",
	    "open;c2s 0+2;end s2c 0 error by server;"
	    "end c2s 2 error by server;close error;",
	    NULL);
	expect("c 0.0 con\nc 1.0 hup\ns 1.0 err\n",
	    "open;end c2s 0 fin by client;end s2c 0 error by server;"
	    "close error;",
	    NULL);
	/* It never ended, or netrecord did. */
	expect("c 0.0 con\nc 1.0 2\nhi",
	    "open;c2s 0+2;end c2s 2 stop by us;end s2c 0 stop by us;"
	    "close stop;",
	    NULL);
	/* Data may look like records. */
	expect("c 0.0 con\nc 1.0 10\ns 1.0 hup\ns 2.0 hup\n",
	    "open;c2s 0+10;end s2c 0 fin by server;end c2s 10 fin by server;"
	    "close fin;",
	    NULL);
}

static void
damage(void **state)
{
	(void)state;
	expect("c 0.0 con\nc 1.0 2\nhi!\n",
	    "open;c2s 0+2;end c2s 2 error by us;end s2c 0 error by us;"
	    "close error;",
	    "netrecord log, record 3 at offset 20: not a record");
	expect("c 0.0 con\nc 1.0 5\nhi",
	    "open;c2s 0+2;end c2s 2 error by us;end s2c 0 error by us;"
	    "close error;",
	    "netrecord log, record 2 at offset 20: its data are cut off");
	expect("c 0.0 con\nc 1.0",
	    "open;end c2s 0 error by us;end s2c 0 error by us;close error;",
	    "netrecord log, record 2 at offset 10: cut off");
	expect("c 0.0 con\nc 1.0 con\n",
	    "open;end c2s 0 error by us;end s2c 0 error by us;close error;",
	    "netrecord log, record 2 at offset 10: a second \"con\"");
	expect("c 0.0 con\nc 1.0 hup\nc 1.0 1\na",
	    "open;end c2s 0 fin by client;end s2c 0 error by us;close error;",
	    "netrecord log, record 3 at offset 20: its side has hung up "
	    "before");
	expect("c 0.0 hup\n", "",
	    "netrecord log, record 1 at offset 0: no \"con\" before it");
}

/* What a session says of itself, and when it says something. */
static void
say_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	char client[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];

	fake_say(fake_of(lane, st, s), "%s %ju %s %s%s @%ju @%ju;", s->source,
	    (uintmax_t)s->id, addr_format(&s->client, client),
	    addr_format(&s->server, server), s->no_packets ? " made" : "",
	    (uintmax_t)s->open_ns, (uintmax_t)c->ts_ns);
}

static void
expect_times(uint64_t start_ns, const char *want)
{
	static const char log[] = "c 1.0 con\nc 3.0 1\nxs 2.0 1\ny";
	struct err err = { "" };
	struct rig r;

	rig_init(&r, start_ns, 0);
	r.fake.ops.data = say_data;
	assert_int_equal(feed(&r, log, strlen(log), 100, &err), 0);
	r.fake.log[strlen(want)] = '\0';
	assert_string_equal(r.fake.log, want);
	rig_done(&r);
}

/* Times count on from the start, never back, and to the end of time only. */
static void
ends_and_times(void **state)
{
	(void)state;
	expect_times(5000000000,
	    "open;read 7 0.0.0.0:0 0.0.0.0:0 made @6000000000 @8000000000;"
	    "read 7 0.0.0.0:0 0.0.0.0:0 made @6000000000 @8000000000;");
	expect_times(UINT64_MAX - 2000000000,
	    "open;read 7 0.0.0.0:0 0.0.0.0:0 made @18446744072709551615 "
	    "@18446744073709551615;");
}

/* Exact to the byte; the rest of the log is read, counted, and nobody's. */
static void
limit(void **state)
{
	static const char log[] =
	    "c 0.0 con\nc 1.0 5\nhellos 2.0 3\nyesc 3.0 2\nho"
	    "c 3.0 hup\n";
	static const struct {
		uint64_t max;
		const char *events;
		uint64_t strays[DIR_NDIRS];
	} cases[] = {
		{ 3,
		    "open;c2s 0+3;end c2s 3 limit by us;end s2c 0 limit by us;"
		    "close limit;",
		    { 4, 3 } },
		{ 5,
		    "open;c2s 0+5;end c2s 5 limit by us;end s2c 0 limit by us;"
		    "close limit;",
		    { 2, 3 } },
		{ 6,
		    "open;c2s 0+5;s2c 0+1;end c2s 5 limit by us;"
		    "end s2c 1 limit by us;close limit;",
		    { 2, 2 } },
		{ 11,
		    "open;c2s 0+5;s2c 0+3;c2s 5+2;end c2s 7 fin by client;"
		    "end s2c 3 fin by client;close fin;",
		    { 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(cases); i++) {
		struct err err = { "" };
		struct rig r;

		rig_init(&r, 0, cases[i].max);
		assert_int_equal(feed(&r, log, strlen(log), 100, &err), 0);
		assert_string_equal(r.fake.log, cases[i].events);
		assert_int_equal(count_get(&r.payload[DIR_CLIENT].received), 7);
		assert_int_equal(count_get(&r.payload[DIR_SERVER].received), 3);
		for (int d = 0; d < DIR_NDIRS; d++)
			assert_int_equal(count_get(&r.payload[d].strays),
			    cases[i].strays[d]);
		rig_done(&r);
	}
}

/* A log up to somewhere in the middle. */
static void
feed_some(struct rig *r, const char *log)
{
	struct capfile_item item;
	struct err err;

	for (size_t at = 0; at < strlen(log); at += item.used)
		assert_int_equal(
		    netrecord_log_next(r->log, (const uint8_t *)log + at,
			strlen(log) - at, &item, &err),
		    0);
}

/* Left in the middle, as when the program is told to stop. */
static void
stopped(void **state)
{
	static const char log[] = "c 0.0 con\nc 1.0 5\nhel";
	struct rig r;

	(void)state;
	rig_init(&r, 0, 0);
	feed_some(&r, log);
	netrecord_log_free(r.log);
	r.log = NULL;
	assert_string_equal(r.fake.log,
	    "open;c2s 0+3;end c2s 3 stop by us;end s2c 0 stop by us;"
	    "close stop;");
	rig_done(&r);
}

/* Ended by somebody in the middle: the rest of the log is passed over. */
static void
ended(void **state)
{
	static const char log[] = "c 0.0 con\nc 1.0 5\nhello";
	static const char rest[] = "s 2.0 3\nyesc 3.0 hup\n";
	struct session other;
	struct err err;
	struct rig r;

	(void)state;
	rig_init(&r, 0, 0);
	session_init(&other, NULL, NULL);
	assert_false(netrecord_log_stop(r.log, &other));
	feed_some(&r, log);
	assert_true(netrecord_log_stop(r.log, fanout_find(r.fan, 7)));
	assert_string_equal(r.fake.log,
	    "open;c2s 0+5;end c2s 5 stop by us;end s2c 0 stop by us;"
	    "close stop;");
	assert_int_equal(feed(&r, rest, strlen(rest), 1000, &err), 0);
	assert_int_equal(count_get(&r.payload[DIR_SERVER].strays), 3);
	rig_done(&r);
}

/* A sink that comes between the making of a session and its open. */
static void
a_sink_comes_before_it_opens(void **state)
{
	struct fake late;
	struct err err;
	struct rig r;

	(void)state;
	rig_init(&r, 0, 0);
	fake_init(&late, NEED_MEMORY, ON_FULL_PAUSE);
	assert_int_equal(fanout_prepare(r.fan, &late.sink, NULL, &err), 0);
	fanout_add(r.fan, &late.sink);
	feed_some(&r, "c 0.0 con\nc 1.0 5\nhello");
	netrecord_log_free(r.log);
	r.log = NULL;
	assert_string_equal(late.log, "");
	assert_int_equal(
	    count_get(&fanout_lane(r.fan, 1)->count.drop_bytes[DROP_GONE]), 5);
	rig_done(&r);
}

static uint64_t
last_of(const char *log, size_t len, size_t size)
{
	char path[] = "/tmp/test_netrecord_log.XXXXXX";
	int fd = mkstemp(path);
	struct unpack *u;
	uint8_t *buf = malloc(size);
	uint64_t last;

	assert_true(fd >= 0);
	assert_non_null(buf);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(write(fd, log, len), (ssize_t)len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	u = unpack_new(fd, -1);
	assert_non_null(u);
	assert_int_equal(netrecord_log_last(u, buf, size, &last), 0);
	unpack_free(u);
	free(buf);
	assert_int_equal(close(fd), 0);
	return last;
}

/* Data longer than the buffer, records across its end, damage behind. */
static void
looking_ahead(void **state)
{
	char log[2000] = "c 0.5 con\nc 1.5 1500\n";
	size_t n = strlen(log);

	(void)state;
	memset(log + n, '7', 1500);
	n += 1500;
	n += (size_t)sprintf(log + n, "s 4.000002 3\nabcs 3.0 hup\n");
	for (size_t size = 45; size < 300; size++)
		assert_int_equal(last_of(log, n, size), 4000002);
	assert_int_equal(last_of(log, n - 8, 100), 4000002);
	assert_int_equal(last_of(log, 700, 100), 1500000);
	assert_int_equal(last_of("c 2.0 con\nfoo\n", 14, 100), 2000000);
	assert_int_equal(last_of("", 0, 100), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs),
		cmocka_unit_test(damage),
		cmocka_unit_test(ends_and_times),
		cmocka_unit_test(limit),
		cmocka_unit_test(stopped),
		cmocka_unit_test(ended),
		cmocka_unit_test(a_sink_comes_before_it_opens),
		cmocka_unit_test(looking_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
