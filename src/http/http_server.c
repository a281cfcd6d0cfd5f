#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "base/text.h"
#include "http/http_clients.h"
#include "http/http_door.h"
#include "http/http_judge.h"
#include "http/http_pump.h"
#include "http/http_reply.h"
#include "http/http_request.h"
#include "http/http_server.h"
#include "http/http_stream.h"

/*
 * Memory of a connection: the head of a request must fit, and what is said
 * about an answer beside it.
 */
#define HEAD_MAX ((size_t)16 * 1024)
#define POOL     (HEAD_MAX + 4096)

/* What is read of a body that is too long, so that the answer is heard. */
#define BODY_SWALLOW ((size_t)1024 * 1024)

/* The library's own patience, beside that of http_clients.h. */
#define TIMEOUT_S 30U

/* More than there may be, since those that were shut take a turn to go. */
#define LIBRARY_CLIENTS (4U * HTTP_CLIENTS_MAX)

/* Ticks between looks at who has gone, and at who is too slow. */
#define LOOK_TICKS (1000 / HTTP_STREAM_TICK_MS)

#define CSP                                                                    \
	"default-src 'none'; script-src 'self'; style-src 'self'; "            \
	"img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; "   \
	"base-uri 'none'; form-action 'none'"

/* What a client is told that there is no room for. */
static const char no_room[] = "HTTP/1.1 503 Service Unavailable\r\n"
			      "Retry-After: 5\r\n"
			      "Content-Length: 0\r\n"
			      "Connection: close\r\n\r\n";

/**
 * struct http_server - See the header
 * @tick:	Runs while there are clients
 * @ticks:	So many times, about
 * @streams:	All
 * @held:	Requests whose connection sleeps
 * @warnings:	@nwarnings sentences
 * @has_secret:	The token is random
 * @is_started:	Between http_server_start() and http_server_close()
 */
struct http_server {
	struct http_door door;
	struct http_judge judge;
	struct http_service service;
	struct MHD_Daemon *daemon;
	struct http_pump pump;
	uv_timer_t tick;
	unsigned ticks;
	struct http_clients clients;
	struct list streams;
	struct list held;
	struct http_server_count count;
	const char *warnings[3];
	size_t nwarnings;
	bool has_secret;
	bool is_started;
};

/* --- requests ---------------------------------------------------------- */

static struct http_client *
client_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info->socket_context;
}

static void
set_client(struct http_server *s, struct MHD_Connection *c,
    enum http_client_state state)
{
	http_clients_set(&s->clients, client_of(c), state, clock_mono_ns());
}

