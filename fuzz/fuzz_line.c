#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/obuf.h"
#include "control/line_client.h"
#include "control/line_state.h"
#include "control_rig.h"

/*
 * Control by lines of JSON (control/line.h): each line of the input is said by
 * a client, but those that begin with '!' let something happen to a session:
 * '!', what, and which (control_rig.h).
 *
 * The client's socket is one end of a pair.  All that it hears is lines of
 * JSON objects with a category and an event, and each command has one answer.
 */

struct scene {
	struct rig rig;
	struct line l;
	struct line_client *c;
	struct obuf heard;
	int peer;
	bool has_gone;
	size_t nasked;
	size_t nanswers;
};

static void
put_stats(void *self, json_t *object)
{
	(void)self;
	(void)json_object_set_new(object, "capture", json_object());
}

static void
take_log(void *self, const char *what, const char *json)
{
	(void)self;
	FUZZ_CHECK(what[0] != '\0' && json[0] == '{');
}

static void
on_line(void *self, struct line_client *c, char *text, size_t len)
{
	line_command(self, c, text, len);
}

static void
on_gone(void *self, struct line_client *c)
{
	struct scene *sc = ATTR_CONTAINER(self, struct scene, l);

	list_remove(&c->node);
	sc->has_gone = true;
}

static const struct line_client_ops client_ops = {
	.line = on_line,
	.too_long = on_gone,
	.gone = on_gone,
};

static void
connect_client(struct scene *sc)
{
	struct line_client *c = memory_own_zeroed(sizeof(*c));
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		fd) != 0)
		abort(); /* nothing can be tested then */
	c->ops = &client_ops;
	c->self = &sc->l;
	c->cats = ~0U;
	c->may_change = true;
	list_init(&c->node);
	FUZZ_CHECK(uv_tcp_init(&sc->rig.loop, &c->tcp) == 0);
	FUZZ_CHECK(uv_tcp_open(&c->tcp, fd[0]) == 0);
	c->tcp.data = c;
	list_append(&sc->l.clients, &c->node);
	sc->l.nclients = 1;
	sc->c = c;
	sc->peer = fd[1];
}

static void
start(struct scene *sc)
{
	control_rig_start(&sc->rig);
	sc->l.o = (struct line_opts){
		.token = "sesame",
		.cats = ~0U,
		.loop = &sc->rig.loop,
		.box = &sc->rig.box,
		.roster = sc->rig.roster,
		.watch = sc->rig.watch,
		.stats = put_stats,
		.log = take_log,
	};
	list_init(&sc->l.clients);
	list_init(&sc->l.listener.node);
	memory_pause(true);
	FUZZ_CHECK(line_book_init(&sc->l.book) == 0);
	line_event_listen(&sc->l);
	memory_pause(false);
	connect_client(sc);
}

static void
check_line(struct scene *sc, const char *text, size_t len)
{
	json_t *object = json_loadb(text, len, 0, NULL);
	const char *event;

	FUZZ_CHECK(json_is_object(object));
	event = json_string_value(json_object_get(object, "event"));
	FUZZ_CHECK(event != NULL);
	FUZZ_CHECK(json_is_string(json_object_get(object, "cat")));
	if (strcmp(event, "control_reply") == 0) {
		sc->nanswers++;
		FUZZ_CHECK(json_is_boolean(json_object_get(object, "ok")));
	} else if (strcmp(event, "control_error") == 0) {
		sc->nanswers++;
	}
	json_decref(object);
}

/* What has been said to the client so far. */
static void
hear(struct scene *sc)
{
	uint8_t *room = obuf_room(&sc->heard, 65536);
	char *at, *lf;
	ssize_t n;

	FUZZ_CHECK(room != NULL);
	while ((n = recv(sc->peer, room, 65536, 0)) > 0) {
		sc->heard.len += (size_t)n;
		room = obuf_room(&sc->heard, 65536);
	}
	at = (char *)sc->heard.data;
	for (const char *end = at + sc->heard.len;
	     (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1) {
		if (!memory_is_short())
			check_line(sc, at, (size_t)(lf - at));
	}
	n = (char *)sc->heard.data + sc->heard.len - at;
	memmove(sc->heard.data, at, (size_t)n);
	sc->heard.len = (size_t)n;
}

static bool
is_blank(const char *text, size_t len)
{
	return strspn(text, " \t\r") >= len && strlen(text) >= len;
}

static void
say(struct scene *sc, struct fuzz_in *in)
{
	const uint8_t *lf = memchr(in->p, '\n', in->left);
	size_t len = lf != NULL ? (size_t)(lf - in->p) : in->left;
	char *text = (char *)fuzz_bytes(in, len, &len);
	char *copy = memory_own(len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	(void)fuzz_u8(in); /* the newline */
	if (len > 2 && text[0] == '!') {
		memory_pause(true);
		control_rig_do(&sc->rig, text[1], (unsigned char)text[2]);
		line_event_notes(&sc->l);
		memory_pause(false);
	} else if (!sc->has_gone) {
		sc->nasked += !is_blank(copy, len);
		line_command(&sc->l, sc->c, text, len);
	}
	memory_pause(true);
	hear(sc);
	memory_pause(false);
	free(copy);
	free(text);
}

static void
stop(struct scene *sc)
{
	if (!sc->has_gone)
		line_client_drop(sc->c);
	roster_unlisten(&sc->l.listener);
	control_rig_stop(&sc->rig);
	line_book_done(&sc->l.book);
	obuf_done(&sc->heard);
	(void)close(sc->peer); /* of no use any more */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scene sc;
	struct fuzz_in in = { data, size };

	memset(&sc, 0, sizeof(sc));
	start(&sc);
	while (in.left > 0)
		say(&sc, &in);
	memory_pause(true);
	rig_settle(&sc.rig);
	hear(&sc);
	FUZZ_CHECK(
	    memory_is_short() || sc.has_gone || sc.nasked == sc.nanswers);
	memory_pause(false);
	stop(&sc);
	return 0;
}
