#include "core/tally.h"

void
tally_add_payload(
    struct tally *t, const struct payload_count payload[DIR_NDIRS])
{
	for (int d = 0; d < DIR_NDIRS; d++) {
		const struct payload_count *p = &payload[d];

		t->payload[d].received += count_get(&p->received);
		t->payload[d].duplicate += count_get(&p->duplicate);
		t->payload[d].differing += count_get(&p->differing);
		t->payload[d].late += count_get(&p->late);
		t->payload[d].strays += count_get(&p->strays);
		t->payload[d].held += count_get(&p->held);
	}
}
