#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "base/err.h"
#include "base/obuf.h"
#include "source/unpack.h"

/* --- files ------------------------------------------------------------- */

/* @n bytes, of which some repeat and some do not. */
static void
put_bytes(struct obuf *o, size_t n)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < n; i++) {
		x = x * 1103515245 + 12345;
		obuf_putc(o, (char)(i % 64 < 32 ? 'a' : x >> 16));
	}
}

static void
put_gzip(struct obuf *o, const struct obuf *plain)
{
	uLong most = compressBound((uLong)plain->len) + 64;
	uint8_t *room = obuf_room(o, most);
	z_stream z = { 0 };

	assert_non_null(room);
	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
	    Z_OK);
	z.next_in = plain->data;
	z.avail_in = (uInt)plain->len;
	z.next_out = room;
	z.avail_out = (uInt)most;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	o->len += most - z.avail_out;
	(void)deflateEnd(&z);
}

static void
put_zstd(struct obuf *o, const struct obuf *plain)
{
	size_t most = ZSTD_compressBound(plain->len);
	uint8_t *room = obuf_room(o, most);
	size_t n;

	assert_non_null(room);
	n = ZSTD_compress(room, most, plain->data, plain->len, 3);
	assert_false(ZSTD_isError(n));
	o->len += n;
}

