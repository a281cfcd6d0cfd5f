#include <string.h>

#include "sink/port_range.h"

void
port_range_init(struct port_range *r, uint16_t first, uint16_t last)
{
	memset(r, 0, sizeof(*r));
	pthread_mutex_init(&r->lock, NULL);
	r->first = first;
	r->last = last;
	r->next = first;
}

void
port_range_done(struct port_range *r)
{
	pthread_mutex_destroy(&r->lock);
}

uint32_t
port_range_count(const struct port_range *r)
{
	return (uint32_t)r->last - r->first + 1;
}

static uint64_t
bit(uint32_t port)
{
	return UINT64_C(1) << (port % 64);
}

uint16_t
port_range_take(struct port_range *r)
{
	uint32_t n = port_range_count(r), port = 0;

	pthread_mutex_lock(&r->lock);
	while (n-- > 0) {
		uint32_t at = r->next;

		r->next = at == r->last ? r->first : at + 1;
		if ((r->lent[at / 64] & bit(at)) == 0) {
			r->lent[at / 64] |= bit(at);
			port = at;
			break;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return (uint16_t)port;
}

void
port_range_give(struct port_range *r, uint16_t port)
{
	pthread_mutex_lock(&r->lock);
	r->lent[port / 64] &= ~bit(port);
	pthread_mutex_unlock(&r->lock);
}
