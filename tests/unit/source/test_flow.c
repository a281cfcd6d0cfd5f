#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "base/attr.h"
#include "source/flow.h"

static struct flow
flow_in(enum flow_state state)
{
	struct flow f;

	flow_init(&f);
	switch (state) {
	case FLOW_OPEN:
		break;
	case FLOW_DRAIN:
		flow_fin(&f);
		break;
	case FLOW_FLUSH:
		flow_cut(&f);
		break;
	case FLOW_SHUT:
		flow_fin(&f);
		flow_shut(&f);
		break;
	case FLOW_DEAD:
		flow_kill(&f);
		break;
	}
	assert_int_equal(f.state, state);
	return f;
}

static void
what_is_wanted_follows_from_state_and_bytes(void **state)
{
	static const struct {
		enum flow_state state;
		unsigned empty;
		unsigned holding;
	} row[] = {
		{ FLOW_OPEN, FLOW_WANT_READ, FLOW_WANT_WRITE },
		{ FLOW_DRAIN, FLOW_WANT_SHUTDOWN, FLOW_WANT_WRITE },
		{ FLOW_FLUSH, FLOW_WANT_BURY, FLOW_WANT_WRITE },
		{ FLOW_SHUT, 0, 0 },
		{ FLOW_DEAD, 0, 0 },
	};

	(void)state;
	assert_int_equal(ATTR_COUNT(row), FLOW_NSTATES);
	for (size_t i = 0; i < ATTR_COUNT(row); i++) {
		struct flow f = flow_in(row[i].state);

		assert_int_equal(flow_want(&f, 0), row[i].empty);
		assert_int_equal(flow_want(&f, 1), row[i].holding);
		assert_int_equal(flow_want(&f, SIZE_MAX), row[i].holding);
	}
}

static void
nothing_is_wanted_only_at_the_end(void **state)
{
	(void)state;
	for (unsigned s = 0; s < FLOW_NSTATES; s++) {
		struct flow f = flow_in((enum flow_state)s);
		bool final = s == FLOW_SHUT || s == FLOW_DEAD;

		assert_int_equal(flow_is_final(&f), final);
		assert_int_equal(flow_want(&f, 0) == 0, final);
		assert_int_equal(flow_want(&f, 1) == 0, final);
	}
}

static void
cutting_and_killing_leave_final_states_alone(void **state)
{
	static const enum flow_state cut[] = { FLOW_FLUSH, FLOW_FLUSH,
		FLOW_FLUSH, FLOW_SHUT, FLOW_DEAD };
	static const enum flow_state killed[] = { FLOW_DEAD, FLOW_DEAD,
		FLOW_DEAD, FLOW_SHUT, FLOW_DEAD };

	(void)state;
	for (unsigned s = 0; s < FLOW_NSTATES; s++) {
		struct flow f = flow_in((enum flow_state)s);

		flow_cut(&f);
		assert_int_equal(f.state, cut[s]);
		f = flow_in((enum flow_state)s);
		flow_kill(&f);
		assert_int_equal(f.state, killed[s]);
	}
}

/* What a relay does with a flow, whatever happens and in whatever order. */
struct walk {
	struct flow f;
	size_t held;
	bool fin_read;
	bool cut;
	bool fin_passed;
};

enum happening {
	BYTES_COME,
	FIN_COMES,
	WRITE_SOME,
	WRITE_ALL,
	CUT,
	KILL,
};
#define NHAPPENINGS (KILL + 1)

/* One happening, if the flow asks for it. */
static void
happen(struct walk *w, enum happening what)
{
	unsigned want = flow_want(&w->f, w->held);

	if (what == BYTES_COME && (want & FLOW_WANT_READ)) {
		assert_int_equal(w->held, 0);
		w->held = 2;
	} else if (what == FIN_COMES && (want & FLOW_WANT_READ)) {
		w->fin_read = true;
		flow_fin(&w->f);
	} else if (what == WRITE_SOME && (want & FLOW_WANT_WRITE)) {
		w->held--;
	} else if (what == WRITE_ALL && (want & FLOW_WANT_WRITE)) {
		w->held = 0;
	} else if (what == CUT) {
		w->cut = w->cut || !flow_is_final(&w->f);
		flow_cut(&w->f);
	} else if (what == KILL) {
		w->cut = w->cut || !flow_is_final(&w->f);
		flow_kill(&w->f);
	}
	want = flow_want(&w->f, w->held);
	if (want & FLOW_WANT_SHUTDOWN) {
		assert_true(w->held == 0 && w->fin_read && !w->cut);
		w->fin_passed = true;
		flow_shut(&w->f);
	} else if (want & FLOW_WANT_BURY) {
		assert_true(w->held == 0 && w->cut);
		flow_kill(&w->f);
	}
}

/* Whatever came before, being served well brings a flow to its end. */
static void
expect_an_end(struct walk w)
{
	happen(&w, WRITE_ALL);
	happen(&w, FIN_COMES);
	assert_true(flow_is_final(&w.f));
	assert_int_equal(w.f.state == FLOW_SHUT, w.fin_passed);
	assert_int_equal(w.fin_passed, !w.cut);
}

static unsigned
explore(struct walk w, unsigned depth)
{
	unsigned n = 1;

	expect_an_end(w);
	if (depth == 0)
		return n;
	for (unsigned what = 0; what < NHAPPENINGS; what++) {
		struct walk next = w;

		happen(&next, (enum happening)what);
		n += explore(next, depth - 1);
	}
	return n;
}

static void
no_history_is_stuck_or_lets_a_fin_overtake(void **state)
{
	struct walk w = { .held = 0 };

	(void)state;
	flow_init(&w.f);
	/* 6 happenings, 7 deep: the sum of 6^0 to 6^7. */
	assert_int_equal(explore(w, 7), 335923);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wanted_follows_from_state_and_bytes),
		cmocka_unit_test(nothing_is_wanted_only_at_the_end),
		cmocka_unit_test(cutting_and_killing_leave_final_states_alone),
		cmocka_unit_test(no_history_is_stuck_or_lets_a_fin_overtake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
