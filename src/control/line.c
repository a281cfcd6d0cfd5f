#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "control/line_json.h"
#include "control/line_state.h"
#include "control/watch.h"
#include "net/mail.h"

/* Who has to be turned away is so at once. */
#define BACKLOG 32

/* How often streams are looked at, if anybody wants notes of them. */
#define NOTES_MS 1000

/* News on their way; a main thread that is held up loses what exceeds it. */
#define LETTERS_MAX 100000

/** struct letter - News from a worker. */
struct letter {
	struct mail mail;
	struct line *line;
	struct news news;
};

/* --- clients ------------------------------------------------------------- */

static void
put_peer(json_t *event, const struct addr *peer)
{
	char text[ADDR_TEXT_MAX];

	(void)json_object_set_new(
	    event, "peer", json_string(addr_format(peer, text)));
}

static void
on_line(void *self, struct line_client *c, char *text, size_t len)
{
	line_command(self, c, text, len);
}

static void
say_error(struct line *l, struct line_client *c, const char *error)
{
	json_t *event = line_event(NEWS_CONTROL, "control_error");

	(void)json_object_set_new(event, "error", json_string(error));
	line_say(l, c, event);
}

static void
on_too_long(void *self, struct line_client *c)
{
	say_error(self, c, "line_too_long");
}

static void
on_gone(void *self, struct line_client *c)
{
	struct line *l = self;
	json_t *event;

	list_remove(&c->node);
	if (!c->is_welcome)
		return;
	l->nclients--;
	event = line_event(NEWS_CONTROL, "control_disconnected");
	put_peer(event, &c->peer);
	line_publish(l, event);
}

static const struct line_client_ops client_ops = {
	.line = on_line,
	.too_long = on_too_long,
	.gone = on_gone,
};

/* The others hear that it has come; it hears what there is. */
static void
welcome(struct line *l, struct line_client *c)
{
	json_t *event = line_event(NEWS_CONTROL, "control_connected");
	json_t *greeting;

	put_peer(event, &c->peer);
	(void)json_object_set_new(
	    event, "version", json_string(TEELINE_VERSION));
	greeting = json_copy(event);
	line_publish(l, event);
	(void)json_object_set_new(greeting, "sessions_open",
	    json_integer((json_int_t)roster_open(l->o.roster)));
	(void)json_object_set_new(
	    greeting, "sessions", line_sessions(l, LINE_SNAPSHOT));
	c->is_welcome = true;
	c->cats = l->o.cats;
	l->nclients++;
	list_append(&l->clients, &c->node);
	line_say(l, c, greeting);
}

/* Those who have nothing more to say and do not read what was said. */
static void
make_room(struct line *l)
{
	for (struct list *at = l->clients.next; at != &l->clients;
	     at = at->next) {
		struct line_client *c =
		    LIST_ENTRY(at, struct line_client, node);

		if (c->has_ended) {
			line_client_drop(c);
			return;
		}
	}
}

/* Who sits here keeps room for whoever comes from afar. */
static bool
has_room(const struct line *l, const struct line_client *new)
{
	size_t strangers = 0, alike = 0;

	if (l->nclients >= LINE_CLIENTS)
		return false;
	if (new->is_near)
		return true;
	for (struct list *at = l->clients.next; at != &l->clients;
	     at = at->next) {
		const struct line_client *c =
		    LIST_ENTRY(at, struct line_client, node);

		strangers += !c->is_near;
		alike += addr_same_ip(&c->peer, &new->peer);
	}
	return strangers < LINE_STRANGERS && alike < LINE_ALIKE;
}

/* One line in the log for each time that it becomes too many. */
static void
turn_away(struct line *l, struct line_client *c)
{
	char peer[ADDR_TEXT_MAX];

	l->refused++;
	if (!l->is_full)
		log_warn("control: no room for %s: too many clients",
		    addr_format(&c->peer, peer));
	l->is_full = true;
	say_error(l, c, "too_many_clients");
	line_client_drop(c);
}

static void
on_knock(uv_stream_t *door, int status)
{
	struct line *l = door->data;
	struct line_client *c;

	/* Out of descriptors: the next one who knocks finds out. */
	if (status != 0)
		return;
	c = line_client_accept(&l->door, &client_ops, l);
	if (c == NULL)
		return;
	if (!has_room(l, c))
		make_room(l);
	if (!has_room(l, c)) {
		turn_away(l, c);
		return;
	}
	l->is_full = false;
	welcome(l, c);
}

/* --- what is said -------------------------------------------------------- */

void
line_say(struct line *l, struct line_client *c, json_t *object_take)
{
	l->bytes_out += line_client_send(c, object_take);
	json_decref(object_take);
}

/* --- letters ------------------------------------------------------------- */

