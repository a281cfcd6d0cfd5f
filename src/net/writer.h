#ifndef NET_WRITER_H
#define NET_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/obuf.h"

/*
 * writer.h - the thread that touches the files of one sink.
 *
 * Regular files block, so no worker opens, writes, renames or closes one.  A
 * worker collects what it has to say in a batch (a run of bytes plus a list
 * of operations on files), and hands the batch over when it holds
 * WRITER_BATCH bytes or is WRITER_AGE_NS old: a hand-off per small chunk
 * would cost twice the CPU of the whole relay.  While the thread is busy with
 * others, a batch grows on, up to WRITER_BUSY: what goes to one file is then
 * written by fewer and larger calls, and the thread is woken less often (1.3 GB
 * to 1,200 files: 1.5 s for 2.0; larger still only takes more memory).  When
 * the last hand-over was
 * longer ago than WRITER_AGE_NS the batch goes at the end of the turn, so
 * that quiet traffic is seen at once.
 *
 *	worker 0 ── port ── batch ──┐
 *	worker 1 ── port ── batch ──┼──► queue ──► thread ──► files
 *
 * While batches are full, exact files are written in blocks: what is over the
 * last one waits for the rest, WRITER_AGE_NS at most (net/writer_tail.h).
 *
 * Order: what one port does to one file is done in the order made.  A record
 * (from writer_begin() to writer_end()) is never split, and never mixed with
 * another port's.
 *
 * Bounds: batches waiting and in work are counted against @limit.  The check
 * is made before a record is added (writer_full()); what is over the limit is
 * at most a record per worker.  What waits for the rest of its block comes
 * to that: at most four times as much, and never more than 16 MiB.  Besides, a
 * port keeps the memory of four empty batches, until none of its own has been
 * written for WRITER_REST_NS.
 *
 * Failure: bytes that cannot be written are counted (DROP_WRITE_ERROR), and so
 * are records that stand for none and files that cannot be made; the
 * user is told once per writer until a batch succeeds again (and not more
 * often than every 10 s), and a regular file is cut back to the end of the
 * last whole record, so that it stays readable.  Each later batch tries
 * again.  When the reader of standard output has gone, writer_stdout_gone()
 * is true by the time the user would be told.
 */

struct err;
struct pipe;
struct sink_count;
struct sink_rotation;
struct worker;
struct writer;
struct writer_file;
struct writer_port;

#define WRITER_BATCH   ((size_t)256 * 1024)
#define WRITER_BUSY    ((size_t)1 * 1024 * 1024)
#define WRITER_AGE_NS  (50 * 1000000ULL)
#define WRITER_REST_NS (1000 * 1000000ULL)

/**
 * writer_notice - Tells the user about a failure, or that it is over
 *
 * Called on the writer's thread, rarely.  @text has no newline.
 */
typedef void writer_notice(void *self, const char *text);

/**
 * struct writer_opts - What a writer is made from
 * @name:	The sink's name, for notices; borrowed
 * @limit:	Most bytes queued and in work
 * @max_open:	Most files open at a time; the least recently used one is
 *		closed and opened again when needed; 0: a share of the
 *		descriptor limit
 * @notice:	May be NULL
 * @notice_self: Passed on
 */
struct writer_opts {
	const char *name;
	size_t limit;
	unsigned max_open;
	writer_notice *notice;
	void *notice_self;
};

/** writer_new() - Make it and start its thread; NULL with @err. */
struct writer *writer_new(
    const struct writer_opts *o, struct err *err) ATTR_WUNRES;

/**
 * writer_drain() - Write what is queued, then end the thread
 * @deadline_ns: Monotonic; what is not written by then is counted as
 *		DROP_CLOSING.  A thread that the kernel holds (a stopped
 *		reader of a pipe) is left behind; the process is about to exit.
 *
 * The workers of all ports have ended, but are not freed yet.  What their
 * ports still hold is flushed first.
 *
 * Return: 0, or -ETIMEDOUT when the thread was left behind (then neither
 *	   ports nor writer nor files may be freed)
 */
int writer_drain(struct writer *w, uint64_t deadline_ns);

/**
 * writer_free() - When all ports are freed; NULL is a no-op
 *
 * A writer that was not drained, since something else failed at start, gets
 * 2 s for it.
 */
void writer_free(struct writer *w);

/**
 * writer_stdout_gone() - Has a write to standard output met EPIPE?
 *
 * From any thread.  The program is to end quietly: "teeline ... | head" is no
 * failure.  The notice that goes with it need not be shown.
 */
bool writer_stdout_gone(void);

/**
 * writer_reopen() - Close and reopen all named files (SIGHUP); any thread
 *
 * Files that rotate are finished, and others begun, instead.
 */
void writer_reopen(struct writer *w);

/** enum writer_exists - What to do about a file that is already there. */
enum writer_exists {
	WRITER_EXISTS_SUFFIX,    /* "-2", "-3" ... before the extension */
	WRITER_EXISTS_OVERWRITE, /* cut it to nothing */
	WRITER_EXISTS_APPEND,    /* go on at its end */
	WRITER_EXISTS_REFUSE,    /* an error */
};

