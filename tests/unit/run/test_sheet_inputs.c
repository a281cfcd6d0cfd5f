#include "sheet_scene.h"

/**
 * struct pair - Two inputs with a worker each; one sink hears both, the other
 * only the second, a capture
 */
struct pair {
	struct fanout *fan[2];
	void *slots[2];
	struct session s[2];
	struct session_more more[2];
	struct source silent;
	struct sheet_from from[2];
};

static void
pair_init(struct scene *sc, struct pair *p)
{
	static const char *const names[] = { "web", "a-capture" };

	count_packets(sc);
	p->silent.ops = &silent_ops;
	p->fan[0] = fanout_new(&sc->sinks[1], 1, NULL, NULL);
	p->fan[1] = fanout_new(sc->sinks, 2, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		assert_non_null(p->fan[i]);
		p->slots[i] = calloc(1, fanout_session_size(p->fan[i]));
		assert_non_null(p->slots[i]);
		session_init(&p->s[i], p->fan[i], p->slots[i]);
		session_use_more(&p->s[i], &p->more[i]);
		p->s[i].id = (uint64_t)i + 1;
		session_open(&p->s[i]);
		p->from[i] = (struct sheet_from){
			.name = names[i],
			.src = i == 0 ? &p->silent : &sc->src.source,
			.fans = &p->fan[i],
			.nfans = 1,
		};
	}
}

static void
pair_take(struct scene *sc, const struct pair *p)
{
	sheet_done(&sc->sh);
	assert_int_equal(sheet_take(&sc->sh, p->from, 2, sc->sinks, 2), 0);
}

static void
pair_done(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		fanout_free(p->fan[i]);
		free(p->slots[i]);
	}
}

static void
inputs_add_up(void **state)
{
	struct scene *sc = *state;
	struct gap g = { .dir = DIR_SERVER, .len = 7, .why = GAP_LOST };
	struct pair p;

	pair_init(sc, &p);
	feed(&p.s[0], DIR_CLIENT, 100);
	feed(&p.s[1], DIR_CLIENT, 130);
	session_gap(&p.s[1], &g);
	session_close(&p.s[0], 1, HOW_RST, PARTY_CLIENT);
	pair_take(sc, &p);
	assert_int_equal(sc->sh.sessions, 2);
	assert_int_equal(sc->sh.open, 1);
	assert_int_equal(sc->sh.ended[HOW_RST], 1);
	assert_int_equal(sc->sh.bytes[DIR_CLIENT], 230);
	assert_int_equal(sc->sh.gap_bytes[DIR_SERVER], 7);
	assert_true(sc->sh.has_packets);
	assert_int_equal(sc->sh.tally.received, 1284);
	/* What the proxy received it delivered: it has no other class. */
	assert_int_equal(sc->sh.received[DIR_CLIENT],
	    100 + sc->src.tally.payload[DIR_CLIENT].received);
	assert_int_equal(sc->sh.ninputs, 2);
	assert_string_equal(sc->sh.inputs[0].name, "web");
	assert_string_equal(sc->sh.inputs[0].source, "proxy");
	assert_false(sc->sh.inputs[0].figures.has_packets);
	assert_int_equal(sc->sh.inputs[0].figures.bytes[DIR_CLIENT], 100);
	assert_int_equal(sc->sh.inputs[0].figures.open, 0);
	assert_int_equal(sc->sh.inputs[1].figures.open, 1);
	assert_int_equal(sc->sh.inputs[1].figures.gap_bytes[DIR_SERVER], 7);
	assert_int_equal(sc->sh.inputs[1].figures.tally.received, 1284);
	pair_done(&p);
}

