#include "net/poller_body.h"

void
poller_body_tell(struct poller_fd *f, unsigned events, bool hangs_up)
{
	/* The interest may have changed since the kernel was asked. */
	unsigned told = events & f->interest;

	if (told == 0 && hangs_up)
		told = f->interest;
	if (told != 0)
		f->ready(f, told | (events & POLLER_ERR));
}

size_t
poller_body_let_go(struct list *closing)
{
	struct list *node;
	size_t n = 0;

	while ((node = list_shift(closing)) != NULL) {
		struct poller_fd *f = LIST_ENTRY(node, struct poller_fd, node);

		n++;
		f->closed(f);
	}
	return n;
}
