#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "source/unpack.h"

/* Packed bytes that are read at a time. */
#define IN_SIZE ((size_t)128 * 1024)

#define MAGIC_LEN 4

/* zstd wants to see the header of a block together with the one before it. */
#define ZSTD_BLOCK_HEAD ((size_t)3)

/* RFC 1952: identification, and deflate as the method. */
#define GZIP_MAGIC 0x1f8b08U
#define GZIP_FIRST 0x1f
/* RFC 8878: a frame, and the 16 numbers of frames to be skipped. */
#define ZSTD_MAGIC_LE  0xfd2fb528U
#define ZSTD_SKIP_LE   0x184d2a50U
#define ZSTD_SKIP_MASK 0xfffffff0U

/* zlib: the largest window, and gzip's header around it. */
#define GZIP_WINDOW (15 + 16)

/**
 * enum unpack_kind - What the file is
 *
 *	UNTOLD	Its first bytes are not there yet.  Leaves for the others, and
 *		comes again with unpack_rewind().
 */
enum unpack_kind {
	UNPACK_UNTOLD,
	UNPACK_PLAIN,
	UNPACK_GZIP,
	UNPACK_ZSTD,
};

/**
 * struct unpack - See unpack.h
 * @waits:	It is no regular file: to be asked before it is read
 * @begin:	Where it stood at first, if it is one
 * @eof:	The descriptor has no more
 * @in:		Bytes as they lie in the file, from @in_at to @in_len
 * @inside:	In the middle of a member or frame
 * @pending:	The library may have more to give out, without more input
 * @zstd_wants: Bytes that it asks for next; 0: a frame begins
 * @taken:	Bytes read from the descriptor
 * @given:	Bytes given out
 * @rc, @err:	How it ended, once it has
 */
struct unpack {
	int fd;
	int wake_fd;
	bool waits;
	off_t begin;
	bool eof;
	enum unpack_kind kind;
	uint8_t *in;
	size_t in_at;
	size_t in_len;
	bool inside;
	bool pending;
	bool has_z;
	z_stream z;
	ZSTD_DStream *zstd;
	size_t zstd_wants;
	uint64_t taken;
	uint64_t given;
	int rc;
	struct err err;
};

/** struct out - Where to, and how far it is filled. */
struct out {
	uint8_t *buf;
	size_t size;
	size_t got;
};

/* --- reading ----------------------------------------------------------- */

