#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "control/line.h"
#include "control/line_book.h"
#include "control/line_json.h"
#include "control/watch.h"

/* Whole seconds of a stamp: "2026-11-21T08:30:00". */
#define SECONDS_LEN 19

/* The original's names for what we call otherwise. */
static const char *const why[DROP_NREASONS] = {
	[DROP_QUEUE_FULL] = "backpressure",
	[DROP_NO_CONSUMER] = "no_targets",
	[DROP_STARTUP_FULL] = "startup_buffer_full",
	[DROP_CLOSING] = "closing",
	[DROP_WRITE_ERROR] = "write_error",
	[DROP_GONE] = "target_lost",
};

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

json_t *
line_json_ts(uint64_t ts_ns)
{
	char stamp[TEXT_STAMP_MAX];

	(void)text_stamp(ts_ns, stamp); /* is @stamp */
	memcpy(stamp + SECONDS_LEN, "Z", 2);
	return json_string(stamp);
}

static bool
client_is_local(const struct line_opts *o, const struct watch_session *ws)
{
	return locals_is_client(&o->locals, &ws->client, &ws->server);
}

json_t *
line_json_flow(const struct line_opts *o, const struct watch_session *ws)
{
	bool client = client_is_local(o, ws);
	const struct addr *local = client ? &ws->client : &ws->server;
	const struct addr *remote = client ? &ws->server : &ws->client;
	char here[ADDR_TEXT_MAX], there[ADDR_TEXT_MAX];

	return json_pack("{s:s, s:i, s:s, s:i, s:o}", "local_ip",
	    addr_format_ip(local, here), "local_port", (int)local->port,
	    "remote_ip", addr_format_ip(remote, there), "remote_port",
	    (int)remote->port, "session_id", number(ws->id));
}

bool
line_json_is_c2s(
    const struct line_opts *o, const struct watch_session *ws, enum dir dir)
{
	return (dir == DIR_CLIENT) == client_is_local(o, ws);
}

const char *
line_json_stream(const struct line_opts *o, bool c2s)
{
	return news_stream_name(
	    c2s != o->is_server ? NEWS_REQUESTS : NEWS_RESPONSES);
}

json_t *
line_json_reason(const struct line_opts *o, enum how how)
{
	char text[64];

	if (how != HOW_TIMEOUT)
		return json_string(event_how_name(how));
	(void)snprintf(text, sizeof(text), "idle_timeout_%gs",
	    (double)o->idle_ns / (double)CLOCK_NS_PER_S);
	return json_string(text);
}

/* --- figures ------------------------------------------------------------- */

static json_t *
count_and_bytes(uint64_t count, uint64_t bytes)
{
	return json_pack(
	    "{s:o, s:o}", "count", number(count), "bytes", number(bytes));
}

/* {reason: {count, bytes}} of a stream, what is 0 left out. */
static json_t *
drops_of(const struct line_sum *sum, int stream)
{
	json_t *object = json_object();

	for (int r = 0; r < DROP_NREASONS; r++)
		if (sum->drop_chunks[stream][r] > 0)
			(void)json_object_set_new(object, why[r],
			    count_and_bytes(sum->drop_chunks[stream][r],
				sum->drop_bytes[stream][r]));
	return object;
}

static json_t *
drops(const struct line_sum *sum)
{
	json_t *object = json_object();

	for (int i = 0; i < NEWS_NSTREAMS; i++) {
		json_t *stream = drops_of(sum, i);

		if (json_object_size(stream) > 0)
			(void)json_object_set(object,
			    news_stream_name((enum news_stream)i), stream);
		json_decref(stream);
	}
	return object;
}

/* What sessions and all of them together have in common. */
static void
put_sums(json_t *object, const struct line_sum *sum)
{
	uint64_t dropped_chunks;
	uint64_t dropped = line_book_sum_dropped(sum, &dropped_chunks);

	(void)json_object_set_new(object, "bytes_forwarded",
	    number(sum->written[0] + sum->written[1]));
	(void)json_object_set_new(object, "bytes_dropped", number(dropped));
	(void)json_object_set_new(
	    object, "chunks_forwarded", number(line_book_sum_forwarded(sum)));
	(void)json_object_set_new(
	    object, "chunks_dropped", number(dropped_chunks));
}

static json_t *
drop_detail(const struct line_sum *sum)
{
	json_t *by_why = json_object(), *by_stream = json_object();
	uint64_t all_chunks;
	uint64_t all = line_book_sum_dropped(sum, &all_chunks);

	for (int r = 0; r < DROP_NREASONS; r++) {
		uint64_t n = sum->drop_chunks[0][r] + sum->drop_chunks[1][r];

		if (n > 0)
			(void)json_object_set_new(by_why, why[r],
			    count_and_bytes(n,
				sum->drop_bytes[0][r] + sum->drop_bytes[1][r]));
	}
	for (int i = 0; i < NEWS_NSTREAMS; i++) {
		uint64_t n = 0, bytes = 0;

		for (int r = 0; r < DROP_NREASONS; r++) {
			n += sum->drop_chunks[i][r];
			bytes += sum->drop_bytes[i][r];
		}
		if (n > 0)
			(void)json_object_set_new(by_stream,
			    news_stream_name((enum news_stream)i),
			    count_and_bytes(n, bytes));
	}
	return json_pack("{s:o, s:o, s:o}", "total_drops",
	    count_and_bytes(all_chunks, all), "drop_by_why", by_why,
	    "drop_by_stream", by_stream);
}

void
line_json_total(json_t *object, const struct line_sum *sum)
{
	put_sums(object, sum);
	(void)json_object_set_new(object, "drop_detail", drop_detail(sum));
}

/* --- sessions ------------------------------------------------------------ */

static uint64_t
of_both(const _Atomic uint64_t v[DIR_NDIRS])
{
	return atomic_load(&v[DIR_CLIENT]) + atomic_load(&v[DIR_SERVER]);
}

json_t *
line_json_session(const struct line_opts *o, const struct watch_session *ws,
    const struct line_entry *e, bool with_drops)
{
	json_t *object = json_object();
	struct line_sum sum;

	line_book_sum(e, &sum);
	(void)json_object_set_new(object, "session_id", number(ws->id));
	(void)json_object_set_new(object, "flow", line_json_flow(o, ws));
	(void)json_object_set_new(object, "open_ts", line_json_ts(ws->open_ns));
	(void)json_object_set_new(
	    object, "last_ts", line_json_ts(atomic_load(&ws->last_ns)));
	put_sums(object, &sum);
	/* Ours. */
	(void)json_object_set_new(
	    object, "midstream", json_boolean(ws->midstream));
	(void)json_object_set_new(
	    object, "bytes_captured", number(of_both(ws->bytes)));
	(void)json_object_set_new(
	    object, "gap_bytes", number(of_both(ws->gap_bytes)));
	if (e != NULL && e->port[NEWS_REQUESTS] != 0) {
		(void)json_object_set_new(
		    object, "requests_port", number(e->port[NEWS_REQUESTS]));
		(void)json_object_set_new(
		    object, "responses_port", number(e->port[NEWS_RESPONSES]));
	}
	if (with_drops)
		(void)json_object_set_new(object, "drops", drops(&sum));
	return object;
}
