#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "control/roster.h"
#include "control/roster_filter.h"
#include "control/watch_lane.h"

/** struct scene - A roster, and the watch that is played. */
struct scene {
	struct roster *r;
	struct watch_notes notes;
};

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	sc->r = roster_new();
	assert_non_null(sc->r);
	sc->notes = roster_notes(sc->r);
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	roster_free(sc->r);
	free(sc);
	return 0;
}

/* A session from 192.0.2.1:ID to 198.51.100.7:80. */
static struct watch_session *
make(uint64_t id)
{
	struct watch_entry *e = calloc(1, sizeof(*e));
	struct watch_session *ws;

	assert_non_null(e);
	list_init(&e->touched);
	ws = &e->pub;
	ws->refs = 1;
	ws->id = id;
	ws->source = "proxy";
	ws->input = "left";
	assert_int_equal(addr_parse_ip(&ws->client, "192.0.2.1"), 0);
	ws->client.port = (uint16_t)id;
	assert_int_equal(addr_parse_ip(&ws->server, "198.51.100.7"), 0);
	ws->server.port = 80;
	return ws;
}

/* The roster alone holds it then. */
static struct watch_session *
come(struct scene *sc, uint64_t id)
{
	struct watch_session *ws = make(id);

	sc->notes.opened(sc->notes.self, ws);
	watch_session_unref(ws);
	return ws;
}

static void
go(struct scene *sc, uint64_t id)
{
	struct watch_session *ws = roster_find(sc->r, id);

	assert_non_null(ws);
	ws->closed = true;
	sc->notes.closed(sc->notes.self, ws);
}

/* "3 5 7|9/12": a page, what comes after it, and how many there are in all. */
static void
assert_page(struct scene *sc, const struct roster_query *q, const char *want)
{
	struct roster_page page;
	char text[512];
	size_t n = 0;

	assert_int_equal(roster_list(sc->r, q, &page), 0);
	text[0] = '\0';
	for (size_t i = 0; i < page.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%ju",
		    i > 0 ? " " : "", (uintmax_t)page.sessions[i]->id);
	(void)snprintf(text + n, sizeof(text) - n, "|%ju/%zu",
	    (uintmax_t)page.next, page.total);
	assert_string_equal(text, want);
	roster_page_done(&page);
	roster_page_done(&page);
}

static void
sessions_are_found_by_number(void **state)
{
	static const uint64_t ids[] = { 4, 2, 9, 1, 7, 8, 3 };
	struct scene *sc = *state;

	for (size_t i = 0; i < ATTR_COUNT(ids); i++)
		(void)come(sc, ids[i]); /* found below */
	for (size_t i = 0; i < ATTR_COUNT(ids); i++)
		assert_int_equal(roster_find(sc->r, ids[i])->id, ids[i]);
	assert_null(roster_find(sc->r, 0));
	assert_null(roster_find(sc->r, 5));
	assert_null(roster_find(sc->r, 10));
	assert_int_equal(roster_open(sc->r), 7);
	go(sc, 4);
	assert_int_equal(roster_open(sc->r), 6);
	assert_non_null(roster_find(sc->r, 4));
}

static void
pages_go_up_and_down(void **state)
{
	struct scene *sc = *state;
	struct roster_query q = { .limit = 3 };

	assert_page(sc, &q, "|0/0");
	q.newest_first = true;
	assert_page(sc, &q, "|0/0");
	q.newest_first = false;
	for (uint64_t id = 1; id <= 8; id++)
		(void)come(sc, id);
	go(sc, 2);
	go(sc, 5);
	assert_page(sc, &q, "1 2 3|3/8");
	q.after = 3;
	assert_page(sc, &q, "4 5 6|6/8");
	q.after = 6;
	assert_page(sc, &q, "7 8|0/8");
	q.after = 8;
	assert_page(sc, &q, "|0/8");
	q.after = UINT64_MAX;
	assert_page(sc, &q, "|0/8");
	q = (struct roster_query){ .limit = 3, .newest_first = true };
	assert_page(sc, &q, "8 7 6|6/8");
	q.after = 6;
	assert_page(sc, &q, "5 4 3|3/8");
	q.after = 3;
	assert_page(sc, &q, "2 1|0/8");
	q.after = 1;
	assert_page(sc, &q, "|0/8");
	q = (struct roster_query){ .limit = 3, .state = ROSTER_OPEN };
	assert_page(sc, &q, "1 3 4|4/6");
	q = (struct roster_query){ .limit = 2, .state = ROSTER_OVER };
	assert_page(sc, &q, "2 5|0/2");
	q.limit = 0;
	assert_page(sc, &q, "|0/2");
}

/* A page goes on where the last one ended, whoever came and went. */
static void
pages_go_on_where_the_last_one_ended(void **state)
{
	struct scene *sc = *state;
	struct roster_query q = {
		.limit = 2, .after = 4, .state = ROSTER_OPEN
	};

	for (uint64_t id = 2; id <= 8; id += 2)
		(void)come(sc, id);
	go(sc, 4);
	(void)come(sc, 1);
	(void)come(sc, 5);
	assert_page(sc, &q, "5 6|6/5");
}

