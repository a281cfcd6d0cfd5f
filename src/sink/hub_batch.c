#include <stdlib.h>
#include <string.h>

#include "sink/hub_batch.h"

struct hub_block *
hub_batch_copy(const struct hub_batch *b)
{
	size_t shares = b->nshares * sizeof(b->shares[0]);
	struct hub_block *k = malloc(sizeof(*k) + shares + b->len);
	uint8_t *data;

	if (k == NULL)
		return NULL;
	data = (uint8_t *)k->shares + shares;
	k->batch = *b;
	k->batch.shares = k->shares;
	k->batch.data = data;
	if (shares > 0)
		memcpy(k->shares, b->shares, shares);
	if (b->len > 0)
		memcpy(data, b->data, b->len);
	return k;
}
