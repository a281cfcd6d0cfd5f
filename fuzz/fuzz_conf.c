#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/obuf.h"
#include "cli/conf.h"
#include "config/plan.h"
#include "fuzz.h"

/*
 * Configurations in both dialects (cli/conf.h), from the text to the plan.
 *
 * What is refused is refused with a finding that names a place; what is taken
 * has an input.
 */

static void
check_findings(struct findings *f, bool is_taken)
{
	struct obuf out = { .data = NULL };

	FUZZ_CHECK(findings_are_bad(f) != is_taken || memory_is_short());
	findings_put(f, "conf", &out);
	FUZZ_CHECK(f->n == 0 || out.len > 0 || memory_is_short());
	/* Nothing in it drives a terminal. */
	for (size_t i = 0; i < out.len; i++)
		FUZZ_CHECK(out.data[i] >= ' ' || out.data[i] == '\n');
	obuf_done(&out);
}

static void
check_plan(const struct plan *p)
{
	FUZZ_CHECK(p->nsources > 0 && p->config != NULL);
	for (size_t i = 0; i < p->nsources; i++)
		FUZZ_CHECK(p->sources[i].name != NULL);
	for (size_t i = 0; i < p->nsinks; i++)
		FUZZ_CHECK(p->sinks[i].kind != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct findings f = { .n = 0 };
	struct err err = { "" };
	struct plan p;
	char path[32];
	int rc;

	/* Nothing can be tested then. */
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	plan_init(&p);
	rc = conf_read(&p, path, &f, &err);
	if (rc == 0)
		check_plan(&p);
	FUZZ_CHECK(rc == 0 || rc == -EINVAL || memory_is_short());
	if (rc == 0 || rc == -EINVAL)
		check_findings(&f, rc == 0);
	else
		FUZZ_CHECK(f.failed || err.text[0] != '\0' || rc == -ENOMEM);
	findings_done(&f);
	plan_done(&p);
	(void)close(fd); /* its bytes are gone with it */
	return 0;
}
