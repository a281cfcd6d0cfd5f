#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "config/plan.h"
#include "config/sink_text.h"
#include "run/kinds.h"
#include "run/sinks.h"

/* What is right and wrong of each kind, before anything is opened. */

/* One right text of each kind that is no format. */
static const char *const right[] = {
	"flows:talk/of/today",
	"gotcpspy:.",
	"netrecord:log",
	"pcapng:{id}.pcapng,closed={id}-{reason}.pcapng",
	"pcap:all.pcap",
	"tee:localhost:1,dir=both",
	"connect:localhost:1/2",
	"listen:5000-5099",
	"pcapng-listen:0",
	"payload:localhost:1",
	"syslog:summary,level=notice",
	"null",
};

static const struct {
	const char *text;
	const char *says; /* the beginning of the sentence */
} wrong[] = {
	{ "text:{idd}", "unknown field {idd}" },
	{ "jsonl:{id},append=yes", "append=yes is for one file" },
	{ "hex:-,append=yes", "append=yes is for one file" },
	{ "raw:x,append=perhaps", "append=perhaps" },
	{ "pcapng:{idd}", "unknown field {idd}" },
	{ "pcapng:{dir}.pcapng", "{dir}.pcapng: {dir} has no meaning here" },
	{ "pcap:x,closed={id}", "closed={id}: not with" },
	{ "pcap:x,closed={id", "{ without } in a file name" },
	{ "pcap:x,local=nowhere", "\"nowhere\" is no address" },
	{ "tee:h", "\"h\": HOST:PORT is needed" },
	{ "tee:h:1,dir=up", "dir=up" },
	{ "connect:h:1", "h:1: HOST:REQUESTS_PORT" },
	{ "listen:9-1", "9-1: ADDR:FIRST-LAST is wanted" },
	{ "pcapng-listen:zz", "\"zz\": \"zz\" is neither a port number" },
	{ "pcapng-listen:dial:a:1", "\"dial:a:1\"" },
	{ "payload:h:1,layers=x", "layers: \"x\": numbers" },
	{ "syslog:loud", "\"loud\" is no format" },
	{ "syslog:text,level=7", "level=7: use err, warning" },
};

static int
try_text(const char *text, struct err *err)
{
	struct sink_text_kinds kinds;
	struct sink_spec spec;
	struct plan p;
	int rc;

	kinds.kinds = kinds_all(&kinds.n);
	plan_init(&p);
	assert_non_null(plan_add_source(&p, PLAN_PROXY, NULL));
	if (sink_text_parse(&spec, text, &kinds, err) != 0)
		fail_msg("%s: %s", text, err->text);
	rc = sinks_try(&p, &spec, err);
	sink_spec_done(&spec);
	plan_done(&p);
	return rc;
}

static size_t
entries(const char *folder)
{
	DIR *dir = opendir(folder);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	assert_int_equal(closedir(dir), 0);
	return n;
}

/* Neither a file nor a descriptor nor a thread is there afterwards. */
static void
try_right(const char *text)
{
	size_t fds = entries("/proc/self/fd");
	size_t threads = entries("/proc/self/task");
	struct err err = { "" };

	if (try_text(text, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(entries("."), 2);
	assert_int_equal(entries("/proc/self/fd"), fds);
	assert_int_equal(entries("/proc/self/task"), threads);
}

static const char *
right_of(const struct sink_kind *kind, char *made, size_t size)
{
	size_t len = strlen(kind->name);

	for (size_t i = 0; i < ATTR_COUNT(right); i++)
		if (strncmp(right[i], kind->name, len) == 0 &&
		    (right[i][len] == ':' || right[i][len] == '\0'))
			return right[i];
	assert_string_equal(kind->arg, "FILE"); /* a format */
	(void)snprintf(made, size, "%s:all.%s", kind->name, kind->name);
	return made;
}

static void
test_right_opens_nothing(void **state)
{
	const struct sink_kind *const *kinds;
	char made[64];
	size_t n;

	(void)state;
	kinds = kinds_all(&n);
	assert_true(n > ATTR_COUNT(right));
	for (size_t i = 0; i < n; i++)
		try_right(right_of(kinds[i], made, sizeof(made)));
}

static void
test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(wrong); i++) {
		const char *says = wrong[i].says;
		struct err err = { "" };

		assert_int_equal(try_text(wrong[i].text, &err), -EINVAL);
		if (strncmp(err.text, says, strlen(says)) != 0)
			fail_msg("%s: %s", wrong[i].text, err.text);
	}
	assert_int_equal(entries("."), 2);
}

static void
test_long_path(void **state)
{
	static const char *const kinds[] = { "text", "pcapng" };
	char text[6000];

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(kinds); i++) {
		struct err err = { "" };
		int len = snprintf(text, sizeof(text), "%s:", kinds[i]);

		assert_true(len > 0);
		memset(text + len, 'x', 5000);
		text[len + 5000] = '\0';
		assert_int_equal(try_text(text, &err), -EINVAL);
		assert_string_equal(err.text, "the path is too long");
	}
}

static int
enter_folder(void **state)
{
	static char folder[] = "/tmp/teeline-try-XXXXXX";

	*state = mkdtemp(folder);
	return *state == NULL || chdir(folder) != 0 ? -1 : 0;
}

static int
leave_folder(void **state)
{
	return chdir("/") != 0 || rmdir(*state) != 0 ? -1 : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right_opens_nothing),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_long_path),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
