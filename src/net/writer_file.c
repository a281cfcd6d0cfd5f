#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>

#include "base/err.h"
#include "base/outfile.h"

#include "core/sink_spec.h"

#include "net/pipe.h"
#include "net/writer_file.h"
#include "net/writer_move.h"
#include "net/writer_path.h"
#include "net/writer_rotation.h"

/* Of the descriptors of this process, one writer takes so many at most. */
#define SHARE    4
#define OPEN_MIN 2
#define OPEN_MAX (1U << 16)

struct writer_head *
writer_file_head(const void *data, size_t len)
{
	struct writer_head *h = malloc(sizeof(*h) + len);

	if (h == NULL)
		return NULL;
	h->next = NULL;
	h->len = len;
	memcpy(h->bytes, data, len);
	return h;
}

static void
free_heads(struct writer_head *h)
{
	while (h != NULL) {
		struct writer_head *next = h->next;

		free(h);
		h = next;
	}
}

/* @path, or what the first of many files is called while it is written. */
static int
name_file(struct writer_file *f, const struct writer_file_opts *o)
{
	const struct sink_rotation *want = o->rotation;

	if (want == NULL || (want->bytes == 0 && want->span_ns == 0)) {
		f->path = strdup(o->path);
		return f->path == NULL ? -ENOMEM : 0;
	}
	f->rotation = writer_rotation_new(o->path, want);
	if (f->rotation == NULL)
		return -ENOMEM;
	f->path = writer_rotation_begin(f->rotation);
	return f->path == NULL ? -ENOMEM : 0;
}

struct writer_file *
writer_file_new(const struct writer_file_opts *o)
{
	struct writer_file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	list_init(&f->lru);
	list_init(&f->work);
	list_init(&f->rotating);
	f->fd = -1;
	if (o->path != NULL) {
		if (name_file(f, o) != 0)
			goto fail;
	} else {
		assert(o->fd >= 0);
		f->fd = o->fd;
		f->state = WRITER_FILE_OPEN;
	}
	if (o->head_len > 0) {
		f->head = writer_file_head(o->head, o->head_len);
		if (f->head == NULL)
			goto fail;
		f->head_due = f->state == WRITER_FILE_OPEN ? f->head : NULL;
	}
	f->exists = f->rotation != NULL ? WRITER_EXISTS_SUFFIX : o->exists;
	f->mode = o->mode;
	f->lazy = o->lazy;
	f->exact = o->exact;
	return f;

fail:
	writer_file_free(f);
	return NULL;
}

const char *
writer_file_name(const struct writer_file *f)
{
	if (f->path != NULL)
		return f->path;
	if (f->fd == STDOUT_FILENO)
		return "standard output";
	return f->fd == STDERR_FILENO ? "standard error" : "a descriptor";
}

/* -- opening ------------------------------------------------------------ */

/*
 * A pipe or a device is fine where our user has named it, and nowhere else.
 * @is_fresh: nobody had it before, so that nothing need be asked.
 */
static int
open_new(struct writer_file *f, bool *is_fresh)
{
	enum outfile_what what = f->named ? OUTFILE_NAMED : OUTFILE_FILE;
	int fd;

	switch (f->exists) {
	case WRITER_EXISTS_OVERWRITE:
		return writer_path_open(
		    f->path, O_CREAT | O_TRUNC, f->mode, what);
	case WRITER_EXISTS_APPEND:
		return writer_path_open(f->path, O_CREAT, f->mode, what);
	case WRITER_EXISTS_SUFFIX:
	case WRITER_EXISTS_REFUSE:
		break;
	}
	fd = writer_path_open(f->path, O_CREAT | O_EXCL, f->mode, what);
	if (fd == -EEXIST && f->named && writer_path_is_special(f->path))
		return writer_path_open(f->path, 0, 0, what);
	if (fd == -EEXIST && f->exists == WRITER_EXISTS_SUFFIX)
		fd = writer_path_make_unique(&f->path, f->mode);
	*is_fresh = fd >= 0;
	return fd;
}

static int
open_by_state(struct writer_file *f, bool *is_fresh)
{
	int fd;

	switch (f->state) {
	case WRITER_FILE_NEW:
		return open_new(f, is_fresh);
	case WRITER_FILE_SHUT:
		fd = writer_path_open(f->path, 0, 0, OUTFILE_FILE);
		return fd == -ENOENT || fd == -ENOTDIR ? -ESTALE : fd;
	case WRITER_FILE_RENEW:
		return writer_path_open(
		    f->path, O_CREAT, f->mode, OUTFILE_FILE);
	case WRITER_FILE_OPEN:
		break;
	}
	/* An open file is not opened. */
	assert(false);
	return -EBADF;
}

