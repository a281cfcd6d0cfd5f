#include <assert.h>
#include <errno.h>
#include <string.h>

#include "source/window.h"

void
window_init(struct window *w)
{
	*w = (struct window){ 0 };
}

void
window_done(struct window *w)
{
	obuf_done(&w->carry);
}

void
window_clear(struct window *w)
{
	obuf_clear(&w->carry);
	w->piece = NULL;
	w->len = 0;
	w->at = 0;
	w->skip = 0;
}

/* Pass over what is to be passed over, as far as the piece goes. */
static void
pass_over(struct window *w)
{
	size_t n = w->len - w->at;

	if (n > w->skip)
		n = (size_t)w->skip;
	w->at += n;
	w->skip -= n;
}

void
window_push(struct window *w, const uint8_t *piece, size_t len)
{
	assert(w->at == w->len);
	w->piece = piece;
	w->len = len;
	w->at = 0;
	pass_over(w);
}

size_t
window_view(const struct window *w, const uint8_t **data)
{
	if (w->carry.len > 0) {
		*data = w->carry.data;
		return w->carry.len;
	}
	*data = w->piece + w->at;
	return w->len - w->at;
}

int
window_need(struct window *w, size_t need)
{
	size_t left = w->len - w->at;
	size_t missing = need - w->carry.len;
	size_t n = missing < left ? missing : left;

	assert(need > w->carry.len);
	if (w->carry.len == 0 && missing <= left)
		return 0;
	if (n > 0)
		obuf_put(&w->carry, w->piece + w->at, n);
	if (w->carry.failed)
		return -ENOMEM;
	w->at += n;
	return n == missing ? 0 : -EAGAIN;
}

void
window_used(struct window *w, size_t used)
{
	size_t carried = w->carry.len;

	if (used < carried) {
		/* Rare: more was asked for than belonged to the item. */
		memmove(w->carry.data, w->carry.data + used, carried - used);
		w->carry.len -= used;
		return;
	}
	obuf_clear(&w->carry);
	w->skip = used - carried;
	pass_over(w);
}

size_t
window_left(const struct window *w)
{
	return w->carry.len + (w->len - w->at);
}

uint64_t
window_unseen(const struct window *w)
{
	return w->skip;
}
