#include "net/mail.h"

/* Deliver what was there when we looked; later letters wake us again. */
static void
deliver_all(struct mail_box *b)
{
	struct list batch, *node;

	list_init(&batch);
	pthread_mutex_lock(&b->lock);
	while ((node = list_shift(&b->letters)) != NULL)
		list_append(&batch, node);
	pthread_mutex_unlock(&b->lock);

	while ((node = list_shift(&batch)) != NULL) {
		struct mail *m = LIST_ENTRY(node, struct mail, node);

		m->deliver(m);
	}
}

static void
on_async(uv_async_t *async)
{
	deliver_all(ATTR_CONTAINER(async, struct mail_box, async));
}

int
mail_prepare(struct mail_box *b)
{
	list_init(&b->letters);
	b->closed = true;
	return -pthread_mutex_init(&b->lock, NULL);
}

int
mail_open(struct mail_box *b, uv_loop_t *loop)
{
	int rc = uv_async_init(loop, &b->async, on_async);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&b->lock);
	b->closed = false;
	if (!list_is_empty(&b->letters))
		(void)uv_async_send(&b->async);
	pthread_mutex_unlock(&b->lock);
	return 0;
}

int
mail_init(struct mail_box *b, uv_loop_t *loop)
{
	int rc = mail_prepare(b);

	if (rc != 0)
		return rc;
	rc = mail_open(b, loop);
	if (rc != 0)
		pthread_mutex_destroy(&b->lock);
	return rc;
}

void
mail_send(struct mail_box *b, struct mail *m)
{
	bool wake;

	pthread_mutex_lock(&b->lock);
	wake = list_is_empty(&b->letters) && !b->closed;
	list_append(&b->letters, &m->node);
	/* Under the lock: the handle must not be closed in between. */
	if (wake)
		(void)uv_async_send(&b->async);
	pthread_mutex_unlock(&b->lock);
}

void
mail_close(struct mail_box *b)
{
	pthread_mutex_lock(&b->lock);
	b->closed = true;
	pthread_mutex_unlock(&b->lock);
	uv_close((uv_handle_t *)&b->async, NULL);
}

void
mail_done(struct mail_box *b)
{
	bool more;

	/* A letter that is delivered here may send another. */
	do {
		deliver_all(b);
		pthread_mutex_lock(&b->lock);
		more = !list_is_empty(&b->letters);
		pthread_mutex_unlock(&b->lock);
	} while (more);
	pthread_mutex_destroy(&b->lock);
}