static void
on_letter(struct mail *m)
{
	struct letter *letter = ATTR_CONTAINER(m, struct letter, mail);
	struct line *l = letter->line;

	(void)atomic_fetch_sub(&l->letters, 1); /* its value is no news */
	line_event_news(l, &letter->news);
	news_tally_unref(letter->news.tally);
	free(letter);
}

void
line_tell(struct line *l, const struct news *n)
{
	struct letter *letter;

	/* That a session is over says its own note. */
	if (l == NULL || n->type == NEWS_LEFT)
		return;
	if (atomic_fetch_add(&l->letters, 1) >= LETTERS_MAX) {
		letter = NULL;
	} else {
		letter = malloc(sizeof(*letter));
	}
	if (letter == NULL) {
		(void)atomic_fetch_sub(&l->letters, 1);
		(void)atomic_fetch_add(&l->events_dropped, 1);
		return;
	}
	*letter = (struct letter){
		.mail.deliver = on_letter,
		.line = l,
		.news = *n,
	};
	letter->news.output = NULL; /* the sink may be gone by then */
	(void)news_tally_ref(letter->news.tally); /* is what it was */
	mail_send(l->o.box, &letter->mail);
}

/* --- from the beginning to the end --------------------------------------- */

static void
on_timer(uv_timer_t *timer)
{
	line_event_notes(timer->data);
}

static int
open_handles(struct line *l, int fd)
{
	int rc = uv_timer_init(l->o.loop, &l->timer);

	l->timer.data = l;
	if (rc == 0)
		rc = uv_timer_start(&l->timer, on_timer, NOTES_MS, NOTES_MS);
	if (rc != 0)
		return rc;
	rc = uv_tcp_init(l->o.loop, &l->door);
	l->door.data = l;
	if (rc == 0)
		rc = uv_tcp_open(&l->door, fd);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&l->door, BACKLOG, on_knock);
	return rc;
}

struct line *
line_open(const struct line_opts *o, int fd, struct err *err)
{
	struct line *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL || line_book_init(&l->book) != 0) {
		(void)close(fd); /* nobody has used it */
		free(l);
		(void)err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	l->o = *o;
	list_init(&l->clients);
	list_init(&l->listener.node);
	rc = open_handles(l, fd);
	if (rc != 0) {
		/* The loop, which is about to end, lets go of the handles. */
		(void)err_set(
		    err, rc, "cannot serve control: %s", uv_strerror(rc));
		line_close(l);
		return NULL;
	}
	line_event_listen(l);
	return l;
}

void
line_started(struct line *l, json_t *fields_take)
{
	json_t *event = line_event(NEWS_CONTROL, "service_started");

	if (fields_take != NULL)
		(void)json_object_update(event, fields_take);
	json_decref(fields_take);
	line_publish(l, event);
}

void
line_stopping(struct line *l)
{
	line_publish(l, line_event(NEWS_CONTROL, "service_stopping"));
}

json_t *
line_stats(struct line *l)
{
	json_t *object = json_object();
	struct line_sum sum;
	json_t *pcap;

	line_book_total(&l->book, &sum);
	(void)json_object_set_new(object, "ts", line_json_ts(clock_event_ns()));
	(void)json_object_set_new(object, "sessions",
	    json_integer((json_int_t)roster_open(l->o.roster)));
	line_json_total(object, &sum);
	l->o.stats(l->o.self, object);
	pcap = json_object_get(object, "pcap");
	(void)json_object_set_new(pcap, "files_opened",
	    json_integer((json_int_t)l->book.files_opened));
	(void)json_object_set_new(pcap, "files_closed",
	    json_integer((json_int_t)l->book.files_closed));
	(void)json_object_set_new(object, "control_bytes_out",
	    json_integer((json_int_t)l->bytes_out));
	(void)json_object_set_new(
	    object, "control_clients", json_integer((json_int_t)l->nclients));
	(void)json_object_set_new(object, "control_clients_refused",
	    json_integer((json_int_t)l->refused));
	(void)json_object_set_new(object, "control_events_dropped",
	    json_integer((json_int_t)atomic_load(&l->events_dropped)));
	return object;
}

void
line_log_stats(struct line *l)
{
	json_t *event = line_event(NEWS_STATS, "stats");
	json_t *figures = line_stats(l);

	if (figures != NULL)
		(void)json_object_update(event, figures);
	json_decref(figures);
	line_publish(l, event);
}

void
line_close(struct line *l)
{
	struct list *node;

	if (l == NULL || l->is_closed)
		return;
	l->is_closed = true;
	while ((node = l->clients.next) != &l->clients)
		line_client_drop(LIST_ENTRY(node, struct line_client, node));
	uv_close((uv_handle_t *)&l->timer, NULL);
	uv_close((uv_handle_t *)&l->door, NULL);
}

void
line_free(struct line *l)
{
	if (l == NULL)
		return;
	roster_unlisten(&l->listener);
	line_book_done(&l->book);
	free(l);
}
