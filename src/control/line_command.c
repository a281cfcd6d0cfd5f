#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/clock.h"
#include "control/line_json.h"
#include "control/line_state.h"
#include "control/watch.h"

/*
 * A reply is {ts, cat: "control", event: "control_reply", reply_to, ok, ...};
 * the id of a command that has one is given back.
 */

/**
 * struct asked - A command being carried out
 * @args:	The object that came
 * @reply:	To be filled in; "ok" is true unless fail() was called
 */
struct asked {
	struct line *l;
	struct line_client *c;
	const json_t *args;
	json_t *reply;
};

/* With values that could not be made a reply lacks them. */
static void
put(struct asked *a, const char *key, json_t *value_take)
{
	(void)json_object_set_new(a->reply, key, value_take);
}

static void
fail(struct asked *a, const char *error)
{
	put(a, "ok", json_false());
	put(a, "error", json_string(error));
}

/* Numbers up to here are the same as floating point, which some scripts send.
 */
#define SESSION_ID_BEYOND 9007199254740992.0

/* A number, or its digits in quotes; anything else is session 0: unknown. */
static bool
asked_id(const struct asked *a, uint64_t *id)
{
	const json_t *v = json_object_get(a->args, "session_id");

	*id = 0;
	if (v == NULL || json_is_null(v))
		return false;
	if (json_is_number(v) && json_number_value(v) >= 1 &&
	    json_number_value(v) < SESSION_ID_BEYOND)
		*id = (uint64_t)json_number_value(v);
	else if (json_is_string(v) && json_string_value(v)[0] != '-')
		*id = strtoull(json_string_value(v), NULL, 10);
	return true;
}

/* The open session that is meant; NULL: the reply says what is wrong. */
static struct watch_session *
asked_session(struct asked *a)
{
	struct watch_session *ws;
	uint64_t id;

	if (!asked_id(a, &id)) {
		fail(a, "missing_session_id");
		return NULL;
	}
	put(a, "session_id", json_integer((json_int_t)id));
	ws = roster_find(a->l->o.roster, id);
	if (ws == NULL || atomic_load(&ws->closed)) {
		fail(a, "not_found");
		return NULL;
	}
	return ws;
}

/* --- commands ------------------------------------------------------------ */

static void
do_ping(struct asked *a)
{
	(void)a;
}

static void
do_stats(struct asked *a)
{
	put(a, "stats", line_stats(a->l));
}

static void
put_cats(struct asked *a)
{
	/* Sorted, as the original gives them. */
	static const enum news_cat order[] = { NEWS_CONTROL, NEWS_DEBUG,
		NEWS_FLOW, NEWS_OUTPUT, NEWS_PORTS, NEWS_SESSION, NEWS_STATS };
	json_t *cats = json_array();

	for (size_t i = 0; i < ATTR_COUNT(order); i++)
		if ((a->c->cats & 1U << order[i]) != 0)
			(void)json_array_append_new(
			    cats, json_string(news_cat_names()[order[i]]));
	put(a, "cats", cats);
}

/* Names that there are not are told, and nothing else comes of them. */
static unsigned
read_cats(struct asked *a, const json_t *list)
{
	json_t *unknown = json_array();
	unsigned cats = 0;
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		const char *name = json_string_value(v);
		unsigned cat = 0;

		while (cat < NEWS_NCATS &&
		       (name == NULL ||
			   strcasecmp(name, news_cat_names()[cat]) != 0))
			cat++;
		if (cat < NEWS_NCATS)
			cats |= 1U << cat;
		else
			(void)json_array_append(unknown, v);
	}
	if (json_array_size(unknown) > 0)
		put(a, "unknown_cats", json_incref(unknown));
	json_decref(unknown);
	return cats;
}

static void
do_subscribe(struct asked *a)
{
	const json_t *list = json_object_get(a->args, "cats");

	if (!json_is_array(list)) {
		fail(a, "cats must be list");
		return;
	}
	a->c->cats = read_cats(a, list);
	put_cats(a);
}

static void
do_subscribe_default(struct asked *a)
{
	a->c->cats = a->l->o.cats;
	put_cats(a);
}

static void
put_flows(struct asked *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->c->nflows; i++)
		(void)json_array_append_new(
		    list, json_integer((json_int_t)a->c->flows[i]));
	put(a, "flow_global", json_boolean(a->c->flow_all));
	put(a, "flow_sessions", list);
}

static void
set_flow(struct asked *a, bool on)
{
	uint64_t id;

	if (!asked_id(a, &id)) {
		a->c->flow_all = on;
		if (!on)
			a->c->nflows = 0;
	} else if (line_client_flow(a->c, id, on) != 0) {
		fail(a, "too_many_sessions");
	}
	put_flows(a);
}

