#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <jansson.h>

#include "control_rig.h"
#include "fake_mhd.h"

#include "base/log.h"
#include "control/api.h"
#include "control/backend.h"
#include "http/http_server.h"

/*
 * Control over HTTP (http/http_server.h, control/api.h): requests as they
 * look on the wire, with a line "%%" between two, go through judge and routes
 * to the handlers, over the sessions of control_rig.h.  A request that begins
 * with '!' lets something happen to a session instead, and then is one.  One
 * without any header gets Host and token.
 *
 * Whatever is asked, there is one answer with a status; JSON is JSON.
 */

#define TOKEN    "sesame-sesame-sesame"
#define REQUESTS 8 /* of an input: more cost time only */

struct scene {
	struct rig rig;
	struct backend backend;
	struct http_server *server;
	struct api *api;
	struct addr at;
	size_t nrequests;
	backend_done *done; /* of a change that takes its time */
	void *done_self;
};

/* --- the program behind it ---------------------------------------------- */

static json_t *
some_object(void *self)
{
	(void)self;
	return json_pack("{s:{s:i}}", "packets", "received", 1);
}

static json_t *
some_list(void *self)
{
	(void)self;
	return json_pack("[{s:s,s:s,s:s}]", "name", "flows", "kind", "flows",
	    "text", "flows:x");
}

/* Some are refused at once, some later, some never answered. */
static void
change(void *self, const char *text, backend_done *done, void *done_self)
{
	struct scene *sc = self;

	if (text[0] == 'l' && sc->done == NULL) {
		sc->done = done;
		sc->done_self = done_self;
	} else {
		done(done_self, text[0] == 'f' ? 0 : -EINVAL, text);
	}
}

static void
drain(void *self)
{
	(void)self;
}

/* --- to begin and to end ------------------------------------------------ */

