#include "net/patience.h"

void
patience_init(struct patience *p)
{
	*p = (struct patience){ .passed = false };
	for (int d = 0; d < DIR_NDIRS; d++)
		p->side[d].next = 1;
}

static void
earn(struct patience_side *side)
{
	if (side->credit < PATIENCE_MOST)
		side->credit++;
	if (side->credit >= PATIENCE_SURE)
		side->next = 1;
}

static void
pay(struct patience_side *side)
{
	if (side->credit > PATIENCE_COST) {
		side->credit -= PATIENCE_COST;
		return;
	}
	side->credit = 0;
	side->rest = side->next;
	if (side->next < PATIENCE_RAREST)
		side->next *= 2;
}

/* What was found when it was looked for? */
static void
judge(struct patience *p, bool is_answer)
{
	struct patience_side *side = &p->side[p->dir];

	p->found = false;
	if (is_answer)
		earn(side);
	else if (p->again)
		pay(side);
	p->again = !is_answer;
}

void
patience_passed(struct patience *p, const void *who, enum dir dir, size_t len)
{
	if (p->found)
		judge(p, who != p->who);
	p->who = who;
	p->passed = len <= PATIENCE_SHORT;
	p->dir = dir;
}

uint64_t
patience_begin(struct patience *p, uint64_t mono_ns)
{
	struct patience_side *side = &p->side[p->dir];

	/* A connection, or its end: that was worth it, too. */
	if (p->found)
		judge(p, true);
	if (!p->passed)
		return 0;
	p->passed = false;
	if (side->credit == 0 && side->rest > 0) {
		side->rest--;
		return 0;
	}
	return mono_ns + PATIENCE_SPAN_NS;
}

void
patience_end(struct patience *p, bool found)
{
	p->found = found;
	if (!found)
		pay(&p->side[p->dir]);
}
