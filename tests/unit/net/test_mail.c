#include "loopback.h"

#include <pthread.h>

#include "net/mail.h"

#define NSENDERS 4
#define NLETTERS 5000

/** struct letter - Knows who sent it, and as the how many-th. */
struct letter {
	struct mail mail;
	unsigned sender;
	unsigned number;
	struct scene *sc;
};

struct scene {
	uv_loop_t loop;
	struct mail_box box;
	unsigned next[NSENDERS];
	unsigned total;
	bool closes;
	struct letter letter[NSENDERS][NLETTERS];
};

static void
on_letter(struct mail *m)
{
	struct letter *l = ATTR_CONTAINER(m, struct letter, mail);

	assert_int_equal(l->number, l->sc->next[l->sender]);
	l->sc->next[l->sender]++;
	l->sc->total++;
	if (l->sc->closes && l->number == 0)
		mail_close(&l->sc->box);
}

static int
set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	assert_int_equal(uv_loop_init(&sc->loop), 0);
	assert_int_equal(mail_init(&sc->box, &sc->loop), 0);
	for (unsigned s = 0; s < NSENDERS; s++)
		for (unsigned i = 0; i < NLETTERS; i++)
			sc->letter[s][i] = (struct letter){
				.mail.deliver = on_letter,
				.sender = s,
				.number = i,
				.sc = sc,
			};
	*state = sc;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *sc = *state;

	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	mail_done(&sc->box);
	assert_int_equal(uv_loop_close(&sc->loop), 0);
	free(sc);
	return 0;
}

static void
nothing_is_delivered_while_sending(void **state)
{
	struct scene *sc = *state;

	mail_send(&sc->box, &sc->letter[0][0].mail);
	mail_send(&sc->box, &sc->letter[0][1].mail);
	assert_int_equal(sc->total, 0);
	LOOPBACK_UNTIL(&sc->loop, sc->total == 2);
	mail_close(&sc->box);
}

static void *
send_all(void *self)
{
	struct letter *first = self;

	for (unsigned i = 0; i < NLETTERS; i++)
		mail_send(&first->sc->box, &first[i].mail);
	return NULL;
}

static void
each_sender_keeps_its_order(void **state)
{
	struct scene *sc = *state;
	pthread_t thread[NSENDERS];

	for (unsigned s = 0; s < NSENDERS; s++)
		assert_int_equal(
		    pthread_create(&thread[s], NULL, send_all, sc->letter[s]),
		    0);
	LOOPBACK_UNTIL(&sc->loop, sc->total == NSENDERS * NLETTERS);
	for (unsigned s = 0; s < NSENDERS; s++)
		pthread_join(thread[s], NULL);
	mail_close(&sc->box);
}

static void
letters_after_the_close_wait_for_the_end(void **state)
{
	struct scene *sc = *state;

	mail_close(&sc->box);
	mail_send(&sc->box, &sc->letter[0][0].mail);
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	assert_int_equal(sc->total, 0);
	mail_done(&sc->box);
	assert_int_equal(sc->total, 1);
	/* For the tear-down. */
	assert_int_equal(mail_init(&sc->box, &sc->loop), 0);
	mail_close(&sc->box);
}

/* The loop is another thread's, which has yet to begin. */
static void
letters_before_the_opening_wait_for_it(void **state)
{
	struct scene *sc = *state;
	struct mail_box early;

	assert_int_equal(mail_prepare(&early), 0);
	for (unsigned i = 0; i < 3; i++)
		mail_send(&early, &sc->letter[0][i].mail);
	assert_int_equal(mail_open(&early, &sc->loop), 0);
	assert_int_equal(sc->total, 0);
	LOOPBACK_UNTIL(&sc->loop, sc->total == 3);
	mail_send(&early, &sc->letter[0][3].mail);
	LOOPBACK_UNTIL(&sc->loop, sc->total == 4);
	mail_close(&early);
	mail_close(&sc->box);
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	mail_done(&early);
}

static void
a_box_may_never_open(void **state)
{
	struct scene *sc = *state;
	struct mail_box early;

	assert_int_equal(mail_prepare(&early), 0);
	mail_send(&early, &sc->letter[0][0].mail);
	mail_done(&early);
	assert_int_equal(sc->total, 1);
	mail_close(&sc->box);
}

static void
a_letter_may_close_the_box(void **state)
{
	struct scene *sc = *state;

	sc->closes = true;
	for (unsigned i = 0; i < 3; i++)
		mail_send(&sc->box, &sc->letter[0][i].mail);
	/* The loop ends by itself: the box was its only handle. */
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	mail_done(&sc->box);
	assert_int_equal(sc->total, 3);
	assert_int_equal(mail_init(&sc->box, &sc->loop), 0);
	mail_close(&sc->box);
}

/* Sends a second letter while it is delivered, as a session's end does. */
static void
on_chain(struct mail *m)
{
	struct letter *l = ATTR_CONTAINER(m, struct letter, mail);

	mail_send(&l->sc->box, &l->sc->letter[0][0].mail);
}

static void
done_delivers_what_its_letters_send(void **state)
{
	struct scene *sc = *state;

	sc->letter[1][0].mail.deliver = on_chain;
	mail_close(&sc->box);
	(void)uv_run(&sc->loop, UV_RUN_DEFAULT);
	mail_send(&sc->box, &sc->letter[1][0].mail);
	mail_done(&sc->box);
	assert_int_equal(sc->total, 1);
	assert_int_equal(mail_init(&sc->box, &sc->loop), 0);
	mail_close(&sc->box);
}

static void
on_again(struct mail *m)
{
	struct letter *l = ATTR_CONTAINER(m, struct letter, mail);

	if (++l->sc->total < 5)
		mail_send(&l->sc->box, m);
}

static void
a_letter_may_be_sent_again_once_delivered(void **state)
{
	struct scene *sc = *state;

	sc->letter[0][0].mail.deliver = on_again;
	mail_send(&sc->box, &sc->letter[0][0].mail);
	LOOPBACK_UNTIL(&sc->loop, sc->total == 5);
	mail_close(&sc->box);
}

#define SCENE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		SCENE(nothing_is_delivered_while_sending),
		SCENE(each_sender_keeps_its_order),
		SCENE(letters_after_the_close_wait_for_the_end),
		SCENE(letters_before_the_opening_wait_for_it),
		SCENE(a_box_may_never_open),
		SCENE(a_letter_may_close_the_box),
		SCENE(done_delivers_what_its_letters_send),
		SCENE(a_letter_may_be_sent_again_once_delivered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
