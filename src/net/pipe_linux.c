#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/pipe.h"

/* Below this, splicing costs more calls than it saves copies. */
#define SIZE_MIN ((size_t)64 * 1024)

/*
 * The lock is taken twice per loan, and a loan carries up to 1 MiB: a writer
 * thread returns pipes while the worker lends others.
 */
struct pipe_pool {
	pthread_mutex_t lock;
	struct list home;
	unsigned nhome;
	unsigned nlent;
	unsigned most;
	bool orphan;
};

struct pipe_pool *
pipe_pool_new(void)
{
	struct pipe_pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	if (pthread_mutex_init(&p->lock, NULL) != 0) {
		free(p);
		return NULL;
	}
	list_init(&p->home);
	p->most = UINT_MAX;
	return p;
}

void
pipe_pool_limit(struct pipe_pool *p, unsigned most)
{
	p->most = most;
}

static void
pool_destroy(struct pipe_pool *p)
{
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static void
pipe_destroy(struct pipe *pipe)
{
	close(pipe->rd);
	close(pipe->wr);
	free(pipe);
}

void
pipe_pool_free(struct pipe_pool *p)
{
	struct list *node;
	bool last;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	while ((node = list_shift(&p->home)) != NULL)
		pipe_destroy(LIST_ENTRY(node, struct pipe, node));
	p->orphan = true;
	last = p->nlent == 0;
	pthread_mutex_unlock(&p->lock);
	if (last)
		pool_destroy(p);
}

static struct pipe *
pipe_make(struct pipe_pool *home)
{
	struct pipe *pipe = calloc(1, sizeof(*pipe));
	int fd[2], size;

	if (pipe == NULL)
		return NULL;
	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0) {
		free(pipe);
		return NULL;
	}
	/* EPERM: over the user's soft limit; look at what we got instead. */
	(void)fcntl(fd[1], F_SETPIPE_SZ, (int)PIPE_WANTED);
	size = fcntl(fd[1], F_GETPIPE_SZ);
	*pipe = (struct pipe){
		.rd = fd[0],
		.wr = fd[1],
		.size = size > 0 ? (size_t)size : 0,
		.home = home,
	};
	list_init(&pipe->node);
	if (pipe->size < SIZE_MIN) {
		pipe_destroy(pipe);
		return NULL;
	}
	return pipe;
}

struct pipe *
pipe_lend(struct pipe_pool *p)
{
	struct pipe *pipe = NULL;
	struct list *node;

	pthread_mutex_lock(&p->lock);
	/* Those at home are lent first, so there is none beside them. */
	if (p->nlent >= p->most) {
		pthread_mutex_unlock(&p->lock);
		return NULL;
	}
	node = list_shift(&p->home);
	if (node != NULL) {
		pipe = LIST_ENTRY(node, struct pipe, node);
		p->nhome--;
	}
	p->nlent++;
	pthread_mutex_unlock(&p->lock);
	if (pipe != NULL)
		return pipe;

	pipe = pipe_make(p);
	if (pipe == NULL) {
		pthread_mutex_lock(&p->lock);
		p->nlent--;
		pthread_mutex_unlock(&p->lock);
	}
	return pipe;
}

void
pipe_return(struct pipe *pipe)
{
	struct pipe_pool *p = pipe->home;
	bool keep, last;

	pthread_mutex_lock(&p->lock);
	p->nlent--;
	keep = pipe->fill == 0 && !p->orphan && p->nhome < PIPE_KEPT;
	if (keep) {
		list_append(&p->home, &pipe->node);
		p->nhome++;
	}
	last = p->orphan && p->nlent == 0;
	pthread_mutex_unlock(&p->lock);
	if (!keep)
		pipe_destroy(pipe);
	if (last)
		pool_destroy(p);
}
