#ifndef WRITER_RIG_H
#define WRITER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "core/count.h"
#include "net/writer.h"

/*
 * A writer, one port of it, and a folder that is removed afterwards.
 */
struct rig {
	char dir[64];
	struct writer *w;
	struct writer_port *port;
	struct sink_count count;
	pthread_mutex_t lock; /* for what follows: the thread tells */
	char told[1024];
	unsigned ntold;
};

/* Longer than any test should ever wait for anything. */
#define RIG_PATIENCE_NS (20 * CLOCK_NS_PER_S)

static inline void
rig_notice(void *self, const char *text)
{
	struct rig *r = self;
	size_t n;

	pthread_mutex_lock(&r->lock);
	n = strlen(r->told);
	(void)snprintf(r->told + n, sizeof(r->told) - n, "%s|", text);
	r->ntold++;
	pthread_mutex_unlock(&r->lock);
}

static inline unsigned
rig_ntold(struct rig *r)
{
	unsigned n;

	pthread_mutex_lock(&r->lock);
	n = r->ntold;
	pthread_mutex_unlock(&r->lock);
	return n;
}

static inline void
rig_init(struct rig *r, size_t limit, unsigned max_open)
{
	struct writer_opts o = {
		.name = "test",
		.limit = limit,
		.max_open = max_open,
		.notice = rig_notice,
		.notice_self = r,
	};
	struct err err;

	memset(r, 0, sizeof(*r));
	assert_int_equal(pthread_mutex_init(&r->lock, NULL), 0);
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/teeline-writer-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	r->w = writer_new(&o, &err);
	assert_non_null(r->w);
	r->port = writer_port_new(r->w, NULL, &r->count);
	assert_non_null(r->port);
}

static inline int
rig_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void
rig_remove_dir(struct rig *r)
{
	assert_int_equal(nftw(r->dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
	pthread_mutex_destroy(&r->lock);
}

/* Write what is left; the files can be looked at after this. */
static inline void
rig_finish(struct rig *r)
{
	assert_int_equal(
	    writer_drain(r->w, clock_mono_ns() + RIG_PATIENCE_NS), 0);
	writer_port_free(r->port);
	writer_free(r->w);
	r->w = NULL;
}

static inline void
rig_done(struct rig *r)
{
	if (r->w != NULL)
		rig_finish(r);
	rig_remove_dir(r);
}

/* What each test of a file has; the file's set_up() makes it. */
static struct rig rig;

static inline int
rig_tear_down(void **state)
{
	(void)state;
	rig_done(&rig);
	return 0;
}

#define RIG_UP(f, up) cmocka_unit_test_setup_teardown(f, up, rig_tear_down)
#define RIG(f)        RIG_UP(f, set_up)

static inline const char *
rig_path(const struct rig *r, const char *name, char path[256])
{
	(void)snprintf(path, 256, "%s/%s", r->dir, name);
	return path;
}

/* A file in the folder, with defaults for what the test does not say. */
static inline struct writer_file *
rig_file(const struct rig *r, const char *name, struct writer_file_opts o)
{
	struct writer_file *f;
	char path[256];

	o.path = rig_path(r, name, path);
	o.fd = -1;
	if (o.mode == 0)
		o.mode = 0600;
	f = writer_file_new(&o);
	assert_non_null(f);
	return f;
}

/* What is given to us open. */
static inline struct writer_file *
rig_given(int fd)
{
	struct writer_file_opts o = { .fd = fd };
	struct writer_file *f = writer_file_new(&o);

	assert_non_null(f);
	return f;
}

static inline void
rig_say(struct rig *r, struct writer_file *f, const char *text)
{
	writer_put(r->port, f, text, strlen(text), strlen(text));
}

/* As if the disk were full. */
static inline void
rig_limit_files(rlim_t bytes)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* Take @len bytes off a pipe. */
static inline void
rig_read_all(int fd, size_t len)
{
	char bytes[65536];

	while (len > 0) {
		ssize_t n =
		    read(fd, bytes, len < sizeof(bytes) ? len : sizeof(bytes));

		assert_true(n > 0);
		len -= (size_t)n;
	}
}

/* All of a file; NULL when there is none; to be freed. */
static inline char *
rig_read(const struct rig *r, const char *name, size_t *len)
{
	char path[256], *text;
	struct stat st;
	int fd = open(rig_path(r, name, path), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	assert_int_equal(fstat(fd, &st), 0);
	*len = (size_t)st.st_size;
	text = calloc(1, *len + 1);
	assert_non_null(text);
	assert_int_equal(read(fd, text, *len), (ssize_t)*len);
	(void)close(fd);
	return text;
}

static inline void
rig_assert_file(const struct rig *r, const char *name, const char *want)
{
	size_t len = 0;
	char *text = rig_read(r, name, &len);

	if (want == NULL) {
		assert_null(text);
		return;
	}
	if (text == NULL)
		fail_msg("%s does not exist", name);
	assert_int_equal(len, strlen(want));
	assert_string_equal(text, want);
	free(text);
}

/* Wait until a counter has a value, or fail. */
static inline void
rig_wait(const struct count *c, uint64_t want)
{
	uint64_t deadline_ns = clock_mono_ns() + RIG_PATIENCE_NS;

	while (count_get(c) != want) {
		if (clock_mono_ns() > deadline_ns)
			fail_msg("counter is %ju, not %ju",
			    (uintmax_t)count_get(c), (uintmax_t)want);
		(void)poll(NULL, 0, 1);
	}
}

/* Wait until there is a file of this name, or fail. */
static inline void
rig_wait_for(const struct rig *r, const char *name)
{
	uint64_t deadline_ns = clock_mono_ns() + RIG_PATIENCE_NS;
	char path[256];

	while (access(rig_path(r, name, path), F_OK) != 0) {
		if (clock_mono_ns() > deadline_ns)
			fail_msg("%s never came", path);
		(void)poll(NULL, 0, 1);
	}
}

static inline uint64_t
rig_dropped(const struct rig *r, enum drop_reason reason)
{
	return count_get(&r->count.drop_bytes[reason]);
}

#endif /* WRITER_RIG_H */