static int
token_file(char path[32])
{
	int fd = memfd_create("token", MFD_CLOEXEC);

	if (fd < 0 || write(fd, TOKEN, strlen(TOKEN)) != strlen(TOKEN))
		abort(); /* nothing can be tested then */
	(void)snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* The port that the kernel has chosen stands in the URL. */
static struct addr
address_of(const struct http_server *s)
{
	struct obuf url = { .data = NULL };
	struct addr a;
	const char *colon;

	http_server_put_url(s, &url);
	obuf_putc(&url, '\0');
	FUZZ_CHECK(!url.failed && addr_parse_ip(&a, "127.0.0.1") == 0);
	colon = strchr((const char *)url.data + strlen("http:"), ':');
	FUZZ_CHECK(colon != NULL);
	a.port = (uint16_t)strtoul(colon + 1, NULL, 10);
	obuf_done(&url);
	return a;
}

static void
start(struct scene *sc)
{
	char path[32];
	int code, fd = token_file(path);
	const struct http_server_opts o = {
		.listen = "127.0.0.1:0",
		.token_file = path,
	};
	struct http_service service;
	struct err err = { "" };

	control_rig_start(&sc->rig);
	memory_pause(true);
	sc->backend = (struct backend){
		.loop = &sc->rig.loop,
		.watch = sc->rig.watch,
		.roster = sc->rig.roster,
		.self = sc,
		.sheet = some_object,
		.inputs = some_list,
		.outputs = some_list,
		.output_add = change,
		.output_remove = change,
		.output_rotate = change,
		.drain = drain,
	};
	sc->server = http_server_open(&o, &code, &err);
	FUZZ_CHECK(sc->server != NULL);
	sc->api = api_new(&sc->backend, sc->server);
	FUZZ_CHECK(sc->api != NULL);
	service = api_service(sc->api);
	FUZZ_CHECK(http_server_start(sc->server, &service, &err) == 0);
	sc->at = address_of(sc->server);
	memory_pause(false);
	(void)close(fd); /* it was read */
}

/* --- answers ------------------------------------------------------------ */

static void
check_answer(const struct MHD_Connection *c)
{
	const struct MHD_Response *r = c->response;
	json_t *object;

	FUZZ_CHECK(c->status >= 200 && c->status < 600);
	if (memory_is_short() || strncmp(r->type, "application/", 12) != 0 ||
	    strstr(r->type, "json") == NULL)
		return;
	object = json_loadb(r->data, r->len, 0, NULL);
	FUZZ_CHECK(json_is_object(object));
	if (c->status >= 400)
		FUZZ_CHECK(json_integer_value(json_object_get(
			       object, "status")) == (json_int_t)c->status);
	json_decref(object);
}

/* A part of a stream: lines with a name, and JSON behind "data: ". */
static void
check_events(const struct obuf *out)
{
	const char *at = (const char *)out->data, *lf;
	const char *end;

	if (out->len == 0) /* it has said nothing yet */
		return;
	end = at + out->len;
	for (; at < end; at = lf + 1) {
		json_t *object;

		lf = memchr(at, '\n', (size_t)(end - at));
		FUZZ_CHECK(lf != NULL);
		if (strncmp(at, "data: ", 6) != 0)
			continue;
		object = json_loadb(at + 6, (size_t)(lf - at - 6), 0, NULL);
		FUZZ_CHECK(json_is_object(object) || memory_is_short());
		json_decref(object);
	}
}

/* What there is of its answer.  Return: is it over? */
static bool
look_at(struct MHD_Connection *c)
{
	struct obuf out = { .data = NULL };
	size_t none = 0;
	bool is_over;

	if (c->is_asleep)
		return false;
	if (c->response == NULL &&
	    fake_mhd_call(c, "", "", NULL, &none) != MHD_YES)
		return true;
	if (c->is_asleep || c->response == NULL)
		return !c->is_asleep;
	if (c->response->read == NULL) {
		check_answer(c);
		return true;
	}
	is_over = !fake_mhd_pull(c, &out);
	memory_pause(true);
	if (!out.failed)
		check_events(&out);
	memory_pause(false);
	obuf_done(&out);
	return is_over;
}

static void
look_at_all(void)
{
	struct MHD_Daemon *d = fake_mhd_daemon;

	/* From the end: the last takes the place of one that goes. */
	for (size_t i = d->n; i > 0; i--) {
		struct MHD_Connection *c = d->all[i - 1];

		if (look_at(c))
			fake_mhd_end(c);
	}
}

/* --- requests ----------------------------------------------------------- */

/* libFuzzer's alarm came between; the kernel goes on. */
static int
go_on(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return (p.revents & POLLERR) == 0 ? 0 : -1;
}

/*
 * Its end leaves nothing behind in the kernel; but others on this machine may
 * have taken all ports for a while.
 */
static int
dial(const struct addr *at)
{
	const struct linger linger = { 1, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage ss;
	socklen_t len;
	int rc = -1;

	if (fd < 0 || addr_to_sockaddr(at, &ss, &len) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) != 0)
		abort(); /* nothing can be tested then */
	for (int i = 0; i < 1000; i++) {
		rc = connect(fd, (struct sockaddr *)&ss, len);
		if (rc != 0 && errno == EINTR)
			rc = go_on(fd);
		if (rc == 0 || errno != EADDRNOTAVAIL)
			break;
		(void)poll(NULL, 0, 10);
	}
	if (rc != 0) {
		perror("fuzz_http: connect");
		abort();
	}
	return fd;
}

static struct MHD_Connection *
knock(struct scene *sc)
{
	const struct MHD_Daemon *d = fake_mhd_daemon;
	size_t before = d->n;
	int fd = dial(&sc->at);

	for (int i = 0; i < 3 && d->n == before; i++)
		rig_turn_main(&sc->rig);
	if (d->n > before) {
		d->all[before]->peer = fd;
		return d->all[before];
	}
	FUZZ_CHECK(memory_is_short());
	(void)close(fd); /* of no use any more */
	return NULL;
}

static void
add_field(struct fake_mhd_fields *all, const char *key, const char *value)
{
	if (all->n < FAKE_MHD_FIELDS)
		all->v[all->n++] = (struct fake_mhd_field){ key, value };
}

static void
take_params(struct MHD_Connection *c, char *query)
{
	char *pair;

	while ((pair = strsep(&query, "&")) != NULL) {
		char *value = strchr(pair, '=');

		if (value != NULL)
			*value++ = '\0';
		(void)http_route_unescape(pair); /* how long it is, is in it */
		if (value != NULL)
			(void)http_route_unescape(value);
		add_field(&c->params, pair, value);
	}
}

/* @text is behind the first line; what follows the headers is returned. */
static char *
take_headers(struct MHD_Connection *c, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")) != NULL && line[0] != '\0') {
		char *value = strchr(line, ':');

		if (value == NULL)
			continue;
		*value++ = '\0';
		add_field(&c->headers, line, value + strspn(value, " "));
	}
	if (c->headers.n == 0) {
		add_field(&c->headers, "Host", "localhost");
		add_field(&c->headers, "Authorization", "Bearer " TOKEN);
	}
	return text;
}

