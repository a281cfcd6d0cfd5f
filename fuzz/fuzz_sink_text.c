#include <errno.h>

#include "base/err.h"
#include "base/obuf.h"
#include "config/plan.h"
#include "config/sink_text.h"
#include "fuzz.h"
#include "run/kinds.h"
#include "run/sinks.h"

/*
 * What -o takes (config/sink_text.h), of all kinds that there are.
 *
 * What was understood is written down as text and read again: it is the same.
 * Then its kind judges it, without opening anything (run/sinks.h).
 */

static char *
format(const struct sink_spec *spec)
{
	struct obuf out = { .data = NULL };

	sink_text_format(spec, &out);
	obuf_putc(&out, '\0');
	if (out.failed)
		obuf_done(&out);
	FUZZ_CHECK(out.data != NULL || memory_is_short());
	return (char *)out.data;
}

static void
read_again(const struct sink_spec *spec, const struct sink_text_kinds *kinds)
{
	char *first = format(spec), *second;
	struct sink_spec again;
	struct err err = { "" };
	int rc;

	if (first == NULL)
		return;
	rc = sink_text_parse(&again, first, kinds, &err);
	FUZZ_CHECK(rc == 0 || (rc == -ENOMEM && memory_is_short()));
	if (rc == 0) {
		second = format(&again);
		FUZZ_CHECK(second == NULL || strcmp(first, second) == 0);
		free(second);
		sink_spec_done(&again);
	}
	free(first);
}

static void
try_dry(const struct sink_spec *spec)
{
	struct err err = { "" };
	struct plan p;
	int rc;

	plan_init(&p);
	rc = sinks_try(&p, spec, &err);
	/* It may name an address that is somebody else's, or nobody's. */
	FUZZ_CHECK(rc == 0 || rc == -EINVAL || rc == -EADDRNOTAVAIL ||
		   memory_is_short());
	FUZZ_CHECK(rc == 0 || err.text[0] != '\0');
	plan_done(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	struct sink_text_kinds kinds;
	struct sink_spec spec;
	struct err err = { "" };
	char *text = fuzz_text(&in);
	int rc;

	kinds.kinds = kinds_all(&kinds.n);
	rc = sink_text_parse(&spec, text, &kinds, &err);
	if (rc == 0) {
		read_again(&spec, &kinds);
		try_dry(&spec);
		sink_spec_done(&spec);
	} else {
		FUZZ_CHECK(rc == -EINVAL || memory_is_short());
		FUZZ_CHECK(err.text[0] != '\0');
	}
	free(text);
	return 0;
}