/**
 * struct writer_file_opts - What a file is made from
 * @path:	Copied.  Missing folders are made (mode 0700).  NULL with @fd.
 * @fd:		>= 0: an open descriptor instead of a path, never closed
 * @exists:	See enum writer_exists; only at first opening
 * @mode:	0600 unless a personality says otherwise (less the umask)
 * @head:	Bytes at the start of every newly made file; copied; may be
 *		NULL
 * @head_len:	Their number
 * @lazy:	Make the file when the first byte comes, not with the first
 *		operation; a file that never got one is never made
 * @exact:	Offsets in the file mean something: bytes that could not be
 *		written leave a hole instead of moving up what follows, and a
 *		record is the bytes that it stands for
 * @rotation:	Copied; NULL, or neither @bytes nor @span_ns: @path is the one
 *		file.  Otherwise there are many of that name (see
 *		net/writer_rotation.h; @exists has no meaning), and
 *		writer_rotate() must be told of it.  For records only: pipes
 *		and holes do not rotate.
 */
struct writer_file_opts {
	const char *path;
	int fd;
	enum writer_exists exists;
	mode_t mode;
	const void *head;
	size_t head_len;
	bool lazy;
	bool exact;
	const struct sink_rotation *rotation;
};

/**
 * writer_file_new() - Describe a file; nothing is opened on this thread
 *
 * Return: NULL without memory.  Ownership passes to the writer with
 * writer_close(); several ports may use one file that stays open (then
 * writer_file_shared() frees it).
 */
struct writer_file *writer_file_new(const struct writer_file_opts *o);

/**
 * writer_file_open() - Open it on this thread, now
 *
 * For files shared by all sessions, at start: a failure is the user's to
 * see.  Return: 0 or -errno with @err.
 */
int writer_file_open(struct writer_file *f, struct err *err) ATTR_WUNRES;

/**
 * writer_rotate() - Rotate a file by time, and give it its name at the end
 * @f:		Made with @rotation; outlives the writer
 *
 * Before the workers are started.  A record is never split over two files, and
 * each file begins with all that writer_head() has added by then.  When a file
 * cannot be renamed, the user is told once, records go on in it, and a second
 * later it is tried again.
 */
void writer_rotate(struct writer *w, struct writer_file *f);

/** writer_file_free() - After the writer has ended, or if never used. */
void writer_file_free(struct writer_file *f);

/**
 * writer_port_new() - The part of the writer that worker @w uses
 * @count:	Counters of the lane: WRITTEN and write errors are added on
 *		the writer's thread; outlives the port
 */
struct writer_port *writer_port_new(
    struct writer *wr, struct worker *w, struct sink_count *count) ATTR_WUNRES;

/**
 * writer_port_free() - After the worker's thread has ended
 *
 * Flushes, and waits for that, unless writer_drain() has done it.  NULL is a
 * no-op.
 */
void writer_port_free(struct writer_port *p);

/** writer_full() - The queue has reached its limit. */
bool writer_full(const struct writer_port *p);

/**
 * writer_begin() - Start a record: append its bytes to what is returned
 *
 * The buffer may hold bytes of earlier records; only append, or take back
 * what was appended since.  No other call on the port before writer_end().
 */
struct obuf *writer_begin(struct writer_port *p);

/**
 * writer_end() - Finish the record
 * @f:		Goes to the current end of this file
 * @payload:	Stream bytes it stands for, for the counters; 0 is fine
 *
 * A record of no bytes only counts its payload as written.
 */
void writer_end(struct writer_port *p, struct writer_file *f, size_t payload);

/** writer_put() - A record of @len bytes that lie in memory. */
void writer_put(struct writer_port *p, struct writer_file *f, const void *data,
    size_t len, size_t payload);

/**
 * writer_head() - From here on @f begins with @len bytes more
 *
 * They are written where @f stands now, and behind the rest of its head at the
 * start of every file that takes its place (SIGHUP, rotation).  Until they
 * could be written nothing else is.
 *
 * Return: 0 or -ENOMEM, and nothing was done
 */
int writer_head(struct writer_port *p, struct writer_file *f, const void *data,
    size_t len) ATTR_WUNRES;

/**
 * writer_lose() - A record cannot be written: DROP_WRITE_ERROR
 * @payload:	Stream bytes it stands for; 0 is fine
 */
void writer_lose(struct writer_port *p, size_t payload);

/**
 * writer_hole() - Move the end of @f @len bytes on; reads as zeros
 *
 * Pipes and devices have no holes: there it does nothing.
 */
void writer_hole(struct writer_port *p, struct writer_file *f, uint64_t len);

/**
 * writer_splice() - A record whose bytes lie in a pipe
 * @pipe:	Holds exactly @len bytes; given away, the thread returns it
 *
 * Its payload is @len.
 */
void writer_splice(struct writer_port *p, struct writer_file *f,
    struct pipe *pipe, size_t len);

/**
 * writer_name() - What was written of @f so far is called @path from here on
 *
 * Or a name beside it, if that is taken ("x-2.log"); one that was never made
 * stays so.  When it cannot be renamed its user is told.  Without memory it
 * keeps the name it has.
 */
void writer_name(
    struct writer_port *p, struct writer_file *f, const char *path);

/** writer_close() - The last operation on @f: close and free it. */
void writer_close(struct writer_port *p, struct writer_file *f);

/** writer_flush() - Hand the batch over now. */
void writer_flush(struct writer_port *p);

/**
 * writer_turn() - Hand the batch over if it is due
 * @mono_ns:	Monotonic time
 *
 * Return: when it will be due, or CLOCK_NEVER when there is none
 */
uint64_t writer_turn(struct writer_port *p, uint64_t mono_ns);

#endif /* NET_WRITER_H */