static bool
ask(struct MHD_Connection *c, char *text)
{
	char *rest = text;
	char *line = strsep(&rest, "\n");
	char *method = strsep(&line, " ");
	char *url = line != NULL ? strsep(&line, " ") : NULL;
	char *query = url;
	char *body;
	size_t len = 0;

	if (url == NULL)
		return false;
	body = take_headers(c, rest);
	url = strsep(&query, "?");
	if (query != NULL)
		take_params(c, query);
	(void)http_route_unescape(url); /* likewise */
	if (fake_mhd_call(c, method, url, NULL, &len) != MHD_YES)
		return false;
	for (size_t left = body != NULL ? strlen(body) : 0;
	     left > 0 && c->response == NULL; left -= left > 100 ? 100 : left) {
		len = left > 100 ? 100 : left;
		if (fake_mhd_call(c, method, url, body, &len) != MHD_YES)
			return false;
		FUZZ_CHECK(len == 0);
		body += left > 100 ? 100 : left;
	}
	return true;
}

/* Time passes; what takes its time is done. */
static void
settle(struct scene *sc)
{
	backend_done *done = sc->done;

	rig_settle(&sc->rig);
	if (done != NULL && sc->nrequests % 2 == 0) {
		sc->done = NULL;
		done(sc->done_self, 0, "later");
	}
	look_at_all();
}

static void
request(struct scene *sc, char *text)
{
	struct MHD_Connection *c;

	if (text[0] == '!' && strlen(text) > 3) {
		memory_pause(true);
		control_rig_do(&sc->rig, text[1], (unsigned char)text[2]);
		memory_pause(false);
		text += 3;
	}
	if (text[0] == '\0' || sc->nrequests++ >= REQUESTS)
		return;
	c = knock(sc);
	if (c == NULL)
		return;
	if (!ask(c, text))
		fake_mhd_end(c);
	settle(sc);
}

static void
stop(struct scene *sc)
{
	settle(sc);
	http_server_close(sc->server);
	api_close(sc->api);
	if (sc->done != NULL)
		sc->done(sc->done_self, -EINVAL, "over");
	control_rig_stop(&sc->rig);
	api_free(sc->api);
	http_server_free(sc->server);
	log_set_level(LOG_LEVEL_ERROR); /* which requests may change */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene sc;
	struct fuzz_in in = { data, size };
	char *text = fuzz_text(&in), *rest = text, *next;

	memset(&sc, 0, sizeof(sc));
	start(&sc);
	while (rest != NULL) {
		next = strstr(rest, "%%\n");
		if (next != NULL) {
			*next = '\0';
			next += strlen("%%\n");
		}
		request(&sc, rest);
		rest = next;
	}
	stop(&sc);
	free(text);
	return 0;
}
