#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "source/netrecord_log.h"
#include "source/prefetch.h"
#include "source/unpack.h"
#include "wire/capfile.h"

/* Nothing is to be skipped. */
#define NO_FILE SIZE_MAX

/**
 * struct input - A file
 * @fd:		-1: to be opened again
 * @mtime_ns:	When it was written last
 */
struct input {
	int fd;
	uint64_t mtime_ns;
};

/**
 * struct prefetch - See prefetch.h
 * @total:	See prefetch_total()
 * @done:	Bytes of the files that are behind us, and of this one
 * @wake:	A pipe; a byte in it is reason to look at the flags
 * @lock:	Of what follows
 * @changed:	One of them has
 * @filled, @returned: Blocks so far; in between they are the worker's
 * @hungry:	The worker has found nothing
 * @skip:	Which file is to be left
 */
struct prefetch {
	struct prefetch_opts o;
	struct input *inputs;
	uint64_t total;
	_Atomic uint64_t done;
	struct prefetch_block ring[PREFETCH_BLOCKS];
	pthread_t thread;
	bool has_thread;
	int wake[2];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t filled;
	uint64_t returned;
	bool hungry;
	bool started;
	bool stopped;
	size_t skip;
};

/* --- between the threads ----------------------------------------------- */

static void
wake(struct prefetch *p)
{
	static const char byte = 0;
	ssize_t n;

	pthread_cond_signal(&p->changed);
	n = write(p->wake[1], &byte, 1);
	(void)n; /* a pipe that is full has woken it already */
}

/* Bytes that were sent before what is now looked at. */
static void
clear_wake(struct prefetch *p)
{
	char bytes[64];

	while (read(p->wake[0], bytes, sizeof(bytes)) > 0)
		;
}

/* A block to fill; NULL: stop.  @skip: the file is not wanted any more. */
static struct prefetch_block *
wait_for_room(struct prefetch *p, size_t file, bool *skip)
{
	struct prefetch_block *b = NULL;

	/* First: whoever sets a flag now leaves a byte for the next poll. */
	clear_wake(p);
	pthread_mutex_lock(&p->lock);
	while (!p->stopped &&
	       (!p->started || p->filled - p->returned == PREFETCH_BLOCKS))
		pthread_cond_wait(&p->changed, &p->lock);
	if (!p->stopped)
		b = &p->ring[p->filled % PREFETCH_BLOCKS];
	*skip = p->skip == file;
	pthread_mutex_unlock(&p->lock);
	return b;
}

static void
hand_over(struct prefetch *p)
{
	pthread_mutex_lock(&p->lock);
	p->filled++;
	/* Under the lock: once stopped, nobody is called any more. */
	if (p->hungry && !p->stopped) {
		p->hungry = false;
		p->o.ready(p->o.self);
	}
	pthread_mutex_unlock(&p->lock);
}

struct prefetch_block *
prefetch_next(struct prefetch *p)
{
	struct prefetch_block *b = NULL;

	pthread_mutex_lock(&p->lock);
	p->hungry = p->filled == p->returned;
	if (!p->hungry)
		b = &p->ring[p->returned % PREFETCH_BLOCKS];
	pthread_mutex_unlock(&p->lock);
	return b;
}