static void
add_headers(struct http_request *rq)
{
	static const char *const all[][2] = {
		{ MHD_HTTP_HEADER_CONTENT_SECURITY_POLICY, CSP },
		{ MHD_HTTP_HEADER_X_CONTENT_TYPE_OPTIONS, "nosniff" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
	};
	struct obuf allow = { .data = NULL };

	for (size_t i = 0; i < ATTR_COUNT(all); i++)
		http_reply_header(rq, all[i][0], all[i][1]);
	if (rq->match.route == NULL || !rq->match.route->is_open)
		http_reply_header(
		    rq, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (rq->status == 401)
		http_reply_header(
		    rq, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (rq->status == 429 || rq->status == 503)
		http_reply_header(rq, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (rq->status == 405) {
		http_route_allow_put(&allow, rq->match.allow);
		obuf_putc(&allow, '\0');
		if (!allow.failed)
			http_reply_header(rq, MHD_HTTP_HEADER_ALLOW,
			    (const char *)allow.data);
		obuf_done(&allow);
	}
}

/* Hands the answer to the library, which sends it. */
static enum MHD_Result
send_answer(struct http_request *rq)
{
	enum MHD_Result rc;

	if (rq->response == NULL)
		return MHD_NO;
	add_headers(rq);
	rq->is_sent = true;
	rq->server->count.requests[rq->status / 100 % 6]++;
	rc = MHD_queue_response(rq->connection, rq->status, rq->response);
	MHD_destroy_response(rq->response);
	rq->response = NULL;
	return rc;
}

/* Refused before its body was read: then it never is. */
static enum MHD_Result
refuse(struct http_request *rq, unsigned status, const char *why)
{
	http_reply_problem(rq, status, "%s", why);
	http_reply_header(rq, MHD_HTTP_HEADER_CONNECTION, "close");
	return send_answer(rq);
}

/** struct glance - Headers of which there may be one. */
struct glance {
	struct http_asked asked;
	unsigned seen;
};

static enum MHD_Result
on_header(
    void *self, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct glance *g = self;
	const struct {
		const char *name;
		const char **where;
	} heads[] = {
		{ MHD_HTTP_HEADER_HOST, &g->asked.host },
		{ MHD_HTTP_HEADER_ORIGIN, &g->asked.origin },
		{ MHD_HTTP_HEADER_AUTHORIZATION, &g->asked.authorization },
	};

	(void)kind;
	for (size_t i = 0; i < ATTR_COUNT(heads); i++) {
		if (strcasecmp(heads[i].name, key) != 0)
			continue;
		g->asked.repeats = g->asked.repeats || (g->seen & 1U << i) != 0;
		g->seen |= 1U << i;
		*heads[i].where = value != NULL ? value : "";
	}
	return MHD_YES;
}

static bool
announces_too_much(struct http_request *rq)
{
	const char *text = MHD_lookup_connection_value(
	    rq->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text != NULL && strtoull(text, NULL, 10) > HTTP_BODY_MAX;
}

/* The head of a request is here. */
static enum MHD_Result
begin(struct http_request *rq, const char *method, const char *path)
{
	struct http_server *s = rq->server;
	struct glance g = { .asked = {
				.method = method,
				.path = path,
				.local = &client_of(rq->connection)->local,
				.mono_ns = clock_mono_ns(),
			    } };
	const char *why;
	unsigned status;

	/* What it returns is how many there are. */
	(void)MHD_get_connection_values(
	    rq->connection, MHD_HEADER_KIND, on_header, &g);
	status = http_judge(&s->judge, &g.asked, &rq->match, &why);
	if (status != 0)
		return refuse(rq, status, why);
	rq->path = path;
	rq->is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	rq->is_change = rq->match.route->method != HTTP_GET;
	if (announces_too_much(rq))
		return refuse(rq, 413, "the body is too long");
	return MHD_YES;
}

static enum MHD_Result
take_body(struct http_request *rq, const char *data, size_t *len)
{
	size_t n = *len;

	*len = 0;
	rq->read += n;
	if (rq->read > BODY_SWALLOW)
		return MHD_NO;
	if (rq->read > HTTP_BODY_MAX) {
		rq->too_long = true;
		return MHD_YES;
	}
	obuf_put(&rq->body, data, n);
	return rq->body.failed ? MHD_NO : MHD_YES;
}

static enum MHD_Result
on_param(
    void *self, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct http_request *rq = self;

	(void)kind;
	(void)value;
	if (http_route_knows(rq->match.route, key))
		return MHD_YES;
	http_reply_problem(
	    rq, 400, "\"%.64s\" is no parameter that is known here", key);
	return MHD_NO;
}

/* All of it is here. */
static void
handle(struct http_request *rq)
{
	rq->state = HTTP_REQUEST_HANDLED;
	set_client(rq->server, rq->connection, HTTP_CLIENT_HEARS);
	if (rq->too_long)
		http_reply_problem(rq, 413, "the body is too long");
	else if (!rq->match.route->is_open)
		(void)MHD_get_connection_values(
		    rq->connection, MHD_GET_ARGUMENT_KIND, on_param, rq);
	if (rq->state == HTTP_REQUEST_HANDLED)
		rq->match.route->handle(rq);
	assert(rq->state != HTTP_REQUEST_HANDLED);
}

static struct http_request *
request_new(struct http_server *s, struct MHD_Connection *c)
{
	struct http_request *rq = calloc(1, sizeof(*rq));

	if (rq == NULL)
		return NULL;
	rq->backend = s->service.backend;
	rq->server = s;
	rq->connection = c;
	list_init(&rq->node);
	return rq;
}

/*
 * MHD_AccessHandlerCallback: called for the head, for each part of the body,
 * at its end, and after a connection was resumed.
 */
static enum MHD_Result /* NOLINTNEXTLINE: the library has so much to say. */
on_access(void *self, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *data, size_t *len,
    void **state)
{
	struct http_request *rq = *state;

	(void)version;
	if (rq == NULL) {
		rq = request_new(self, c);
		*state = rq;
		return rq != NULL ? begin(rq, method, url) : MHD_NO;
	}
	if (*len > 0)
		return rq->is_sent ? MHD_NO : take_body(rq, data, len);
	if (rq->state == HTTP_REQUEST_COMES)
		handle(rq);
	if (rq->state == HTTP_REQUEST_HELD) {
		rq->is_asleep = true;
		list_append(&rq->server->held, &rq->node);
		MHD_suspend_connection(c);
		return MHD_YES;
	}
	return rq->is_sent ? MHD_YES : send_answer(rq);
}

/* MHD_RequestCompletedCallback */
static void
on_completed(void *self, struct MHD_Connection *c, void **state,
    enum MHD_RequestTerminationCode code)
{
	struct http_server *s = self;
	struct http_request *rq = *state;

	(void)code;
	set_client(s, c, HTTP_CLIENT_ASKS);
	if (rq == NULL)
		return;
	if (rq->is_change)
		log_info(
		    "control: %s: %u", rq->match.route->pattern, rq->status);
	list_remove(&rq->node);
	if (rq->response != NULL)
		MHD_destroy_response(rq->response);
	obuf_done(&rq->body);
	free(rq);
	*state = NULL;
}

void
http_server_awaken(struct http_server *s, struct http_request *rq)
{
	/* Answered within the handler after all: it never went to sleep. */
	if (!rq->is_asleep)
		return;
	rq->is_asleep = false;
	list_remove(&rq->node);
	MHD_resume_connection(rq->connection);
	http_pump_kick(&s->pump);
}

void
http_server_kick(struct http_server *s)
{
	http_pump_kick(&s->pump);
}

struct list *
http_server_streams(struct http_server *s)
{
	return &s->streams;
}

void *
http_server_self(const struct http_server *s)
{
	return s->service.self;
}

/* --- connections ------------------------------------------------------- */

/* MHD_NotifyConnectionCallback */
static void
on_connection(void *self, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = self;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		http_clients_remove(&s->clients, *context);
		return;
	}
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	*context = http_clients_find(&s->clients, info->connect_fd);
	assert(*context != NULL);
}

static void
expel(struct http_server *s, int fd)
{
	s->count.refused++;
	/* It hears it or not: there is nothing more to do for it. */
	(void)send(fd, no_room, sizeof(no_room) - 1, MSG_DONTWAIT);
	close(fd);
}

static void on_tick(uv_timer_t *timer);

/* gate_accept */
static void
on_accept(
    void *self, int fd, const struct addr *peer, const struct addr *listener)
{
	struct http_server *s = self;
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	socklen_t len = sizeof(ss.ss_family);
	struct http_client *c;

	(void)listener;
	c = http_clients_add(&s->clients, fd, clock_mono_ns());
	if (c == NULL) {
		expel(s, fd);
		return;
	}
	/* The library wants an address to log; a UNIX peer has none. */
	if (peer->family != AF_UNIX && addr_to_sockaddr(peer, &ss, &len) != 0)
		ss.ss_family = AF_UNSPEC;
	/* On failure it has closed the socket, and may have told so. */
	if (MHD_add_connection(s->daemon, fd, (struct sockaddr *)&ss, len) !=
	    MHD_YES) {
		c = http_clients_find(&s->clients, fd);
		if (c != NULL)
			http_clients_remove(&s->clients, c);
		return;
	}
	http_pump_kick(&s->pump);
	if (!uv_is_active((uv_handle_t *)&s->tick))
		(void)uv_timer_start(&s->tick, on_tick, HTTP_STREAM_TICK_MS,
		    HTTP_STREAM_TICK_MS); /* cannot fail */
}

static void
tick_streams(struct http_server *s, uint64_t mono_ns, bool look)
{
	struct list *l, *next;

	for (l = s->streams.next; l != &s->streams; l = next) {
		struct http_stream *st = http_stream_of(l);
		struct http_client *c = client_of(http_stream_connection(st));

		next = l->next;
		http_clients_set(&s->clients, c, HTTP_CLIENT_FOLLOWS, mono_ns);
		http_stream_tick(
		    st, mono_ns, look && http_clients_look_gone(c));
	}
}

static void
on_tick(uv_timer_t *timer)
{
	struct http_server *s = timer->data;
	uint64_t mono_ns = clock_mono_ns();
	bool look = ++s->ticks % LOOK_TICKS == 0;

	tick_streams(s, mono_ns, look);
	if (look)
		http_clients_expire(&s->clients, mono_ns);
	if (list_is_empty(&s->clients.all))
		(void)uv_timer_stop(timer); /* cannot fail */
}

struct http_server_count
http_server_count(const struct http_server *s)
{
	struct http_server_count count = s->count;

	count.clients = s->clients.n;
	for (struct list *l = s->streams.next; l != &s->streams; l = l->next)
		count.streams++;
	return count;
}

/* --- to begin and to end ----------------------------------------------- */

static void
warn(struct http_server *s, const char *text)
{
	assert(s->nwarnings < ATTR_COUNT(s->warnings));
	s->warnings[s->nwarnings++] = text;
}

static int
settle_token(
    struct http_server *s, const struct http_server_opts *o, struct err *err)
{
	bool open_to_all = false;
	int rc;

	if (o->token_file != NULL) {
		rc = http_token_read(
		    &s->judge.token, o->token_file, &open_to_all, err);
		if (rc == 0 && open_to_all)
			warn(s,
			    "others than its owner may read the file with the "
			    "token");
		return rc;
	}
	if (o->no_token && !s->door.is_private)
		warn(s,
		    "no token is asked for: whoever reaches the control plane "
		    "may read all traffic and change outputs");
	if (o->no_token || s->door.is_private)
		return 0;
	s->has_secret = true;
	return http_token_make(&s->judge.token, err);
}

struct http_server *
http_server_open(const struct http_server_opts *o, int *code, struct err *err)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		*code = err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	list_init(&s->streams);
	list_init(&s->held);
	http_clients_init(&s->clients);
	*code = http_door_open(&s->door, o->listen, err);
	if (*code != 0) {
		free(s);
		return NULL;
	}
	*code = settle_token(s, o, err);
	if (*code != 0) {
		http_door_close(&s->door);
		http_server_free(s);
		return NULL;
	}
	if (http_door_is_remote(&s->door))
		warn(s, "the control plane can be reached from other machines, "
			"and nothing is encrypted");
	s->judge.name = http_door_host(&s->door);
	s->judge.any = http_door_is_any(&s->door);
	return s;
}

void
http_server_put_url(const struct http_server *s, struct obuf *o)
{
	http_door_put(&s->door, o);
	if (s->has_secret)
		obuf_printf(o, "#token=%s", s->judge.token.text);
}

bool
http_server_has_secret(const struct http_server *s)
{
	return s->has_secret;
}

const char *
http_server_warning(const struct http_server *s, size_t i)
{
	return i < s->nwarnings ? s->warnings[i] : NULL;
}

/* What the library has to say is about clients, not about us. */
static void ATTR_PRINTF(2, 0) on_log(void *self, const char *fmt, va_list args)
{
	char text[256];

	(void)self;
	if (!log_is_on(LOG_LEVEL_DEBUG))
		return;
	(void)vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("control: %s", text);
}

/*
 * MHD_OPTION_UNESCAPE_CALLBACK: what is no byte of a text stays as it was
 * written, so that no path or value ends before its end.
 */
static size_t
on_unescape(void *self, struct MHD_Connection *c, char *text)
{
	(void)self;
	(void)c;
	return http_route_unescape(text);
}

static struct MHD_Daemon *
start_library(struct http_server *s)
{
	return MHD_start_daemon(http_pump_flags() | MHD_USE_NO_LISTEN_SOCKET |
				    MHD_ALLOW_SUSPEND_RESUME |
				    MHD_USE_ERROR_LOG,
	    0, NULL, NULL, on_access, s,
	    /* The first, so that nothing is said before it. */
	    MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL,
	    MHD_OPTION_CONNECTION_LIMIT, LIBRARY_CLIENTS,
	    MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
	    MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP,
	    1, MHD_OPTION_END);
}

int
http_server_start(
    struct http_server *s, const struct http_service *service, struct err *err)
{
	uv_loop_t *loop = service->loop;
	int rc;

	s->service = *service;
	s->judge.routes = service->routes;
	s->judge.nroutes = service->nroutes;
	s->judge.files = service->files;
	s->judge.has_file = service->has_file;
	s->daemon = start_library(s);
	if (s->daemon == NULL)
		return err_set(err, -EIO, "cannot start the control plane");
	rc = http_pump_open(&s->pump, loop, s->daemon, err);
	if (rc != 0)
		goto fail;
	(void)uv_timer_init(loop, &s->tick); /* cannot fail */
	s->tick.data = s;
	rc = gate_start(&s->door.gate, loop, on_accept, s);
	if (rc != 0) {
		rc = err_set(err, rc, "cannot watch the control plane: %s",
		    uv_strerror(rc));
		http_pump_close(&s->pump);
		uv_close((uv_handle_t *)&s->tick, NULL);
		goto fail;
	}
	gate_lift(&s->door.gate);
	s->is_started = true;
	return 0;

fail:
	MHD_stop_daemon(s->daemon);
	s->daemon = NULL;
	return rc;
}

/* The library may not be stopped while a connection of it sleeps. */
static void
awaken_all(struct http_server *s)
{
	struct list *node, *next;

	for (node = s->streams.next; node != &s->streams; node = next) {
		next = node->next;
		http_stream_cut(http_stream_of(node));
	}
	while ((node = list_shift(&s->held)) != NULL) {
		struct http_request *rq =
		    LIST_ENTRY(node, struct http_request, node);

		rq->cancel(rq->cancel_self);
		http_reply_problem(rq, 503, "the program ends");
	}
	/* Whoever just got an answer is to hear it. */
	(void)MHD_run(s->daemon);
	(void)MHD_run(s->daemon);
}

void
http_server_close(struct http_server *s)
{
	if (s == NULL)
		return;
	http_door_close(&s->door);
	if (!s->is_started)
		return;
	s->is_started = false;
	awaken_all(s);
	http_pump_close(&s->pump);
	uv_close((uv_handle_t *)&s->tick, NULL);
	MHD_stop_daemon(s->daemon);
	assert(list_is_empty(&s->streams) && list_is_empty(&s->clients.all));
}

void
http_server_free(struct http_server *s)
{
	if (s == NULL)
		return;
	http_door_done(&s->door);
	free(s);
}
