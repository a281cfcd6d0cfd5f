#include "app/halt.h"

int
halt_init(struct halt *h)
{
	int rc;

	h->is_on = false;
	h->number = 0;
	rc = pthread_mutex_init(&h->lock, NULL);
	if (rc != 0)
		return -rc;
	rc = pthread_cond_init(&h->over, NULL);
	if (rc != 0)
		pthread_mutex_destroy(&h->lock);
	return -rc;
}

void
halt_done(struct halt *h)
{
	pthread_cond_destroy(&h->over);
	pthread_mutex_destroy(&h->lock);
}

void
halt_begin(struct halt *h)
{
	pthread_mutex_lock(&h->lock);
	h->is_on = true;
	h->number++;
	pthread_mutex_unlock(&h->lock);
}

unsigned
halt_number(struct halt *h)
{
	unsigned number;

	pthread_mutex_lock(&h->lock);
	number = h->number;
	pthread_mutex_unlock(&h->lock);
	return number;
}

void
halt_here(struct halt *h, unsigned number)
{
	pthread_mutex_lock(&h->lock);
	while (h->is_on && h->number == number)
		pthread_cond_wait(&h->over, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

void
halt_end(struct halt *h)
{
	pthread_mutex_lock(&h->lock);
	h->is_on = false;
	pthread_cond_broadcast(&h->over);
	pthread_mutex_unlock(&h->lock);
}