static void
let_go(struct writer_file *f, enum writer_file_state next)
{
	/* Every byte has been written and checked; there is no more news. */
	(void)close(f->fd);
	f->fd = -1;
	f->state = next;
}

static void
shut(struct writer_file *f, struct writer_file_set *set,
    enum writer_file_state next)
{
	let_go(f, next);
	if (!list_is_empty(&f->lru)) {
		list_remove(&f->lru);
		set->nopen--;
	}
}

static void
take_note(struct writer_file *f, const struct stat *st)
{
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->is_known = true;
}

static bool
shut_oldest(struct writer_file_set *set)
{
	struct writer_file *f;
	struct stat st;

	if (set == NULL || list_is_empty(&set->open))
		return false;
	f = LIST_ENTRY(set->open.next, struct writer_file, lru);
	/* Without it the file counts as another when it is opened again. */
	if (!f->is_known && fstat(f->fd, &st) == 0)
		take_note(f, &st);
	shut(f, set, WRITER_FILE_SHUT);
	return true;
}

/* Is this still the file we shut?  Inode numbers are soon used again. */
static bool
is_same(const struct writer_file *f, const struct stat *st)
{
	return f->is_known && st->st_dev == f->dev && st->st_ino == f->ino &&
	       (uint64_t)st->st_size == f->size;
}

/* Take over an empty regular file that we have made. */
static void
adopt_fresh(struct writer_file *f, int fd)
{
	f->head_due = f->head;
	f->fd = fd;
	f->state = WRITER_FILE_OPEN;
	f->seekable = true;
	f->is_known = false;
	f->pos = 0;
	f->size = 0;
}

/* Take over what the descriptor turned out to be. */
static int
adopt(struct writer_file *f, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		int rc = -errno;

		(void)close(fd);
		return rc;
	}
	if (f->state == WRITER_FILE_SHUT && !is_same(f, &st)) {
		(void)close(fd);
		return -ESTALE;
	}
	if (f->state != WRITER_FILE_SHUT) {
		f->pos = (uint64_t)st.st_size;
		if (st.st_size == 0)
			f->head_due = f->head;
	}
	f->fd = fd;
	f->state = WRITER_FILE_OPEN;
	f->seekable = S_ISREG(st.st_mode);
	f->size = (uint64_t)st.st_size;
	take_note(f, &st);
	return 0;
}

static int
open_file(struct writer_file *f, struct writer_file_set *set)
{
	bool is_fresh = false;
	int fd;

	while (set != NULL && set->nopen >= set->max) {
		if (!shut_oldest(set))
			break;
	}
	do {
		fd = open_by_state(f, &is_fresh);
	} while ((fd == -EMFILE || fd == -ENFILE) && shut_oldest(set));
	if (fd < 0)
		return fd;
	if (!is_fresh)
		return adopt(f, fd);
	adopt_fresh(f, fd);
	return 0;
}

/* What is due of the head; a part that did not fit is tried again. */
static int
write_head(struct writer_file *f)
{
	while (f->head_due != NULL) {
		struct writer_head *h = f->head_due;
		struct iovec iov = { .iov_base = h->bytes, .iov_len = h->len };
		size_t done;
		int rc = writer_file_write(f, &iov, 1, &done);

		if (rc != 0) {
			writer_file_cut(f, done);
			return rc;
		}
		f->head_due = h->next;
	}
	return 0;
}

void
writer_file_extend(struct writer_file *f, struct writer_head *h)
{
	struct writer_head **end = &f->head;

	while (*end != NULL)
		end = &(*end)->next;
	*end = h;
	/* A file that is not made yet will be given all of it. */
	if (f->head_due == NULL && f->state != WRITER_FILE_NEW)
		f->head_due = h;
}

/* Is it to be opened by its name again, and has not been yet? */
static void
catch_up(struct writer_file *f, const struct writer_file_set *set)
{
	bool is_unused = list_is_empty(&f->lru) && f->seekable &&
			 f->path != NULL && f->rotation == NULL;

	if (set == NULL || f->generation == set->generation)
		return;
	if (f->state == WRITER_FILE_SHUT)
		f->state = WRITER_FILE_RENEW;
	/* Opened at start and never written to: no list has known it. */
	else if (f->state == WRITER_FILE_OPEN && is_unused)
		let_go(f, WRITER_FILE_RENEW);
}

