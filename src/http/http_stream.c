#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/text.h"
#include "http/http_server.h"
#include "http/http_stream.h"

/* What is handed to the library at once. */
#define BLOCK ((size_t)32 * 1024)

/**
 * struct http_stream - See the header
 * @node:	Among the server's
 * @queue:	Bytes from @start on wait
 * @id:		Of the last event
 * @put_ns:	When something was last put, monotonic; 0: not known yet
 * @asleep:	The connection is suspended
 * @ending:	Nothing more is put
 * @room:	Bytes that may wait
 */
struct http_stream {
	struct list node;
	struct http_server *server;
	const struct http_stream_ops *ops;
	void *self;
	struct MHD_Connection *connection;
	struct obuf queue;
	size_t start;
	uint64_t id;
	uint64_t put_ns;
	bool asleep;
	bool ending;
	size_t room;
};

/* What a few short events need beyond the queue. */
#define EXTRA ((size_t)2048)

struct http_stream *
http_stream_new(
    struct http_server *server, const struct http_stream_ops *ops, void *self)
{
	struct http_stream *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->server = server;
	st->ops = ops;
	st->self = self;
	st->room = HTTP_STREAM_QUEUE;
	list_append(http_server_streams(server), &st->node);
	return st;
}

static void
awaken(struct http_stream *st)
{
	if (!st->asleep)
		return;
	st->asleep = false;
	MHD_resume_connection(st->connection);
	http_server_kick(st->server);
}

size_t
http_stream_waiting(const struct http_stream *st)
{
	return st->queue.len - st->start;
}

/* Each byte is moved at most once for each that was taken before it. */
static void
close_up(struct http_stream *st)
{
	size_t n = http_stream_waiting(st);

	if (st->start <= n)
		return;
	memmove(st->queue.data, st->queue.data + st->start, n);
	st->queue.len = n;
	st->start = 0;
}

bool
http_stream_put(
    struct http_stream *st, const char *event, const uint8_t *json, size_t len)
{
	size_t before;

	if (st->ending || http_stream_waiting(st) >= st->room)
		return false;
	close_up(st);
	before = st->queue.len;
	if (len > 0 && json[len - 1] == '\n')
		len--;
	obuf_puts(&st->queue, "event: ");
	obuf_puts(&st->queue, event);
	obuf_puts(&st->queue, "\nid: ");
	text_decimal_put(&st->queue, st->id + 1);
	obuf_puts(&st->queue, "\ndata: ");
	obuf_put(&st->queue, json, len);
	obuf_puts(&st->queue, "\n\n");
	if (st->queue.failed) {
		st->queue.failed = false;
		st->queue.len = before;
		return false;
	}
	st->id++;
	st->put_ns = 0;
	awaken(st);
	return true;
}

void
http_stream_widen(struct http_stream *st)
{
	/* The last event that was put may have exceeded the room by far. */
	st->room = http_stream_waiting(st) + EXTRA;
	if (st->room < HTTP_STREAM_QUEUE)
		st->room = HTTP_STREAM_QUEUE;
}

void
http_stream_end(struct http_stream *st)
{
	st->ending = true;
	awaken(st);
}

/* MHD_ContentReaderCallback: the socket is writable. */
static ssize_t
on_read(void *self, uint64_t pos, char *buf, size_t max)
{
	struct http_stream *st = self;
	size_t n = http_stream_waiting(st);

	(void)pos;
	if (n == 0 && st->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == 0) {
		/* A burst's memory is not kept for the quiet after it. */
		obuf_done(&st->queue);
		st->start = 0;
		st->asleep = true;
		MHD_suspend_connection(st->connection);
		return 0;
	}
	if (n > max)
		n = max;
	memcpy(buf, st->queue.data + st->start, n);
	st->start += n;
	if (st->start == st->queue.len) {
		obuf_clear(&st->queue);
		st->start = 0;
	}
	return (ssize_t)n;
}

/* MHD_ContentReaderFreeCallback: nobody will read any more. */
static void
on_free(void *self)
{
	struct http_stream *st = self;

	list_remove(&st->node);
	st->ops->gone(st->self);
	obuf_done(&st->queue);
	free(st);
}

struct MHD_Response *
http_stream_response(struct http_stream *st)
{
	struct MHD_Response *r = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, BLOCK, on_read, st, on_free);

	if (r == NULL)
		on_free(st);
	return r;
}

void
http_stream_attach(struct http_stream *st, struct MHD_Connection *c)
{
	st->connection = c;
}

/*
 * A peer that closed looks like one that only stopped sending; what is sent
 * to it tells them apart.
 */
static void
send_comment(struct http_stream *st)
{
	obuf_puts(&st->queue, ":\n\n");
	st->queue.failed = false; /* another time, then */
	awaken(st);
}

void
http_stream_tick(struct http_stream *st, uint64_t mono_ns, bool looks_gone)
{
	if (st->put_ns == 0)
		st->put_ns = mono_ns;
	if (st->asleep &&
	    (looks_gone || mono_ns - st->put_ns >= HTTP_STREAM_QUIET_NS)) {
		st->put_ns = 0;
		send_comment(st);
	}
	if (!st->ending)
		st->ops->tick(st->self, mono_ns);
}

struct http_stream *
http_stream_of(struct list *node)
{
	return LIST_ENTRY(node, struct http_stream, node);
}

struct MHD_Connection *
http_stream_connection(const struct http_stream *st)
{
	return st->connection;
}

void
http_stream_cut(struct http_stream *st)
{
	st->ending = true;
	st->queue.len = st->start;
	awaken(st);
}
