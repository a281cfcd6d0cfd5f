#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "net/writer_move.h"

/* One splice; how many bytes, or -errno. */
static ssize_t
splice_once(int rd, int fd, const uint64_t *off, size_t moved, size_t len)
{
	loff_t at = off != NULL ? (loff_t)(*off + moved) : 0;
	ssize_t n =
	    splice(rd, NULL, fd, off != NULL ? &at : NULL, len, SPLICE_F_MOVE);

	return n < 0 ? -errno : n;
}

/* Wait until @fd takes more; false when it is @rd that has no more. */
static bool
wait_for_room(int rd, int fd)
{
	struct pollfd source = { .fd = rd, .events = POLLIN };
	struct pollfd target = { .fd = fd, .events = POLLOUT };

	if (poll(&source, 1, 0) == 0)
		return false;
	/* The next splice says what a failure here would say. */
	(void)poll(&target, 1, -1);
	return true;
}

int
writer_move(int rd, int fd, const uint64_t *off, size_t len, size_t *moved)
{
	*moved = 0;
	while (*moved < len) {
		ssize_t n = splice_once(rd, fd, off, *moved, len - *moved);

		if (n > 0)
			*moved += (size_t)n;
		else if (n == -EINVAL)
			/* O_APPEND, or a file system without splice. */
			return -ENOTSUP;
		else if (n == 0 || (n == -EAGAIN && !wait_for_room(rd, fd)))
			return -EIO;
		else if (n != -EINTR && n != -EAGAIN)
			return (int)n;
	}
	return 0;
}