int
writer_file_ready(struct writer_file *f, struct writer_file_set *set)
{
	uint64_t ahead = f->ahead;
	int rc;

	catch_up(f, set);
	if (f->state != WRITER_FILE_OPEN) {
		rc = open_file(f, set);
		if (rc != 0)
			return rc;
	}
	if (set != NULL && f->seekable && f->rotation == NULL) {
		if (list_is_empty(&f->lru))
			set->nopen++;
		f->generation = set->generation;
		list_remove(&f->lru);
		list_append(&set->open, &f->lru);
	}
	if (f->head_due == NULL)
		return 0;
	/* What is to be skipped comes after the head. */
	f->ahead = 0;
	rc = write_head(f);
	f->ahead = ahead;
	return rc;
}

int
writer_file_open(struct writer_file *f, struct err *err)
{
	int rc;

	/* Names of files that follow each other are ours. */
	f->named = f->exists != WRITER_EXISTS_SUFFIX;
	rc = writer_file_ready(f, NULL);
	if (rc == -EEXIST)
		return err_set(err, rc,
		    "%s exists; --overwrite would replace it",
		    writer_file_name(f));
	if (rc != 0)
		return err_set(err, rc, "cannot write %s: %s",
		    writer_file_name(f), outfile_why(rc));
	return 0;
}

/* -- writing ------------------------------------------------------------ */

static void
use_up(struct iovec **iov, size_t *n, size_t len)
{
	while (*n > 0 && len >= (*iov)->iov_len) {
		len -= (*iov)->iov_len;
		(*iov)++;
		(*n)--;
	}
	if (*n > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + len;
		(*iov)->iov_len -= len;
	}
}

/* One call; how many bytes went out, 0 to try again, or -errno. */
static ssize_t
write_once(struct writer_file *f, const struct iovec *iov, size_t n)
{
	struct pollfd wait = { .fd = f->fd, .events = POLLOUT };
	int count = n < IOV_MAX ? (int)n : IOV_MAX;
	ssize_t r;

	if (f->seekable)
		r = pwritev(f->fd, iov, count, (off_t)f->pos);
	else
		r = writev(f->fd, iov, count);
	if (r >= 0)
		return r > 0 ? r : -EIO;
	if (errno == EINTR)
		return 0;
	if (errno != EAGAIN)
		return -errno;
	/* Somebody shares this terminal or pipe and made it non-blocking. */
	(void)poll(&wait, 1, -1);
	return 0;
}

/* The end of the file is where the next byte goes. */
static void
go_ahead(struct writer_file *f)
{
	if (f->seekable)
		f->pos += f->ahead;
	f->ahead = 0;
	f->extend = false;
}

static void
moved_on(struct writer_file *f, size_t n)
{
	f->pos += n;
	if (f->size < f->pos)
		f->size = f->pos;
}

int
writer_file_write(
    struct writer_file *f, struct iovec *iov, size_t n, size_t *done)
{
	assert(f->state == WRITER_FILE_OPEN);
	*done = 0;
	go_ahead(f);
	use_up(&iov, &n, 0);
	while (n > 0) {
		ssize_t r = write_once(f, iov, n);

		if (r < 0)
			return (int)r;
		moved_on(f, (size_t)r);
		*done += (size_t)r;
		use_up(&iov, &n, (size_t)r);
	}
	return 0;
}

/* Where splice does not do it. */
static int
copy_from_pipe(
    struct writer_file *f, struct pipe *pipe, size_t len, size_t *done)
{
	uint8_t bytes[16 * 1024];
	struct iovec iov;
	size_t written;
	int rc;

