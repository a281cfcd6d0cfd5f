#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"

#include "core/sink_spec.h"

#include "net/writer_path.h"
#include "net/writer_rotation.h"

/* What could not be renamed is tried again, but not with every record. */
#define RETRY_NS CLOCK_NS_PER_S

/* Longest path that strftime(3) may make; the system takes no longer one. */
#define NAME_SIZE PATH_MAX

/* "-" and ten digits. */
#define NUMBER_SIZE 11

/**
 * struct kept - A finished file of this run
 */
struct kept {
	struct list node;
	char path[];
};

/**
 * struct writer_rotation - See writer_rotation.h
 * @name:	As the user wrote it
 * @timed:	It holds conversions
 * @target:	What the file being written will be called, but for the number
 * @path:	Room for that with the number
 * @number:	The last one given
 * @due_ns:	When the span is over
 * @retry_ns:	No attempt to rename before; 0: none has failed
 * @kept:	Finished files, the oldest first, @nkept of them
 */
struct writer_rotation {
	struct sink_rotation want;
	char *name;
	bool timed;
	char *target;
	char *path;
	unsigned number;
	uint64_t due_ns;
	uint64_t retry_ns;
	struct list kept;
	unsigned nkept;
};

struct writer_rotation *
writer_rotation_new(const char *name, const struct sink_rotation *want)
{
	struct writer_rotation *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	list_init(&r->kept);
	r->want = *want;
	r->name = strdup(name);
	if (r->name == NULL) {
		free(r);
		return NULL;
	}
	r->timed = want->span_ns != 0 && strchr(name, '%') != NULL;
	r->due_ns =
	    want->span_ns == 0 ? CLOCK_NEVER : clock_mono_ns() + want->span_ns;
	return r;
}

void
writer_rotation_free(struct writer_rotation *r)
{
	struct list *node;

	if (r == NULL)
		return;
	while ((node = list_shift(&r->kept)) != NULL)
		free(LIST_ENTRY(node, struct kept, node));
	free(r->name);
	free(r->target);
	free(r->path);
	free(r);
}

/* --- names ------------------------------------------------------------- */

/* The name with the time in it; on the heap. */
static char *
expand(const struct writer_rotation *r)
{
	time_t now = time(NULL);
	char text[NAME_SIZE];
	struct tm tm;

	/* What gets too long for a path stays as it was written. */
	if (!r->timed || localtime_r(&now, &tm) == NULL ||
	    strftime(text, sizeof(text), r->name, &tm) == 0)
		return strdup(r->name);
	return strdup(text);
}

char *
writer_rotation_begin(struct writer_rotation *r)
{
	char *target = expand(r), *path, *tmp;
	size_t len;

	if (target == NULL)
		return NULL;
	len = strlen(target);
	path = malloc(len + NUMBER_SIZE + 1);
	tmp = malloc(len + sizeof(".tmp"));
	if (path == NULL || tmp == NULL) {
		free(path);
		free(tmp);
		free(target);
		return NULL;
	}
	if (r->target != NULL && strcmp(r->target, target) != 0)
		r->number = 0;
	(void)snprintf(tmp, len + sizeof(".tmp"), "%s.tmp", target);
	free(r->target);
	free(r->path);
	r->target = target;
	r->path = path;
	return tmp;
}

/* @r->path becomes the name that the file was given. */
static int
find_name(struct writer_rotation *r, const char *from)
{
	size_t size = strlen(r->target) + NUMBER_SIZE + 1;
	int stem = (int)writer_path_stem(r->target);
	int rc = -EEXIST;

	if (r->timed && r->want.bytes == 0) {
		(void)snprintf(r->path, size, "%s", r->target);
		rc = writer_path_give(from, r->path);
	}
	while (rc == -EEXIST && r->number < UINT_MAX) {
		(void)snprintf(r->path, size, "%.*s-%05u%s", stem, r->target,
		    r->number + 1, r->target + stem);
		rc = writer_path_give(from, r->path);
		if (rc == 0 || rc == -EEXIST)
			r->number++;
	}
	return rc;
}

/* --- what is kept ------------------------------------------------------ */

/* Without memory the file is kept for good. */
static void
keep(struct writer_rotation *r)
{
	size_t size = strlen(r->path) + 1;
	struct kept *k;

	if (r->want.keep == 0)
		return;
	k = malloc(sizeof(*k) + size);
	if (k == NULL)
		return;
	memcpy(k->path, r->path, size);
	list_init(&k->node);
	list_append(&r->kept, &k->node);
	r->nkept++;
}

static int
delete_oldest(struct writer_rotation *r, struct err *err)
{
	struct list *node;
	int rc = 0;

	while (
	    r->nkept > r->want.keep && (node = list_shift(&r->kept)) != NULL) {
		struct kept *k = LIST_ENTRY(node, struct kept, node);

		r->nkept--;
		/* That somebody has taken it away is fine. */
		if (unlink(k->path) != 0 && errno != ENOENT)
			rc = err_set(err, -errno, "cannot delete %s: %s",
			    k->path, strerror(errno));
		free(k);
	}
	return rc;
}

/* --- finishing --------------------------------------------------------- */

uint64_t
writer_rotation_room(const struct writer_rotation *r, uint64_t size)
{
	if (r->want.bytes == 0)
		return UINT64_MAX;
	if (size < r->want.bytes)
		return r->want.bytes - size;
	if (r->retry_ns != 0 && clock_mono_ns() < r->retry_ns)
		return UINT64_MAX;
	return 0;
}

uint64_t
writer_rotation_due_ns(const struct writer_rotation *r)
{
	return r->due_ns;
}

void
writer_rotation_again(struct writer_rotation *r)
{
	uint64_t now_ns = clock_mono_ns();

	if (now_ns < r->due_ns)
		return;
	/* Spans that were slept through make no files. */
	r->due_ns += (now_ns - r->due_ns) / r->want.span_ns * r->want.span_ns;
	r->due_ns += r->want.span_ns;
}

int
writer_rotation_finish(
    struct writer_rotation *r, const char *path, bool *done, struct err *err)
{
	uint64_t now_ns = clock_mono_ns();
	int rc = find_name(r, path);

	*done = rc == 0 || rc == -ENOENT;
	if (*done) {
		r->retry_ns = 0;
		writer_rotation_again(r);
	} else {
		r->retry_ns = now_ns + RETRY_NS;
		if (r->due_ns <= now_ns)
			r->due_ns = r->retry_ns;
	}
	if (rc == -ENOENT)
		return err_set(err, rc,
		    "%s was renamed or deleted by somebody; going on in a new "
		    "file",
		    path);
	if (rc != 0)
		return err_set(err, rc,
		    "cannot rename %s to %s: %s; going on there", path, r->path,
		    strerror(-rc));
	keep(r);
	return r->want.keep == 0 ? 0 : delete_oldest(r, err);
}