void
prefetch_give_back(struct prefetch *p)
{
	pthread_mutex_lock(&p->lock);
	assert(p->returned < p->filled);
	p->returned++;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

void
prefetch_start(struct prefetch *p)
{
	pthread_mutex_lock(&p->lock);
	p->started = true;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

void
prefetch_skip(struct prefetch *p, size_t file)
{
	pthread_mutex_lock(&p->lock);
	p->skip = file;
	wake(p);
	pthread_mutex_unlock(&p->lock);
}

void
prefetch_stop(struct prefetch *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopped = true;
	wake(p);
	pthread_mutex_unlock(&p->lock);
}

uint64_t
prefetch_done(const struct prefetch *p)
{
	return atomic_load(&p->done);
}

uint64_t
prefetch_total(const struct prefetch *p)
{
	return p->total;
}

/* --- on the thread ----------------------------------------------------- */

/*
 * Time zero of a netrecord log, whose times are relative: the file was written
 * last when its last record was.  What comes through a pipe begins now.
 */
static int
find_start(struct unpack *u, const struct input *in, struct prefetch_block *b)
{
	uint64_t last_us, last_ns;
	int rc;

	if (!unpack_seekable(u)) {
		b->start_ns = clock_event_ns();
		return 0;
	}
	rc = unpack_rewind(u, &b->err);
	if (rc != 0)
		return rc;
	rc = netrecord_log_last(u, b->data, PREFETCH_BLOCK, &last_us);
	if (rc != 0)
		return rc;
	last_ns = last_us < UINT64_MAX / CLOCK_NS_PER_US
		      ? last_us * CLOCK_NS_PER_US
		      : UINT64_MAX;
	b->start_ns = in->mtime_ns > last_ns ? in->mtime_ns - last_ns : 0;
	rc = unpack_rewind(u, &b->err);
	return rc != 0
		   ? rc
		   : unpack_read(u, b->data, PREFETCH_BLOCK, &b->len, &b->err);
}

static int
fill(struct unpack *u, const struct input *in, struct prefetch_block *b)
{
	int rc = unpack_read(u, b->data, PREFETCH_BLOCK, &b->len, &b->err);

	if (rc == 0 && b->first &&
	    capfile_sniff(b->data, b->len) == CAPFILE_NETRECORD)
		rc = find_start(u, in, b);
	return rc;
}

/* One block; false: the file has ended, or we are to stop. */
static bool
read_block(struct prefetch *p, struct unpack *u, size_t file, bool first)
{
	uint64_t before = unpack_taken(u);
	struct prefetch_block *b;
	bool skip, last;
	int rc;

	do {
		b = wait_for_room(p, file, &skip);
		if (b == NULL)
			return false;
		*b = (struct prefetch_block){
			.data = b->data,
			.file = file,
			.first = first,
		};
		rc = skip ? 0 : fill(u, &p->inputs[file], b);
		/* Woken to stop, to skip, or by a byte left from before. */
	} while (rc == -ECANCELED);
	b->last = rc != 0 || b->len == 0;
	if (unpack_taken(u) > before)
		atomic_fetch_add(&p->done, unpack_taken(u) - before);
	last = b->last; /* then the block is the worker's */
	hand_over(p);
	return !last;
}

static int
open_path(const char *path, struct err *err)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return STDIN_FILENO;
	/* A FIFO without a writer would keep us here. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "%s", strerror(errno));
	return fd;
}

static void
close_input(struct input *in)
{
	if (in->fd > STDIN_FILENO)
		(void)close(in->fd); /* only read from: nothing is lost */
	in->fd = -1;
}

/* A file that cannot be read at all is a last block with a remark. */
static void
give_up(struct prefetch *p, size_t file, const struct err *err)
{
	bool skip;
	struct prefetch_block *b = wait_for_room(p, file, &skip);

	if (b == NULL)
		return;
	*b = (struct prefetch_block){
		.data = b->data,
		.file = file,
		.first = true,
		.last = true,
		.err = *err,
	};
	hand_over(p);
}

static void
read_file(struct prefetch *p, size_t file)
{
	struct input *in = &p->inputs[file];
	struct err err = { "" };
	struct unpack *u;
	bool first = true;

	if (in->fd < 0)
		in->fd = open_path(p->o.paths[file], &err);
	if (in->fd < 0) {
		give_up(p, file, &err);
		return;
	}
	u = unpack_new(in->fd, p->wake[0]);
	if (u == NULL) {
		(void)err_set(&err, -ENOMEM, "out of memory");
		give_up(p, file, &err);
		close_input(in);
		return;
	}
	while (read_block(p, u, file, first))
		first = false;
	unpack_free(u);
	close_input(in);
}

static bool
is_stopped(struct prefetch *p)
{
	bool stopped;

	pthread_mutex_lock(&p->lock);
	stopped = p->stopped;
	pthread_mutex_unlock(&p->lock);
	return stopped;
}

static void *
thread_main(void *self)
{
	struct prefetch *p = self;

	thread_name("reader");
	for (size_t i = 0; i < p->o.npaths && !is_stopped(p); i++)
		read_file(p, i);
	return NULL;
}

/* --- making ------------------------------------------------------------ */

static int
look_at(struct input *in, bool *is_file, uint64_t *size, struct err *err)
{
	struct stat st;

	if (fstat(in->fd, &st) != 0)
		return err_set(err, -errno, "%s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return err_set(
		    err, -EISDIR, "is a directory: a capture file is wanted");
	*is_file = S_ISREG(st.st_mode);
	*size = (uint64_t)st.st_size;
	in->mtime_ns = (uint64_t)st.st_mtim.tv_sec * CLOCK_NS_PER_S +
		       (uint64_t)st.st_mtim.tv_nsec;
	return 0;
}

static int
open_inputs(struct prefetch *p, struct err *err)
{
	bool is_file = false, all_files = true, has_stdin = false;
	uint64_t size = 0;
	int rc;

	for (size_t i = 0; i < p->o.npaths; i++) {
		struct input *in = &p->inputs[i];

		in->fd = open_path(p->o.paths[i], err);
		rc = in->fd < 0 ? in->fd : look_at(in, &is_file, &size, err);
		if (rc == 0 && in->fd == STDIN_FILENO && has_stdin)
			rc = err_set(
			    err, -EINVAL, "there is only one standard input");
		if (rc != 0) {
			err_prefix(err, "%s: ", p->o.paths[i]);
			return rc;
		}
		has_stdin = has_stdin || in->fd == STDIN_FILENO;
		all_files = all_files && is_file;
		p->total += size;
		if (i >= PREFETCH_OPEN_MAX && is_file)
			close_input(in);
	}
	if (!all_files)
		p->total = 0;
	return 0;
}

static int
make_pipe(int fd[2], struct err *err)
{
	if (pipe(fd) != 0)
		return err_set(
		    err, -errno, "cannot make a pipe: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		/* They cannot fail with a descriptor that is there. */
		(void)fcntl(fd[i], F_SETFD, FD_CLOEXEC);
		(void)fcntl(fd[i], F_SETFL, O_NONBLOCK);
	}
	return 0;
}

static int
make_blocks(struct prefetch *p, struct err *err)
{
	for (size_t i = 0; i < PREFETCH_BLOCKS; i++) {
		p->ring[i].data = malloc(PREFETCH_BLOCK);
		if (p->ring[i].data == NULL)
			return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

struct prefetch *
prefetch_new(const struct prefetch_opts *o, int *code, struct err *err)
{
	struct prefetch *p = calloc(1, sizeof(*p));
	int rc = -ENOMEM;

	if (p != NULL)
		p->inputs = calloc(o->npaths, sizeof(*p->inputs));
	if (p == NULL || p->inputs == NULL) {
		free(p);
		*code = err_set(err, rc, "out of memory");
		return NULL;
	}
	p->o = *o;
	p->skip = NO_FILE;
	p->hungry = true;
	p->wake[0] = -1;
	p->wake[1] = -1;
	for (size_t i = 0; i < o->npaths; i++)
		p->inputs[i].fd = -1;
	/* On Linux these cannot fail without attributes. */
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->changed, NULL);
	rc = make_pipe(p->wake, err);
	if (rc == 0)
		rc = make_blocks(p, err);
	if (rc == 0)
		rc = open_inputs(p, err);
	if (rc == 0)
		return p;
	prefetch_free(p);
	*code = rc;
	return NULL;
}

int
prefetch_attach(struct prefetch *p, struct err *err)
{
	sigset_t all, old;
	int rc;

	/* Signals are the main thread's business. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&p->thread, NULL, thread_main, p);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return err_set(err, -rc,
		    "cannot start the thread that reads: "
		    "%s",
		    strerror(rc));
	p->has_thread = true;
	return 0;
}

void
prefetch_free(struct prefetch *p)
{
	if (p == NULL)
		return;
	if (p->has_thread) {
		prefetch_stop(p);
		(void)pthread_join(p->thread, NULL);
	}
	for (size_t i = 0; i < p->o.npaths; i++)
		close_input(&p->inputs[i]);
	for (size_t i = 0; i < PREFETCH_BLOCKS; i++)
		free(p->ring[i].data);
	for (int i = 0; i < 2; i++)
		if (p->wake[i] >= 0)
			(void)close(p->wake[i]);
	(void)pthread_cond_destroy(&p->changed);
	(void)pthread_mutex_destroy(&p->lock);
	free(p->inputs);
	free(p);
}