	while (len > 0) {
		size_t want = len < sizeof(bytes) ? len : sizeof(bytes);
		ssize_t n = read(pipe->rd, bytes, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -EIO : -errno;
		pipe->fill -= (size_t)n;
		len -= (size_t)n;
		iov = (struct iovec){ bytes, (size_t)n };
		rc = writer_file_write(f, &iov, 1, &written);
		*done += written;
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
writer_file_move(
    struct writer_file *f, struct pipe *pipe, size_t len, size_t *done)
{
	int rc;

	assert(f->state == WRITER_FILE_OPEN && pipe->fill == len);
	go_ahead(f);
	rc = writer_move(
	    pipe->rd, f->fd, f->seekable ? &f->pos : NULL, len, done);
	moved_on(f, *done);
	pipe->fill -= *done;
	if (rc == -ENOTSUP)
		rc = copy_from_pipe(f, pipe, len - *done, done);
	return rc;
}

/* What was given may be a regular file all the same: "teeline ... > file". */
static void
cut_given(struct writer_file *f, size_t n)
{
	struct stat st;
	off_t end = lseek(f->fd, 0, SEEK_CUR);

	if (end < (off_t)n || fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size != end)
		return;
	/* Both are an attempt; if it fails, the torn record stays. */
	if (ftruncate(f->fd, end - (off_t)n) == 0)
		(void)lseek(f->fd, end - (off_t)n, SEEK_SET);
}

void
writer_file_cut(struct writer_file *f, size_t n)
{
	if (n == 0)
		return;
	if (!f->seekable) {
		cut_given(f, n);
		return;
	}
	f->pos -= n;
	/* If this fails too, the torn record is written over later. */
	if (f->size == f->pos + n && ftruncate(f->fd, (off_t)f->pos) == 0)
		f->size = f->pos;
}

void
writer_file_skip(struct writer_file *f, uint64_t n)
{
	f->ahead += n;
}

void
writer_file_hole(struct writer_file *f, uint64_t n)
{
	f->ahead += n;
	f->extend = true;
}

int
writer_file_settle(struct writer_file *f)
{
	uint64_t end = f->pos + f->ahead;

	if (!f->extend || f->state != WRITER_FILE_OPEN || !f->seekable)
		return 0;
	if (end > f->size && ftruncate(f->fd, (off_t)end) != 0)
		return -errno;
	if (end > f->size)
		f->size = end;
	f->extend = false;
	return 0;
}

/* -- rotating ----------------------------------------------------------- */

uint64_t
writer_file_room(const struct writer_file *f)
{
	const struct writer_head *h =
	    f->state == WRITER_FILE_NEW ? f->head : f->head_due;
	uint64_t size = f->pos;

	if (f->rotation == NULL)
		return UINT64_MAX;
	for (; h != NULL; h = h->next)
		size += h->len;
	return writer_rotation_room(f->rotation, size);
}

/* Forget the file that was written; the next opening makes another. */
static void
begin_anew(struct writer_file *f)
{
	char *path = writer_rotation_begin(f->rotation);

	let_go(f, WRITER_FILE_NEW);
	if (path != NULL) {
		free(f->path);
		f->path = path;
	}
	f->pos = 0;
	f->size = 0;
	f->ahead = 0;
	f->body = false;
	f->head_due = NULL;
}

int
writer_file_finish(struct writer_file *f, struct err *err)
{
	bool done;
	int rc;

	if (f->state != WRITER_FILE_OPEN || f->size == 0) {
		writer_rotation_again(f->rotation);
		return 0;
	}
	rc = writer_rotation_finish(f->rotation, f->path, &done, err);
	if (done)
		begin_anew(f);
	return rc;
}

/* -- closing ------------------------------------------------------------ */

int
writer_file_rename(struct writer_file *f, const char *to)
{
	if (f->path == NULL || f->state == WRITER_FILE_NEW)
		return 0;
	return writer_path_move(&f->path, to);
}

void
writer_file_close(struct writer_file *f, struct writer_file_set *set)
{
	if (f->state == WRITER_FILE_OPEN && f->path != NULL)
		shut(f, set, WRITER_FILE_SHUT);
	writer_file_free(f);
}

void
writer_file_free(struct writer_file *f)
{
	if (f == NULL)
		return;
	assert(list_is_empty(&f->lru) && list_is_empty(&f->rotating));
	assert(f->tail == NULL);
	if (f->fd >= 0 && f->path != NULL) {
		(void)close(f->fd);
		/* Nothing was written: it has got no name, and needs none. */
		if (f->rotation != NULL && f->size == 0)
			(void)unlink(f->path);
	}
	writer_rotation_free(f->rotation);
	free(f->path);
	free_heads(f->head);
	free(f);
}

/* -- sets --------------------------------------------------------------- */

void
writer_file_set_init(struct writer_file_set *set, unsigned max)
{
	struct rlimit limit;

	list_init(&set->open);
	set->nopen = 0;
	set->generation = 0;
	set->max = max;
	if (max != 0)
		return;
	set->max = OPEN_MIN;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (limit.rlim_cur / SHARE > OPEN_MAX)
		set->max = OPEN_MAX;
	else if (limit.rlim_cur / SHARE > OPEN_MIN)
		set->max = (unsigned)(limit.rlim_cur / SHARE);
}

void
writer_file_set_done(struct writer_file_set *set)
{
	while (!list_is_empty(&set->open))
		(void)shut_oldest(set); /* there is one */
}

void
writer_file_set_renew(struct writer_file_set *set)
{
	struct list again, *node;

	list_init(&again);
	while (!list_is_empty(&set->open)) {
		struct writer_file *f =
		    LIST_ENTRY(set->open.next, struct writer_file, lru);

		shut(f, set, WRITER_FILE_RENEW);
		list_append(&again, &f->lru);
	}
	set->generation++;
	while ((node = list_shift(&again)) != NULL) {
		int rc = writer_file_ready(
		    LIST_ENTRY(node, struct writer_file, lru), set);

		/* The next operation on the file tries again and reports. */
		(void)rc;
	}
}
