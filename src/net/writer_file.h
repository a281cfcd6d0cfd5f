#ifndef NET_WRITER_FILE_H
#define NET_WRITER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/attr.h"
#include "base/list.h"
#include "net/writer.h"

/*
 * writer_file.h - a file as the writer's thread sees it: opened when needed,
 * closed when too many are open, opened again, cut back after a failure.
 *
 * Private to net/writer*.c.  All of it runs on the writer's thread, except
 * what writer.h declares.
 */

struct err;
struct pipe;
struct writer_rotation;
struct writer_tail;

/** struct writer_head - A part of what a file begins with. */
struct writer_head {
	struct writer_head *next;
	size_t len;
	uint8_t bytes[];
};

/**
 * enum writer_file_state - Whether there is a descriptor
 *
 * NEW	Never made.  Opening it makes it, by the rules of enum writer_exists.
 * OPEN	Has a descriptor.
 * SHUT	Closed to make room; opened again only if it is still the same file.
 * RENEW	Closed since its user may have moved it away: opened again, or
 *	made, under the name it had.
 */
enum writer_file_state {
	WRITER_FILE_NEW,
	WRITER_FILE_OPEN,
	WRITER_FILE_SHUT,
	WRITER_FILE_RENEW,
};

/**
 * struct writer_file - See writer.h
 * @state:	See above
 * @path:	Name it has; the suffix that made it unique is added here
 *		when it is made.  NULL for a descriptor that was given.
 * @fd:		>= 0 while OPEN
 * @seekable:	A regular file of ours: written at @pos.  What was given, and
 *		pipes and devices, are written wherever they stand.
 * @exact:	See struct writer_file_opts
 * @named:	Our user has said this very name: it may be a pipe or a device
 * @head:	What a newly made file begins with; NULL: nothing
 * @head_due:	The parts of it from here on must be written before anything
 *		else
 * @body:	It holds more than its head
 * @extend:	@ahead came from writer_hole(): the file is made that long
 *		even if nothing follows
 * @pos:	Where the next byte goes, @ahead not included
 * @size:	How long the file is
 * @ahead:	Bytes to skip before the next byte
 * @is_known:	@dev and @ino are valid: asked for when it is closed to make
 *room, which few files ever are
 * @dev:	To see whether it is the same file; likewise @ino
 * @generation:	Of the set, when it was last used
 * @rotation:	NULL: there is one file of that name
 * @rotating:	In the list of files that rotate (net/writer_thread.h)
 * @lru:	In the list of open files while OPEN and @seekable, unless it
 *		rotates
 * @tail:	What is kept of it; NULL: nothing (writer_tail.h)
 * @work:	In the list of files of a batch (writer_run.c)
 * @first:	First operation of that batch; likewise @last
 */
struct writer_file {
	enum writer_file_state state;
	char *path;
	int fd;
	bool seekable;
	bool exact;
	bool lazy;
	bool named;
	bool body;
	bool extend;
	bool is_known;
	enum writer_exists exists;
	mode_t mode;
	struct writer_head *head;
	struct writer_head *head_due;
	uint64_t pos;
	uint64_t size;
	uint64_t ahead;
	dev_t dev;
	ino_t ino;
	unsigned generation;
	struct writer_rotation *rotation;
	struct list rotating;
	struct list lru;
	struct writer_tail *tail;
	struct list work;
	uint32_t first;
	uint32_t last;
};

/**
 * struct writer_file_set - The open files of a writer
 * @open:	Least recently used first
 * @nopen:	Their number
 * @max:	More than these are not kept open
 * @generation:	Changes when files are to be opened by name again; those
 *		that are SHUT then learn it by this
 */
struct writer_file_set {
	struct list open;
	unsigned nopen;
	unsigned max;
	unsigned generation;
};

/** writer_file_set_init() - An empty set; @max 0: a share of the limit. */
void writer_file_set_init(struct writer_file_set *set, unsigned max);

/** writer_file_set_done() - Close all; the files may be used again later. */
void writer_file_set_done(struct writer_file_set *set);

/** writer_file_set_renew() - Close all and open them by name (SIGHUP). */
void writer_file_set_renew(struct writer_file_set *set);

/** writer_file_head() - A copy of @len bytes; NULL without memory. */
struct writer_head *writer_file_head(const void *data, size_t len) ATTR_WUNRES;

/** writer_file_extend() - Add @h, which is given away, to the head. */
void writer_file_extend(struct writer_file *f, struct writer_head *h);

/**
 * writer_file_ready() - Have it open, with its head written
 *
 * Return: 0 or -errno; -ESTALE when it was closed to make room and somebody
 *	   has removed, replaced or changed it since
 */
int writer_file_ready(
    struct writer_file *f, struct writer_file_set *set) ATTR_WUNRES;

/**
 * writer_file_write() - Write all bytes, at the end
 * @iov:	@n pieces; used up
 * @done:	Bytes written, also on failure
 *
 * The file is ready.  Return: 0 or -errno
 */
int writer_file_write(struct writer_file *f, struct iovec *iov, size_t n,
    size_t *done) ATTR_WUNRES;

/**
 * writer_file_move() - Write @len bytes out of a pipe
 * @done:	Bytes written, also on failure
 *
 * @pipe->fill becomes what was left in it.  Return: 0 or -errno
 */
int writer_file_move(struct writer_file *f, struct pipe *pipe, size_t len,
    size_t *done) ATTR_WUNRES;

/** writer_file_cut() - Take the last @n bytes back, where that is possible. */
void writer_file_cut(struct writer_file *f, size_t n);

/** writer_file_skip() - The next byte goes @n bytes further on. */
void writer_file_skip(struct writer_file *f, uint64_t n);

/** writer_file_hole() - Likewise, and the file ends no sooner than there. */
void writer_file_hole(struct writer_file *f, uint64_t n);

/** writer_file_settle() - Give the file its length; 0 or -errno. */
int writer_file_settle(struct writer_file *f) ATTR_WUNRES;

/**
 * writer_file_room() - Bytes it may still take before it must rotate
 *
 * What is due of its head counts as taken.  Any number for other files.
 */
uint64_t writer_file_room(const struct writer_file *f);

/**
 * writer_file_finish() - Give a file that rotates its name
 *
 * Then it is closed, and its next opening makes another; one that holds
 * nothing stays as it is.  Return: 0, or -errno with @err: tell the user
 */
int writer_file_finish(struct writer_file *f, struct err *err) ATTR_WUNRES;

/**
 * writer_file_rename() - Call it @to, or a name beside that, if it was made
 *
 * Never over another file.  Return: 0, or -errno: it is called as before
 */
int writer_file_rename(struct writer_file *f, const char *to) ATTR_WUNRES;

/** writer_file_close() - Close and free it; it may be in @set. */
void writer_file_close(struct writer_file *f, struct writer_file_set *set);

/** writer_file_name() - For messages. */
const char *writer_file_name(const struct writer_file *f);

#endif /* NET_WRITER_FILE_H */