/* A file without a name; its descriptor. */
static int
file_of(const uint8_t *data, size_t len)
{
	char path[] = "/tmp/test_unpack.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* --- reading ----------------------------------------------------------- */

/** struct result - All that was read, and how it ended. */
struct result {
	struct obuf got;
	int rc;
	struct err err;
};

static void
read_to_end(struct unpack *u, size_t step, struct result *r)
{
	uint8_t *buf = malloc(step);
	size_t n;

	assert_non_null(buf);
	*r = (struct result){ 0 };
	do {
		n = 0;
		r->rc = unpack_read(u, buf, step, &n, &r->err);
		if (r->rc == 0)
			obuf_put(&r->got, buf, n);
	} while (r->rc == 0 && n > 0);
	if (r->rc != 0) {
		/* It stays as it is. */
		assert_int_equal(unpack_read(u, buf, step, &n, &r->err), r->rc);
	}
	free(buf);
}

static void
read_file(const uint8_t *data, size_t len, size_t step, struct result *r)
{
	int fd = file_of(data, len);
	struct unpack *u = unpack_new(fd, -1);

	assert_non_null(u);
	read_to_end(u, step, r);
	unpack_free(u);
	assert_int_equal(close(fd), 0);
}

static void
expect_whole(const struct obuf *file, const struct obuf *plain)
{
	static const size_t steps[] = { 1, 1000, 1 << 20 };

	for (size_t i = 0; i < 3; i++) {
		struct result r;

		read_file(file->data, file->len, steps[i], &r);
		assert_int_equal(r.rc, 0);
		assert_int_equal(r.got.len, plain->len);
		assert_memory_equal(r.got.data, plain->data, plain->len);
		obuf_done(&r.got);
	}
}

/* --- tests ------------------------------------------------------------- */

static void
plain_files(void **state)
{
	static const size_t lens[] = { 0, 1, 3, 4, 5, 131071, 131072, 131073,
		400000 };

	(void)state;
	for (size_t i = 0; i < ATTR_COUNT(lens); i++) {
		struct obuf o = { 0 };

		put_bytes(&o, lens[i]);
		obuf_putc(&o, '.'); /* memory even of nothing */
		o.len--;
		expect_whole(&o, &o);
		obuf_done(&o);
	}
}

static void
gzip_files(void **state)
{
	struct obuf plain = { 0 }, file = { 0 };

	(void)state;
	put_bytes(&plain, 300000);
	put_gzip(&file, &plain);
	expect_whole(&file, &plain);
	/* Padded, as it comes from a tape. */
	for (int i = 0; i < 1000; i++)
		obuf_putc(&file, '\0');
	expect_whole(&file, &plain);
	/* Another member, and one of nothing. */
	put_gzip(&file, &plain);
	put_gzip(&file, &(struct obuf){ .data = plain.data });
	put_bytes(&plain, 300000);
	expect_whole(&file, &plain);
	obuf_done(&plain);
	obuf_done(&file);
}

static void
zstd_files(void **state)
{
	/* A frame to be skipped, of 3 bytes. */
	static const char skip[] = "\x53\x2a\x4d\x18\3\0\0\0abc";
	struct obuf plain = { 0 }, file = { 0 };

	(void)state;
	put_bytes(&plain, 300000);
	put_zstd(&file, &plain);
	expect_whole(&file, &plain);
	obuf_put(&file, skip, sizeof(skip) - 1);
	put_zstd(&file, &plain);
	put_bytes(&plain, 300000);
	expect_whole(&file, &plain);
	obuf_clear(&file);
	obuf_put(&file, skip, sizeof(skip) - 1);
	put_zstd(&file, &plain);
	expect_whole(&file, &plain);
	obuf_done(&plain);
	obuf_done(&file);
}

/*
 * Cut anywhere, what can be unpacked is given out, and then it is said where
 * the file ends; too short to be told, it is as it is.
 */
static void
expect_cut(const struct obuf *file, const struct obuf *plain, const char *kind)
{
	char want[128];

	for (size_t len = 4; len < file->len; len++) {
		struct result r;

		read_file(file->data, len, 1000, &r);
		assert_int_equal(r.rc, -EBADMSG);
		(void)snprintf(want, sizeof(want),
		    "%s data is cut off at offset %zu (%zu bytes were "
		    "unpacked)",
		    kind, len, r.got.len);
		assert_string_equal(r.err.text, want);
		assert_true(r.got.len <= plain->len);
		if (r.got.len > 0)
			assert_memory_equal(r.got.data, plain->data, r.got.len);
		/* gzip's last bytes are a checksum, zstd's come in blocks. */
		if (len == file->len - 1 && kind[0] == 'g')
			assert_int_equal(r.got.len, plain->len);
		obuf_done(&r.got);
	}
	for (size_t len = 1; len < 4; len++) {
		struct result r;

		read_file(file->data, len, 1000, &r);
		assert_int_equal(r.rc, 0);
		assert_int_equal(r.got.len, len);
		assert_memory_equal(r.got.data, file->data, len);
		obuf_done(&r.got);
	}
}

static void
cut_short(void **state)
{
	struct obuf plain = { 0 }, file = { 0 };

	(void)state;
	put_bytes(&plain, 3000);
	put_gzip(&file, &plain);
	expect_cut(&file, &plain, "gzip");
	obuf_clear(&file);
	put_zstd(&file, &plain);
	expect_cut(&file, &plain, "zstd");
	obuf_done(&plain);
	obuf_done(&file);
}

static void
followed_by_something_else(void **state)
{
	struct obuf plain = { 0 }, file = { 0 };
	struct result r;
	char want[128];

	(void)state;
	put_bytes(&plain, 3000);
	put_gzip(&file, &plain);
	(void)snprintf(want, sizeof(want),
	    "gzip data is followed by something else at offset %zu (3000 bytes "
	    "were unpacked)",
	    file.len);
	obuf_puts(&file, "words");
	read_file(file.data, file.len, 1 << 20, &r);
	assert_int_equal(r.rc, -EBADMSG);
	assert_int_equal(r.got.len, plain.len);
	assert_string_equal(r.err.text, want);
	obuf_done(&r.got);
	obuf_done(&plain);
	obuf_done(&file);
}

/* For a sanitizer; and what was changed in the data is found in the end. */
static void
mutations(void **state)
{
	struct obuf plain = { 0 }, file = { 0 };
	uint64_t x = 88172645463325252ULL;
	unsigned bad = 0;

	(void)state;
	put_bytes(&plain, 2000);
	for (unsigned i = 0; i < 600; i++) {
		struct result r;

		obuf_clear(&file);
		if (i % 2 == 0)
			put_gzip(&file, &plain);
		else
			put_zstd(&file, &plain);
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		/* Behind gzip's header, which is full of what nobody needs. */
		file.data[10 + x % (file.len - 10)] ^=
		    (uint8_t)(1 + (x >> 40) % 255);
		read_file(file.data, file.len, 700, &r);
		assert_true(r.rc == 0 || r.rc == -EBADMSG);
		bad += r.rc != 0;
		obuf_done(&r.got);
	}
	/* zstd's own frames carry no checksum here. */
	assert_true(bad > 300);
	obuf_done(&plain);
	obuf_done(&file);
}

/* Of a frame that fits into one read, too. */
static void
what_came_before_damage(void **state)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();
	struct obuf plain = { .data = NULL }, file = { .data = NULL };
	struct result r;
	size_t n;

	(void)state;
	assert_non_null(z);
	obuf_puts(&plain, "what was there before");
	assert_false(
	    ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1)));
	assert_non_null(obuf_room(&file, 200));
	n = ZSTD_compress2(z, file.data, 200, plain.data, plain.len);
	assert_false(ZSTD_isError(n));
	file.data[n - 1] ^= 1;
	read_file(file.data, n, 700, &r);
	assert_int_equal(r.rc, -EBADMSG);
	assert_int_equal(r.got.len, plain.len);
	assert_memory_equal(r.got.data, plain.data, plain.len);
	obuf_done(&r.got);
	obuf_done(&plain);
	obuf_done(&file);
	(void)ZSTD_freeCCtx(z); /* always 0 */
}

/* --- pipes ------------------------------------------------------------- */

/** struct pipes - A pipe to be unpacked, and one that wakes. */
struct pipes {
	int fd[2];
	int wake[2];
	struct unpack *u;
};

static void
pipes_init(struct pipes *p)
{
	assert_int_equal(pipe(p->fd), 0);
	assert_int_equal(pipe(p->wake), 0);
	p->u = unpack_new(p->fd[0], p->wake[0]);
	assert_non_null(p->u);
	assert_false(unpack_seekable(p->u));
}

static void
pipes_done(struct pipes *p)
{
	unpack_free(p->u);
	assert_int_equal(close(p->fd[0]), 0);
	assert_int_equal(close(p->wake[0]), 0);
	assert_int_equal(close(p->wake[1]), 0);
}