static void
words_are_looked_for_everywhere(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} row[] = {
		{ "", "1 2 12|0/3" },
		{ "  ", "1 2 12|0/3" },
		{ "#12", "12|0/1" },
		{ "#1", "1 12|0/2" },
		{ "LEFT", "1 2 12|0/3" },
		{ "ftp.example", "2|0/1" },
		{ "Ftp closed", "2|0/1" },
		{ "ftp open", "|0/0" },
		{ " closed\t ftp \n", "2|0/1" },
		{ "192.0.2.1:12", "12|0/1" },
		{ "sERVER.hOST", "1|0/1" },
		{ "203.0.113.9", "12|0/1" },
		{ "198.51.100.7:80", "1 2 12|0/3" },
		/* Words end where the fields do. */
		{ "12closed", "|0/0" },
		{ "unspec", "|0/0" },
		{ "?", "|0/0" },
	};
	struct scene *sc = *state;
	struct watch_session *ws;

	ws = come(sc, 1);
	ws->host[DIR_SERVER] = strdup("Server.Host");
	ws = come(sc, 2);
	ws->target = strdup("FTP.example:21");
	go(sc, 2);
	ws = come(sc, 12);
	assert_int_equal(addr_parse_ip(&ws->local, "203.0.113.9"), 0);
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		const struct roster_query q = {
			.limit = 10,
			.text = row[i].text,
		};

		assert_page(sc, &q, row[i].want);
	}
}

static void
long_names_are_cut_not_overrun(void **state)
{
	struct scene *sc = *state;
	struct watch_session *ws = come(sc, 1);
	struct roster_query q = { .limit = 1, .text = "left" };

	ws->target = malloc(10001);
	assert_non_null(ws->target);
	memset(ws->target, 'a', 10000);
	ws->target[10000] = '\0';
	assert_page(sc, &q, "|0/0");
	q.text = "aaaaaaaa";
	assert_page(sc, &q, "1|0/1");
	/* One byte before, at and behind the end. */
	for (size_t n = 1900; n < 2100; n++) {
		ws->target[n] = '\0';
		assert_page(sc, &q, "1|0/1");
		ws->target[n] = 'a';
	}
}

static void
closed_ones_are_kept_as_many_as_promised(void **state)
{
	struct scene *sc = *state;
	struct roster_query q = { .limit = 1, .state = ROSTER_OVER };
	const uint64_t last = 3 * ROSTER_CLOSED;
	char want[64];

	for (uint64_t id = 1; id <= last; id++) {
		(void)come(sc, id);
		if (id % 1000 != 0)
			go(sc, id);
	}
	assert_int_equal(roster_open(sc->r), last / 1000);
	(void)snprintf(want, sizeof(want), "%ju|%ju/%d",
	    (uintmax_t)(last - ROSTER_CLOSED - 10),
	    (uintmax_t)(last - ROSTER_CLOSED - 10), ROSTER_CLOSED);
	assert_page(sc, &q, want);
	assert_null(roster_find(sc->r, 1));
	assert_non_null(roster_find(sc->r, 1000));
	assert_non_null(roster_find(sc->r, last - 1));
	q = (struct roster_query){
		.limit = 2, .state = ROSTER_OPEN, .after = 5000
	};
	assert_page(sc, &q, "6000 7000|7000/30");
	/* Those that go late are the latest. */
	go(sc, 1000);
	assert_non_null(roster_find(sc->r, 1000));
}

/** struct listener - Counts; may remove itself, or another. */
struct listener {
	struct roster_listener l;
	unsigned opened;
	unsigned ended;
	unsigned closed;
	struct roster_listener *removes;
};

static void
on_opened(void *self, struct watch_session *ws)
{
	struct listener *l = self;

	assert_int_equal(ws->id, 1);
	l->opened++;
	if (l->removes != NULL)
		roster_unlisten(l->removes);
}

static void
on_ended(void *self, struct watch_session *ws, enum dir dir)
{
	struct listener *l = self;

	assert_int_equal(ws->id, 1);
	assert_int_equal(dir, DIR_SERVER);
	l->ended++;
}

static void
on_closed(void *self, struct watch_session *ws)
{
	struct listener *l = self;

	assert_int_equal(ws->id, 1);
	l->closed++;
}

static void
listeners_hear_and_leave(void **state)
{
	struct scene *sc = *state;
	struct listener a = { .opened = 0 }, b = { .opened = 0 };
	struct listener quiet = { .opened = 0 };

	a.l = (struct roster_listener){ .opened = on_opened,
		.ended = on_ended,
		.closed = on_closed,
		.self = &a };
	b.l = (struct roster_listener){
		.opened = on_opened, .closed = on_closed, .self = &b
	};
	a.removes = &a.l;
	roster_listen(sc->r, &quiet.l);
	roster_listen(sc->r, &a.l);
	roster_listen(sc->r, &b.l);
	(void)come(sc, 1);
	assert_int_equal(a.opened, 1);
	assert_int_equal(b.opened, 1);
	roster_listen(sc->r, &a.l);
	sc->notes.ended(sc->notes.self, roster_find(sc->r, 1), DIR_SERVER);
	roster_unlisten(&b.l);
	roster_unlisten(&b.l);
	go(sc, 1);
	assert_int_equal(a.ended, 1);
	assert_int_equal(a.closed, 1);
	assert_int_equal(b.closed, 0);
}

static void
a_listener_may_remove_the_next_one(void **state)
{
	struct scene *sc = *state;
	struct listener a = { .opened = 0 }, b = { .opened = 0 };

	a.l = (struct roster_listener){ .opened = on_opened, .self = &a };
	b.l = (struct roster_listener){ .opened = on_opened, .self = &b };
	a.removes = &b.l;
	roster_listen(sc->r, &a.l);
	roster_listen(sc->r, &b.l);
	(void)come(sc, 1);
	assert_int_equal(a.opened, 1);
	assert_int_equal(b.opened, 0);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(sessions_are_found_by_number),
		SCENE(pages_go_up_and_down),
		SCENE(pages_go_on_where_the_last_one_ended),
		SCENE(words_are_looked_for_everywhere),
		SCENE(long_names_are_cut_not_overrun),
		SCENE(closed_ones_are_kept_as_many_as_promised),
		SCENE(listeners_hear_and_leave),
		SCENE(a_listener_may_remove_the_next_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
