#include <errno.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/obuf.h"
#include "fuzz.h"
#include "source/unpack.h"

/*
 * Files that may be compressed (source/unpack.h): bytes 0 and 1 are how much is
 * asked for at a time, the rest is the file, which lies in memory.
 *
 * Read again, in other sizes, it has the same bytes, and damage or none.
 */

/* What a few bytes unpack to has no end. */
#define MOST ((size_t)1 << 20)

static int
make_file(const struct fuzz_in *in)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, in->p, in->left) != (ssize_t)in->left ||
	    lseek(fd, 0, SEEK_SET) != 0)
		abort(); /* nothing can be tried then */
	return fd;
}

/* Everything, @step bytes at a time. */
static int
read_all(struct unpack *u, size_t step, struct obuf *to, struct err *err)
{
	uint8_t *buf = memory_own(step);
	size_t got = 1;
	int rc = 0;

	while (rc == 0 && got > 0 && to->len < MOST) {
		got = step + 1;
		rc = unpack_read(u, buf, step, &got, err);
		if (rc != 0)
			break;
		FUZZ_CHECK(got <= step);
		obuf_put(to, buf, got);
	}
	free(buf);
	return rc;
}

static void
read_twice(struct unpack *u, size_t step)
{
	struct obuf first = { .data = NULL }, second = { .data = NULL };
	struct err err = { "" }, again = { "" };
	int rc = read_all(u, 4096, &first, &err);

	FUZZ_CHECK(rc == 0 || err.text[0] != '\0');
	/* And what is asked for after damage. */
	if (rc != 0) {
		size_t got;
		uint8_t byte;

		FUZZ_CHECK(unpack_read(u, &byte, 1, &got, &again) == rc);
	}
	FUZZ_CHECK(unpack_seekable(u));
	if (unpack_rewind(u, &again) == 0 && !memory_is_short()) {
		FUZZ_CHECK(read_all(u, step, &second, &again) == rc ||
			   first.len >= MOST);
		FUZZ_CHECK(first.len >= MOST || first.len == second.len);
		FUZZ_CHECK(first.len >= MOST || first.len == 0 ||
			   memcmp(first.data, second.data, first.len) == 0);
	}
	obuf_done(&first);
	obuf_done(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	size_t step = 1 + fuzz_u16(&in);
	int fd = make_file(&in);
	int wake = eventfd(0, EFD_CLOEXEC);
	struct unpack *u = unpack_new(fd, wake);

	if (wake < 0)
		abort(); /* likewise */
	FUZZ_CHECK(u != NULL || memory_is_short());
	if (u != NULL)
		read_twice(u, step);
	unpack_free(u);
	(void)close(wake); /* of no use any more */
	(void)close(fd);
	return 0;
}
