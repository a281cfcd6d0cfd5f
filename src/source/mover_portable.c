#include <assert.h>

#include "source/mover.h"

/* No pipe is ever lent here (net/pipe_portable.c): every byte is copied. */

bool
mover_pipe_start(struct mover *m)
{
	m->way = MOVER_COPY;
	m->zero_copy = false;
	return false;
}

enum mover_result
mover_pull_pipe(struct mover *m, int from, int to)
{
	(void)m;
	(void)from;
	(void)to;
	assert(0 && "there are no pipes in a portable build");
	return MOVER_EMPTY;
}

enum mover_result
mover_push_pipe(struct mover *m, int to)
{
	(void)m;
	(void)to;
	assert(0 && "there are no pipes in a portable build");
	return MOVER_MORE;
}

void
mover_settle_pipe(struct mover *m)
{
	(void)m;
}

void
mover_flush_copy(struct mover *m)
{
	(void)m;
}
