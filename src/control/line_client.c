#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/line.h"
#include "control/line_client.h"

/** struct said - A line on its way. */
struct said {
	uv_write_t req;
	char *text;
};

/* --- letting go ---------------------------------------------------------- */

static void
on_closed(uv_handle_t *handle)
{
	struct line_client *c = handle->data;

	free(c->flows);
	free(c->in);
	free(c);
}

void
line_client_drop(struct line_client *c)
{
	if (c->dropped)
		return;
	c->dropped = true;
	c->ops->gone(c->self, c);
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* --- what it says -------------------------------------------------------- */

static void
on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct line_client *c = handle->data;

	(void)suggested;
	buf->base = c->in + c->nin;
	buf->len = LINE_MAX_BYTES - c->nin;
}

static void
take_lines(struct line_client *c)
{
	char *at = c->in, *end = c->in + c->nin;
	char *lf;

	while (!c->dropped &&
	       (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		c->ops->line(c->self, c, at, (size_t)(lf - at));
		at = lf + 1;
	}
	c->nin = (size_t)(end - at);
	memmove(c->in, at, c->nin);
	if (c->dropped || c->nin < LINE_MAX_BYTES)
		return;
	c->ops->too_long(c->self, c);
	line_client_drop(c);
}

static void
on_farewell(uv_shutdown_t *req, int status)
{
	(void)status;
	line_client_drop(req->handle->data);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct line_client *c = stream->data;

	(void)buf;
	if (n < 0 && n != UV_EOF) {
		line_client_drop(c);
		return;
	}
	if (n > 0) {
		c->nin += (size_t)n;
		take_lines(c);
	}
	if (n != UV_EOF || c->dropped)
		return;
	/* The last line need not have an end: printf '...' | nc. */
	if (c->nin > 0)
		c->ops->line(c->self, c, c->in, c->nin);
	c->nin = 0;
	c->has_ended = true;
	/* It gets what was said to it, and then the same end. */
	if (!c->dropped &&
	    (uv_read_stop(stream) != 0 ||
		uv_shutdown(&c->farewell, stream, on_farewell) != 0))
		line_client_drop(c);
}

static void
note_peer(struct line_client *c)
{
	struct sockaddr_storage ss;
	int len = sizeof(ss);

	if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&ss, &len) != 0)
		ss.ss_family = AF_UNSPEC;
	addr_from_sockaddr(&c->peer, (const struct sockaddr *)&ss, "");
	c->is_near = addr_is_loopback(&c->peer);
	c->may_change = c->is_near;
}

struct line_client *
line_client_accept(
    uv_tcp_t *door, const struct line_client_ops *ops, void *self)
{
	struct line_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->ops = ops;
	c->self = self;
	list_init(&c->node);
	c->in = malloc(LINE_MAX_BYTES);
	if (c->in == NULL || uv_tcp_init(door->loop, &c->tcp) != 0) {
		free(c->in);
		free(c);
		return NULL;
	}
	c->tcp.data = c;
	if (uv_accept((uv_stream_t *)door, (uv_stream_t *)&c->tcp) != 0 ||
	    uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read) != 0) {
		uv_close((uv_handle_t *)&c->tcp, on_closed);
		return NULL;
	}
	/* Short lines, each of them waited for; dead peers end. */
	(void)uv_tcp_nodelay(&c->tcp, 1);
	(void)uv_tcp_keepalive(&c->tcp, 1, 60);
	note_peer(c);
	return c;
}

/* --- what it hears ------------------------------------------------------- */

static void
on_written(uv_write_t *req, int status)
{
	struct said *s = (struct said *)req;
	struct line_client *c = req->handle->data;

	if (status != 0)
		line_client_drop(c);
	free(s->text);
	free(s);
}

/* What the system takes at once, and the rest as it can. */
static void
write_out(struct line_client *c, char *text_take, size_t len)
{
	uv_stream_t *stream = (uv_stream_t *)&c->tcp;
	uv_buf_t buf = uv_buf_init(text_take, (unsigned)len);
	struct said *s;
	int n = uv_try_write(stream, &buf, 1);

	if (n == (int)len) {
		free(text_take);
		return;
	}
	if (n > 0) {
		buf.base += n;
		buf.len -= (size_t)n;
	}
	s = malloc(sizeof(*s));
	if (s == NULL || (n < 0 && n != UV_EAGAIN)) {
		free(s);
		free(text_take);
		line_client_drop(c);
		return;
	}
	s->text = text_take;
	if (uv_write(&s->req, stream, &buf, 1, on_written) != 0) {
		free(s);
		free(text_take);
		line_client_drop(c);
	}
}

size_t
line_client_send(struct line_client *c, const json_t *object)
{
	const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
	char *text;
	size_t len;

	if (c->dropped || object == NULL)
		return 0;
	if (uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) >
	    LINE_CLIENT_BEHIND + c->longest) {
		line_client_drop(c);
		return 0;
	}
	len = json_dumpb(object, NULL, 0, flags);
	text = len > 0 && len < INT32_MAX ? malloc(len + 1) : NULL;
	if (text == NULL) {
		line_client_drop(c);
		return 0;
	}
	/* As much as it has just said it would be. */
	(void)json_dumpb(object, text, len, flags);
	text[len] = '\n';
	if (c->longest < len + 1)
		c->longest = len + 1;
	write_out(c, text, len + 1);
	return len + 1;
}

/* --- which sessions it follows ------------------------------------------- */

/* Where @id is, or would be. */
static size_t
find_flow(const struct line_client *c, uint64_t id)
{
	size_t low = 0, high = c->nflows;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->flows[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
has_flow(const struct line_client *c, size_t at, uint64_t id)
{
	return at < c->nflows && c->flows[at] == id;
}

bool
line_client_wants_flow(const struct line_client *c, uint64_t id)
{
	return c->flow_all || has_flow(c, find_flow(c, id), id);
}

int
line_client_flow(struct line_client *c, uint64_t id, bool on)
{
	size_t at = find_flow(c, id);
	bool there = has_flow(c, at, id);
	uint64_t *more;

	if (there == on)
		return 0;
	if (!on) {
		c->nflows--;
		memmove(&c->flows[at], &c->flows[at + 1],
		    (c->nflows - at) * sizeof(*c->flows));
		return 0;
	}
	if (c->nflows == LINE_CLIENT_FLOWS)
		return -E2BIG;
	more = realloc(c->flows, (c->nflows + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	memmove(&more[at + 1], &more[at], (c->nflows - at) * sizeof(*more));
	more[at] = id;
	c->flows = more;
	c->nflows++;
	return 0;
}