/* By what it is, not by its place: the first input knows only the second. */
static void
sinks_have_their_own_figures(void **state)
{
	struct scene *sc = *state;
	struct pair p;

	pair_init(sc, &p);
	feed(&p.s[0], DIR_CLIENT, 100);
	feed(&p.s[1], DIR_CLIENT, 30);
	pair_take(sc, &p);
	assert_int_equal(sc->sh.nsinks, 2);
	assert_string_equal(sc->sh.sinks[0].name, "flows");
	assert_int_equal(sc->sh.sinks[0].offered, 30);
	assert_string_equal(sc->sh.sinks[1].name, "a-long-name");
	assert_int_equal(sc->sh.sinks[1].offered, 130);
	/* One that is not to be shown is not. */
	sheet_done(&sc->sh);
	assert_int_equal(sheet_take(&sc->sh, p.from, 2, &sc->sinks[1], 1), 0);
	assert_int_equal(sc->sh.nsinks, 1);
	assert_int_equal(sc->sh.sinks[0].offered, 130);
	pair_done(&p);
}

/* Each input has the keys of the whole, without sinks. */
static void
json_of_inputs(void **state)
{
	struct scene *sc = *state;
	struct err err = { "" };
	const json_t *list, *o;
	struct pair p;
	json_t *root;

	pair_init(sc, &p);
	feed(&p.s[0], DIR_CLIENT, 100);
	feed(&p.s[1], DIR_CLIENT, 130);
	pair_take(sc, &p);
	assert_int_equal(sheet_write(&sc->sh, sc->path, &err), 0);
	root = json_load_file(sc->path, 0, NULL);
	assert_non_null(root);
	list = json_object_get(root, "inputs");
	assert_int_equal(json_array_size(list), 2);
	o = json_array_get(list, 0);
	assert_string_equal(
	    json_string_value(json_object_get(o, "name")), "web");
	assert_string_equal(
	    json_string_value(json_object_get(o, "source")), "proxy");
	assert_true(json_is_null(json_object_get(o, "packets")));
	assert_null(json_object_get(o, "sinks"));
	assert_int_equal(number(json_object_get(o, "sessions"), "total"), 1);
	o = json_object_get(json_object_get(o, "bytes"), "c2s");
	assert_int_equal(number(o, "received"), 100);
	assert_int_equal(number(o, "delivered"), 100);
	o = json_array_get(list, 1);
	assert_int_equal(number(json_object_get(o, "packets"), "received"),
	    number(json_object_get(root, "packets"), "received"));
	o = json_object_get(json_object_get(root, "bytes"), "c2s");
	assert_int_equal(number(o, "received"),
	    number(o, "delivered") + number(o, "duplicate") +
		number(o, "differing") + number(o, "late") +
		number(o, "strays") + number(o, "held"));
	json_decref(root);
	pair_done(&p);
}

static void
lines_for_people_about_inputs(void **state)
{
	struct scene *sc = *state;
	struct gap g = {
		.dir = DIR_SERVER,
		.off = 30,
		.len = 7,
		.why = GAP_LOST,
	};
	char text[2048];
	struct pair p;

	pair_init(sc, &p);
	sc->src.source.ops = &silent_ops;
	feed(&p.s[0], DIR_CLIENT, 1000);
	feed(&p.s[1], DIR_SERVER, 30);
	session_gap(&p.s[1], &g);
	p.s[0].more->lost_bytes[DIR_CLIENT] = 4;
	session_close(&p.s[0], 1, HOW_FIN, PARTY_CLIENT);
	pair_take(sc, &p);
	printed(sc, text, sizeof(text));
	assert_string_equal(text,
	    "sessions     2  fin 1  open 1\n"
	    "c2s          1,000 bytes, 4 not delivered (the receiver was "
	    "gone)\n"
	    "s2c          30 bytes, 7 missing\n"
	    "web          sessions 1  c2s 1,000  s2c 0  not delivered 4\n"
	    "a-capture    sessions 1  c2s 0  s2c 30  missing 7\n"
	    "flows        offered 30  written 30\n"
	    "a-long-name  offered 1,030  written 0  queued 1,030\n");
	pair_done(&p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(inputs_add_up),
		SCENE(sinks_have_their_own_figures),
		SCENE(json_of_inputs),
		SCENE(lines_for_people_about_inputs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
