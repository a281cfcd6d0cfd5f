#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/obuf.h"
#include "core/session.h"
#include "sink/made.h"

/* Packets are checked in tests/unit/wire/test_synth.c: here, their words. */

/** struct heard - A line per packet: payload length, comment. */
struct heard {
	char text[4096];
	struct obuf words;
};

static void
hear(void *self, const struct frame *f)
{
	struct heard *h = self;
	size_t n = strlen(h->text);

	(void)snprintf(h->text + n, sizeof(h->text) - n, "%zu %s\n",
	    f->data_len, f->comment != NULL ? f->comment : "-");
}

static struct made_out
listen_in(struct heard *h)
{
	memset(h, 0, sizeof(*h));
	return (struct made_out){ hear, h, &h->words };
}

static struct session
a_session(void)
{
	static struct session_more more;
	struct session s = { .id = 7, .source = "proxy", .open_ns = 1000 };

	assert_int_equal(addr_parse_ip(&s.client, "127.0.0.1"), 0);
	assert_int_equal(addr_parse_ip(&s.server, "192.0.2.7"), 0);
	session_use_more(&s, &more);
	assert_int_equal(addr_parse_ip(&s.more->local, "192.0.2.1"), 0);
	s.client.port = 40112;
	s.server.port = 21;
	s.more->local.port = 40113;
	return s;
}

static void
say(struct made *m, const struct made_out *out, enum dir dir, const char *text)
{
	const struct chunk c = {
		.dir = dir,
		.ts_ns = 2000,
		.data = (const uint8_t *)text,
		.len = strlen(text),
	};

	made_data(m, out, &c);
}

static void
lose(struct made *m, const struct made_out *out, uint64_t len)
{
	made_gap(m, out,
	    &(struct gap){ .dir = DIR_SERVER, .len = len, .why = GAP_LOST });
}

static void
comments_stand_at_their_packets(void **state)
{
	struct session s = a_session();
	struct heard h;
	struct made_out out = listen_in(&h);
	struct made m;

	(void)state;
	made_open(&m, &out, &s);
	lose(&m, &out, 5);
	lose(&m, &out, 6);
	say(&m, &out, DIR_CLIENT, "abc");
	say(&m, &out, DIR_SERVER, "de");
	for (int d = 0; d < DIR_NDIRS; d++)
		made_end(&m, &out, &s,
		    &(struct end){
			.dir = (enum dir)d, .how = HOW_STOP, .by = PARTY_US });
	made_close(&m, &out, &s);
	assert_string_equal(h.text,
	    "0 session 7; local 192.0.2.1:40113\n"
	    "0 -\n"
	    "0 -\n"
	    "3 -\n"
	    /* The acknowledgement is the server's next packet. */
	    "0 11 bytes are missing before this packet: lost\n"
	    "2 -\n"
	    "0 -\n"
	    "0 ended by the recorder: stop\n");
	obuf_done(&h.words);
}

/* A format without comments must not pay for them, nor lose packets. */
static void
no_words(void **state)
{
	struct session s = a_session();
	struct heard h;
	struct made_out out = listen_in(&h);
	struct made m;

	(void)state;
	out.words = NULL;
	made_open(&m, &out, &s);
	lose(&m, &out, 5);
	say(&m, &out, DIR_SERVER, "de");
	assert_string_equal(h.text, "0 -\n0 -\n0 -\n2 -\n0 -\n");
	assert_null(h.words.data);
}

/*
 * Whoever joins hears where it is, and nothing of what was lost before; who
 * was there already gets none of the join.
 */
static void
joins(void **state)
{
	struct session s = a_session();
	struct heard h, late;
	struct made_out out = listen_in(&h);
	struct made_out to_late = listen_in(&late);
	struct made_out nobody = { .emit = NULL };
	struct made m;

	(void)state;
	made_open(&m, &nobody, &s);
	say(&m, &nobody, DIR_CLIENT, "abc");
	lose(&m, &nobody, 1000);
	made_join(&m, &out, &s, 3000);
	assert_string_equal(h.text,
	    "0 session 7; local 192.0.2.1:40113; heard from here on: the "
	    "client had sent 3 bytes, the server 1000\n"
	    "0 -\n"
	    "0 -\n");
	h.text[0] = '\0';
	say(&m, &out, DIR_SERVER, "de");
	made_join(&m, &to_late, &s, 3000);
	assert_string_equal(h.text, "2 -\n0 -\n");
	assert_non_null(strstr(late.text, "the server 1002\n"));
	obuf_done(&h.words);
	obuf_done(&late.words);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comments_stand_at_their_packets),
		cmocka_unit_test(no_words),
		cmocka_unit_test(joins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
