#include <errno.h>

#include "net/writer_move.h"

int
writer_move(int rd, int fd, const uint64_t *off, size_t len, size_t *moved)
{
	(void)rd;
	(void)fd;
	(void)off;
	(void)len;
	*moved = 0;
	return -ENOTSUP;
}