static void
do_flow_enable(struct asked *a)
{
	set_flow(a, true);
}

static void
do_flow_disable(struct asked *a)
{
	set_flow(a, false);
}

json_t *
line_sessions(struct line *l, size_t most)
{
	const struct roster_query q = { .state = ROSTER_OPEN, .limit = most };
	struct roster_page page;
	json_t *list;

	if (roster_list(l->o.roster, &q, &page) != 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < page.n; i++) {
		const struct watch_session *ws = page.sessions[i];

		(void)json_array_append_new(
		    list, line_json_session(&l->o, ws,
			      line_book_find(&l->book, ws->id), false));
	}
	roster_page_done(&page);
	return list;
}

static void
do_list_sessions(struct asked *a)
{
	json_t *list = line_sessions(a->l, SIZE_MAX);

	if (list == NULL)
		fail(a, "no_memory");
	else
		put(a, "sessions", list);
}

static void
do_get_session(struct asked *a)
{
	const struct watch_session *ws = asked_session(a);

	if (ws != NULL)
		put(a, "session",
		    line_json_session(&a->l->o, ws,
			line_book_find(&a->l->book, ws->id), true));
}

static void
do_close_session(struct asked *a)
{
	struct watch_session *ws = asked_session(a);

	if (ws != NULL)
		watch_end(a->l->o.watch, ws);
}

/* In a time that does not tell how much of it was right. */
static bool
is_token(const char *token, const char *said)
{
	size_t len = strlen(token), n = strlen(said);
	unsigned char differ = len != n;

	for (size_t i = 0; i < len; i++)
		differ |= (unsigned char)(token[i] ^ said[n > 0 ? i % n : 0]);
	return differ == 0;
}

static void
do_auth(struct asked *a)
{
	const char *token = a->l->o.token;
	const char *said = json_string_value(json_object_get(a->args, "token"));

	if (token == NULL)
		fail(a, "no_token_is_set");
	else if (said == NULL || !is_token(token, said))
		fail(a, "wrong_token");
	else
		a->c->may_change = true;
}

/**
 * struct command - One of them
 * @changes:	Something, so that not everybody may
 */
struct command {
	const char *name;
	void (*run)(struct asked *a);
	bool changes;
};

static const struct command commands[] = {
	{ "ping", do_ping, false },
	{ "hello", do_ping, false },
	{ "stats", do_stats, false },
	{ "get_stats", do_stats, false },
	{ "subscribe", do_subscribe, false },
	{ "subscribe_default", do_subscribe_default, false },
	{ "tcp_flow_enable", do_flow_enable, false },
	{ "tcp_flow_disable", do_flow_disable, false },
	{ "list_sessions", do_list_sessions, false },
	{ "get_session", do_get_session, false },
	{ "close_session", do_close_session, true },
	{ "close", do_close_session, true },
	{ "auth", do_auth, false },
};

/* --- lines --------------------------------------------------------------- */

static void
carry_out(struct asked *a, const char *name)
{
	for (size_t i = 0; i < ATTR_COUNT(commands); i++) {
		if (strcasecmp(commands[i].name, name) != 0)
			continue;
		if (commands[i].changes && !a->c->may_change)
			fail(a, "not_allowed");
		else
			commands[i].run(a);
		return;
	}
	fail(a, "unknown_cmd");
}

static void
reply_bad(struct line *l, struct line_client *c)
{
	json_t *event = line_event(NEWS_CONTROL, "control_error");

	(void)json_object_set_new(event, "error", json_string("bad_json"));
	line_say(l, c, event);
}

static bool
is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr(" \t\r", text[i]) == NULL || text[i] == '\0')
			return false;
	return true;
}

void
line_command(struct line *l, struct line_client *c, char *text, size_t len)
{
	struct asked a = { .l = l, .c = c };
	const char *name;
	json_t *args, *id;

	if (is_blank(text, len))
		return;
	args = json_loadb(text, len, 0, NULL);
	if (!json_is_object(args)) {
		json_decref(args);
		reply_bad(l, c);
		return;
	}
	name = json_string_value(json_object_get(args, "cmd"));
	id = json_object_get(args, "id");
	a.args = args;
	a.reply = line_event(NEWS_CONTROL, "control_reply");
	put(&a, "reply_to", json_string(name != NULL ? name : ""));
	put(&a, "ok", json_true());
	if (id != NULL)
		put(&a, "id", json_incref(id));
	carry_out(&a, name != NULL ? name : "");
	line_say(l, c, a.reply);
	json_decref(args);
}