/* 0: it can be read; -EAGAIN, unless @may_wait; -ECANCELED: woken. */
static int
wait_for(const struct unpack *u, bool may_wait)
{
	struct pollfd p[] = {
		{ .fd = u->fd, .events = POLLIN },
		{ .fd = u->wake_fd, .events = POLLIN },
	};
	int n;

	if (!u->waits)
		return 0;
	do {
		n = poll(p, ATTR_COUNT(p), may_wait ? -1 : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (p[1].revents != 0)
		return -ECANCELED;
	return p[0].revents != 0 ? 0 : -EAGAIN;
}

/* Sets @*got, to 0 at the end; -EAGAIN and -ECANCELED as above. */
static int
read_some(
    struct unpack *u, uint8_t *to, size_t size, bool may_wait, size_t *got)
{
	ssize_t n;
	int rc;

	do {
		rc = wait_for(u, may_wait);
		if (rc == -ECANCELED || rc == -EAGAIN)
			return rc;
		if (rc != 0)
			return err_set(&u->err, rc, "cannot wait for it: %s",
			    strerror(-rc));
		n = read(u->fd, to, size);
		/* Who shares a pipe may have made it non-blocking. */
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return err_set(&u->err, -errno,
		    "cannot read on at offset %" PRIu64 ": %s", u->taken,
		    strerror(errno));
	u->taken += (uint64_t)n;
	u->eof = n == 0;
	*got = (size_t)n;
	return 0;
}

/* More input for the library, which has used up all there was. */
static int
refill(struct unpack *u, bool may_wait)
{
	size_t got = 0;
	int rc = read_some(u, u->in, IN_SIZE, may_wait, &got);

	if (rc != 0)
		return rc;
	u->in_at = 0;
	u->in_len = got;
	return 0;
}

/* --- the kinds; each does one step -------------------------------------- */

static int
damage(struct unpack *u, const char *kind, const char *what)
{
	uint64_t off = u->taken - (u->in_len - u->in_at);

	return err_set(&u->err, -EBADMSG,
	    "%s data %s at offset %" PRIu64 " (%" PRIu64
	    " bytes were unpacked)",
	    kind, what, off, u->given);
}

static int
step_plain(struct unpack *u, struct out *o)
{
	size_t n = u->in_len - u->in_at;
	int rc;

	if (n > o->size - o->got)
		n = o->size - o->got;
	if (n > 0) {
		memcpy(o->buf + o->got, u->in + u->in_at, n);
		u->in_at += n;
	} else {
		rc = read_some(
		    u, o->buf + o->got, o->size - o->got, o->got == 0, &n);
		if (rc != 0)
			return rc;
	}
	o->got += n;
	u->given += n;
	return 0;
}

/* Between members: another, padding as tapes have it, or something else. */
static int
next_member(struct unpack *u)
{
	while (u->in_at < u->in_len && u->in[u->in_at] == 0)
		u->in_at++;
	if (u->in_at == u->in_len)
		return 0;
	if (u->in[u->in_at] != GZIP_FIRST)
		return damage(u, "gzip", "is followed by something else");
	if (inflateReset(&u->z) != Z_OK)
		return damage(u, "gzip", "cannot go on");
	u->inside = true;
	return 0;
}

static int
step_gzip(struct unpack *u, struct out *o)
{
	size_t room = o->size - o->got;
	int rc;

	if (!u->inside) {
		rc = next_member(u);
		if (rc != 0 || !u->inside)
			return rc;
	}
	u->z.next_in = u->in + u->in_at;
	u->z.avail_in = (uInt)(u->in_len - u->in_at);
	u->z.next_out = o->buf + o->got;
	u->z.avail_out = room < UINT32_MAX ? (uInt)room : UINT32_MAX;
	room = u->z.avail_out;
	rc = inflate(&u->z, Z_NO_FLUSH);
	u->in_at = u->in_len - u->z.avail_in;
	o->got += room - u->z.avail_out;
	u->given += room - u->z.avail_out;
	u->pending = u->z.avail_out == 0;
	if (rc == Z_STREAM_END) {
		u->inside = false;
		u->pending = false;
		return 0;
	}
	/* Z_BUF_ERROR: no progress without more input or room. */
	if (rc == Z_OK || rc == Z_BUF_ERROR)
		return 0;
	if (rc == Z_MEM_ERROR)
		return err_set(&u->err, -ENOMEM, "out of memory");
	return damage(u, "gzip", "is damaged");
}

/*
 * What the library unpacked in a call that fails is lost.  So it gets a block
 * a call, and nothing while it still gives out: what comes before a damaged
 * block has been given out by then.
 */
static size_t
zstd_portion(const struct unpack *u)
{
	if (u->pending)
		return 0;
	if (u->zstd_wants > 2 * ZSTD_BLOCK_HEAD)
		return u->zstd_wants - ZSTD_BLOCK_HEAD;
	return ZSTD_BLOCK_HEAD;
}

static int
step_zstd(struct unpack *u, struct out *o)
{
	ZSTD_inBuffer in = { u->in, u->in_len, u->in_at };
	ZSTD_outBuffer out = { o->buf, o->size, o->got };

	if (zstd_portion(u) < in.size - in.pos)
		in.size = in.pos + zstd_portion(u);
	u->zstd_wants = ZSTD_decompressStream(u->zstd, &out, &in);
	u->in_at = in.pos;
	u->given += out.pos - o->got;
	o->got = out.pos;
	if (ZSTD_isError(u->zstd_wants))
		return damage(u, "zstd", "is damaged");
	u->inside = u->zstd_wants != 0;
	u->pending = u->inside && out.pos == out.size;
	return 0;
}

/* --- telling ----------------------------------------------------------- */

static enum unpack_kind
kind_of(const struct unpack *u)
{
	const uint8_t *p = u->in;
	uint32_t magic;

	if (u->in_len < MAGIC_LEN)
		return UNPACK_PLAIN;
	if (bytes_get_be32(p) >> 8 == GZIP_MAGIC)
		return UNPACK_GZIP;
	magic = bytes_get_le32(p);
	if (magic == ZSTD_MAGIC_LE || (magic & ZSTD_SKIP_MASK) == ZSTD_SKIP_LE)
		return UNPACK_ZSTD;
	return UNPACK_PLAIN;
}

static int
begin_gzip(struct unpack *u)
{
	if (u->has_z)
		return inflateReset(&u->z) == Z_OK ? 0 : -ENOMEM;
	if (inflateInit2(&u->z, GZIP_WINDOW) != Z_OK)
		return -ENOMEM;
	u->has_z = true;
	return 0;
}

static int
begin_zstd(struct unpack *u)
{
	if (u->zstd == NULL)
		u->zstd = ZSTD_createDStream();
	if (u->zstd == NULL || ZSTD_isError(ZSTD_initDStream(u->zstd)))
		return -ENOMEM;
	u->zstd_wants = 0;
	return 0;
}

/* Waits for as many bytes as tell: a capture file has more than these. */
static int
tell(struct unpack *u)
{
	enum unpack_kind kind;
	size_t got = 0;
	int rc;

	while (u->in_len < MAGIC_LEN && !u->eof) {
		rc = read_some(
		    u, u->in + u->in_len, IN_SIZE - u->in_len, true, &got);
		if (rc != 0)
			return rc;
		u->in_len += got;
	}
	kind = kind_of(u);
	rc = 0;
	if (kind == UNPACK_GZIP)
		rc = begin_gzip(u);
	else if (kind == UNPACK_ZSTD)
		rc = begin_zstd(u);
	if (rc != 0)
		return err_set(&u->err, rc, "no memory to unpack it");
	u->kind = kind;
	u->inside = kind == UNPACK_GZIP;
	return 0;
}

/* --- the whole --------------------------------------------------------- */

/* Nothing is left, and nothing more comes: was it all? */
static int
check_end(struct unpack *u)
{
	const char *kind = u->kind == UNPACK_GZIP ? "gzip" : "zstd";

	if (u->kind == UNPACK_PLAIN || !u->inside)
		return 0;
	return damage(u, kind, "is cut off");
}

static int
step(struct unpack *u, struct out *o)
{
	int rc;

	if (u->kind == UNPACK_PLAIN)
		return step_plain(u, o);
	if (u->in_at == u->in_len && !u->pending) {
		rc = refill(u, o->got == 0);
		if (rc != 0 || u->eof)
			return rc;
	}
	return u->kind == UNPACK_GZIP ? step_gzip(u, o) : step_zstd(u, o);
}

static int
fill(struct unpack *u, struct out *o)
{
	int rc = 0;

	if (u->kind == UNPACK_UNTOLD)
		rc = tell(u);
	while (rc == 0 && o->got < o->size) {
		if (u->eof && u->in_at == u->in_len && !u->pending)
			return o->got > 0 ? 0 : check_end(u);
		rc = step(u, o);
	}
	/* What has come is handed on; being woken is seen the next time. */
	if (rc == -EAGAIN || (rc == -ECANCELED && o->got > 0))
		return 0;
	return rc;
}

int
unpack_read(
    struct unpack *u, uint8_t *buf, size_t size, size_t *got, struct err *err)
{
	struct out o = { .buf = buf, .size = size };
	int rc = u->rc;

	if (rc == 0)
		rc = fill(u, &o);
	if (rc == -ECANCELED)
		return rc;
	u->rc = rc;
	if (rc != 0 && o.got == 0)
		return err_set(err, rc, "%s", u->err.text);
	*got = o.got;
	return 0;
}

struct unpack *
unpack_new(int fd, int wake_fd)
{
	struct unpack *u = calloc(1, sizeof(*u));
	struct stat st;

	if (u == NULL)
		return NULL;
	u->fd = fd;
	u->wake_fd = wake_fd;
	u->waits = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode);
	u->begin = u->waits ? 0 : lseek(fd, 0, SEEK_CUR);
	u->in = malloc(IN_SIZE);
	if (u->in == NULL) {
		free(u);
		return NULL;
	}
	return u;
}

void
unpack_free(struct unpack *u)
{
	if (u == NULL)
		return;
	if (u->has_z)
		(void)inflateEnd(&u->z); /* says only what we know */
	(void)ZSTD_freeDStream(u->zstd); /* likewise; NULL is fine */
	free(u->in);
	free(u);
}

bool
unpack_seekable(const struct unpack *u)
{
	return !u->waits;
}

int
unpack_rewind(struct unpack *u, struct err *err)
{
	if (lseek(u->fd, u->begin, SEEK_SET) < 0)
		return err_set(
		    err, -errno, "cannot begin anew: %s", strerror(errno));
	u->kind = UNPACK_UNTOLD;
	u->eof = false;
	u->inside = false;
	u->pending = false;
	u->in_at = 0;
	u->in_len = 0;
	u->taken = 0;
	u->given = 0;
	u->rc = 0;
	return 0;
}

uint64_t
unpack_taken(const struct unpack *u)
{
	return u->taken;
}
