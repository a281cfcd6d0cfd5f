#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/obuf.h"
#include "control/ports.h"
#include "core/news.h"

/* A session with the same remainder as 1, whatever power of two is used. */
#define FAR (1 + ((uint64_t)1 << 40))

static void
tell(struct ports *p, enum news_type type, const char *output, uint64_t session)
{
	const uint16_t first = output[0] == 'b' ? 6000 : 5000;
	struct news n = {
		.type = type,
		.kind = "listen",
		.output = output,
		.session = session,
	};

	if (type == NEWS_OPENED) {
		n.port[NEWS_REQUESTS] = first;
		n.port[NEWS_RESPONSES] = first + 1;
	}
	ports_tell(p, &n);
}

static void
expect(struct ports *p, uint64_t session, const char *text)
{
	struct obuf o = { .data = NULL };

	ports_put(p, &o, session);
	obuf_putc(&o, '\0');
	assert_false(o.failed);
	assert_string_equal((const char *)o.data, text);
	obuf_done(&o);
}

#define A "{\"output\":\"a\",\"requests\":5000,\"responses\":5001}"
#define B "{\"output\":\"b\",\"requests\":6000,\"responses\":6001}"

static void
ports_come_and_go(void **state)
{
	struct ports *p = ports_new();

	(void)state;
	assert_non_null(p);
	expect(p, 1, "\"ports\":[]");
	tell(p, NEWS_OPENED, "a", 1);
	tell(p, NEWS_OPENED, "b", FAR);
	tell(p, NEWS_OPENED, "b", 1);
	expect(p, 1, "\"ports\":[" A "," B "]");
	expect(p, FAR, "\"ports\":[" B "]");
	tell(p, NEWS_LEFT, "b", 1);
	expect(p, 1, "\"ports\":[" A "]");
	expect(p, FAR, "\"ports\":[" B "]");
	tell(p, NEWS_LEFT, "b", 1);
	tell(p, NEWS_LEFT, "a", 1);
	expect(p, 1, "\"ports\":[]");
	ports_free(p); /* with what is left */
}

static void
other_news_make_no_ports(void **state)
{
	struct ports *p = ports_new();

	(void)state;
	assert_non_null(p);
	ports_tell(
	    p, &(struct news){
		   .type = NEWS_OPENED, .kind = "connect", .session = 1 });
	ports_tell(p, &(struct news){
			  .type = NEWS_CAME, .kind = "listen", .session = 1 });
	ports_tell(p, &(struct news){ .type = NEWS_FILE_OPENED });
	expect(p, 1, "\"ports\":[]");
	tell(NULL, NEWS_OPENED, "a", 1);
	expect(NULL, 1, "\"ports\":[]");
	ports_free(p);
	ports_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_come_and_go),
		cmocka_unit_test(other_news_make_no_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