static void
send_part(struct pipes *p, const uint8_t *data, size_t len)
{
	assert_int_equal(write(p->fd[1], data, len), (ssize_t)len);
}

/* Woken, it waits for nothing, as often as one likes. */
static void
expect_woken(struct pipes *p)
{
	struct err err;
	uint8_t buf[16];
	size_t n;

	assert_int_equal(write(p->wake[1], "", 1), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    unpack_read(p->u, buf, sizeof(buf), &n, &err), -ECANCELED);
	assert_int_equal(read(p->wake[0], buf, 1), 1);
}

/* The rest of it is that of @plain, from @at on. */
static void
expect_rest(struct pipes *p, const struct obuf *plain, size_t at)
{
	struct result r;

	assert_int_equal(close(p->fd[1]), 0);
	read_to_end(p->u, 4096, &r);
	assert_int_equal(r.rc, 0);
	assert_int_equal(at + r.got.len, plain->len);
	assert_memory_equal(r.got.data, plain->data + at, r.got.len);
	obuf_done(&r.got);
}

/* What has come is given out, the rest is waited for. */
static void
trickling_pipe(void **state)
{
	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		struct obuf plain = { 0 }, file = { 0 };
		struct pipes p;
		uint8_t buf[4096];
		struct err err;
		size_t n, half;

		put_bytes(&plain, 1000);
		if (kind == 0)
			obuf_put(&file, plain.data, plain.len);
		else if (kind == 1)
			put_gzip(&file, &plain);
		else
			put_zstd(&file, &plain);
		half = file.len / 2;
		if (kind == 2) {
			/* Two frames: a block comes whole or not at all. */
			half = file.len;
			put_zstd(&file, &plain);
		}
		pipes_init(&p);
		send_part(&p, file.data, half);
		assert_int_equal(
		    unpack_read(p.u, buf, sizeof(buf), &n, &err), 0);
		assert_true(n > 0);
		assert_memory_equal(buf, plain.data, n);
		expect_woken(&p);
		if (kind == 2)
			put_bytes(&plain, 1000);
		send_part(&p, file.data + half, file.len - half);
		expect_rest(&p, &plain, n);
		assert_int_equal(unpack_taken(p.u), file.len);
		pipes_done(&p);
		obuf_done(&plain);
		obuf_done(&file);
	}
}

/* A capture of which the first byte comes alone is still told. */
static void
first_byte_alone(void **state)
{
	struct obuf plain = { 0 }, file = { 0 };
	struct pipes p;

	(void)state;
	put_bytes(&plain, 500);
	put_gzip(&file, &plain);
	pipes_init(&p);
	send_part(&p, file.data, 1);
	expect_woken(&p);
	send_part(&p, file.data + 1, file.len - 1);
	expect_rest(&p, &plain, 0);
	pipes_done(&p);
	obuf_done(&plain);
	obuf_done(&file);
}

/* From anywhere, also from behind damage; to where it stood at first. */
static void
begins_anew(void **state)
{
	struct obuf plain = { 0 }, file = { 0 };
	struct result r;
	struct unpack *u;
	struct err err;
	int fd;

	(void)state;
	put_bytes(&plain, 5000);
	obuf_puts(&file, "before");
	put_gzip(&file, &plain);
	obuf_puts(&file, "behind");
	fd = file_of(file.data, file.len);
	assert_int_equal(lseek(fd, 6, SEEK_SET), 6);
	u = unpack_new(fd, -1);
	assert_non_null(u);
	assert_true(unpack_seekable(u));
	for (int i = 0; i < 3; i++) {
		read_to_end(u, 700, &r);
		assert_int_equal(r.rc, -EBADMSG);
		assert_int_equal(r.got.len, plain.len);
		assert_memory_equal(r.got.data, plain.data, plain.len);
		obuf_done(&r.got);
		assert_int_equal(unpack_taken(u), file.len - 6);
		assert_int_equal(unpack_rewind(u, &err), 0);
		assert_int_equal(unpack_taken(u), 0);
	}
	unpack_free(u);
	assert_int_equal(close(fd), 0);
	obuf_done(&plain);
	obuf_done(&file);
}

static void
cannot_read(void **state)
{
	struct result r;
	struct unpack *u;
	int fd = open("/", O_RDONLY);

	(void)state;
	assert_true(fd >= 0);
	u = unpack_new(fd, -1);
	assert_non_null(u);
	read_to_end(u, 100, &r);
	assert_int_equal(r.rc, -EISDIR);
	assert_string_equal(
	    r.err.text, "cannot read on at offset 0: Is a directory");
	assert_int_equal(close(fd), 0);
	unpack_free(u);
	obuf_done(&r.got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_files),
		cmocka_unit_test(gzip_files),
		cmocka_unit_test(what_came_before_damage),
		cmocka_unit_test(zstd_files),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(followed_by_something_else),
		cmocka_unit_test(mutations),
		cmocka_unit_test(trickling_pipe),
		cmocka_unit_test(first_byte_alone),
		cmocka_unit_test(begins_anew),
		cmocka_unit_test(cannot_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
