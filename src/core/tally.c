#include <assert.h>
#include <string.h>

#include "core/tally.h"

/* Sources list the same reasons in the same order, but need not list them. */
static void
add_reasons(struct tally *t, const struct tally *other)
{
	for (size_t i = 0; i < other->nreasons; i++) {
		if (i >= t->nreasons)
			t->undecodable[i].name = other->undecodable[i].name;
		assert(strcmp(t->undecodable[i].name,
			   other->undecodable[i].name) == 0);
		t->undecodable[i].packets += other->undecodable[i].packets;
	}
	if (other->nreasons > t->nreasons)
		t->nreasons = other->nreasons;
}

void
tally_add(struct tally *t, const struct tally *other)
{
	t->received += other->received;
	t->sessions += other->sessions;
	t->not_tcp += other->not_tcp;
	t->strays += other->strays;
	t->fragments += other->fragments;
	add_reasons(t, other);
	t->filtered += other->filtered;
	t->bad_checksums += other->bad_checksums;
	for (int d = 0; d < DIR_NDIRS; d++) {
		t->payload[d].received += other->payload[d].received;
		t->payload[d].duplicate += other->payload[d].duplicate;
		t->payload[d].differing += other->payload[d].differing;
		t->payload[d].late += other->payload[d].late;
		t->payload[d].strays += other->payload[d].strays;
		t->payload[d].held += other->payload[d].held;
	}
	t->has_kernel = t->has_kernel || other->has_kernel;
	t->kernel_received += other->kernel_received;
	t->kernel_dropped += other->kernel_dropped;
	t->interface_dropped += other->interface_dropped;
}

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
