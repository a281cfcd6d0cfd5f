#ifndef FUZZ_OUTQ_MODEL_H
#define FUZZ_OUTQ_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "fuzz.h"
#include "sink/outq.h"

/*
 * outq_model.h - what a queue keeps for a consumer, and what that one hears.
 *
 * The model keeps every byte, and a record beside it that says what it is
 * worth; it is slow, simple, and shares nothing with sink/outbuf.c.
 */

/**
 * struct model_sums - What was put into all queues, and what became of it
 * @put:	Payload
 * @startup_full: Dropped since it was too much to wait for a consumer
 * @no_consumer: Dropped since there was none
 */
struct model_sums {
	uint64_t put;
	uint64_t startup_full;
	uint64_t no_consumer;
};

/** struct model_text - Bytes, any number of them. */
struct model_text {
	uint8_t *p;
	size_t len;
};

/** struct model_record - @len bytes, worth @payload of the stream. */
struct model_record {
	size_t len;
	size_t payload;
};

/**
 * struct model - A queue
 * @absent:	As struct outq_opts has it, of this moment
 * @kept:	What waits for a consumer, in @nrecords
 * @is_over:	Of the head something was left out: no more of it
 * @said:	What the consumer is to hear,
 * @heard:	and how much of it has come
 * @at:		Bytes made so far
 */
struct model {
	enum outq_absent absent;
	size_t startup;
	bool keep_always;
	struct model_text kept;
	struct model_record *records;
	size_t nrecords;
	bool is_over;
	struct model_text said;
	size_t heard;
	uint64_t at;
};

static inline void
model_text_add(struct model_text *t, const void *data, size_t n)
{
	uint8_t *p = memory_own(t->len + n + 1);

	if (t->len > 0)
		memcpy(p, t->p, t->len);
	memcpy(p + t->len, data, n);
	free(t->p);
	t->p = p;
	t->len += n;
}

static inline void
model_text_clear(struct model_text *t)
{
	free(t->p);
	*t = (struct model_text){ NULL, 0 };
}

static inline void
model_init(
    struct model *m, enum outq_absent absent, size_t startup, bool keep_always)
{
	*m = (struct model){
		.absent = absent,
		.startup = startup,
		.keep_always = keep_always,
	};
}

static inline void
model_forget_all(struct model *m)
{
	model_text_clear(&m->kept);
	free(m->records);
	m->records = NULL;
	m->nrecords = 0;
}

static inline void
model_done(struct model *m)
{
	model_forget_all(m);
	model_text_clear(&m->said);
}

/** model_bytes() - The next @n bytes of a stream that does not repeat soon. */
static inline uint8_t *
model_bytes(struct model *m, size_t n)
{
	uint8_t *p = memory_own(n);

	for (size_t i = 0; i < n; i++, m->at++)
		p[i] = (uint8_t)(m->at % 251 + (m->at >> 10));
	return p;
}

/** model_attach() - A consumer: it hears the head, and what was kept. */
static inline void
model_attach(struct model *m, const char *head)
{
	model_text_clear(&m->said);
	model_text_add(&m->said, head, strlen(head));
	if (m->kept.len > 0)
		model_text_add(&m->said, m->kept.p, m->kept.len);
	model_forget_all(m);
	m->heard = 0;
	m->is_over = false;
}

/** model_say() - It is there, and hears this, too. */
static inline void
model_say(struct model *m, const uint8_t *data, size_t n)
{
	model_text_add(&m->said, data, n);
}

/** model_gone() - It is lost. */
static inline void
model_gone(struct model *m)
{
	if (!m->keep_always)
		m->absent = OUTQ_DROP;
}

/** model_heard() - So the consumer says. */
static inline void
model_heard(struct model *m, const uint8_t *data, size_t n)
{
	FUZZ_CHECK(n <= m->said.len - m->heard);
	FUZZ_CHECK(memcmp(data, m->said.p + m->heard, n) == 0);
	m->heard += n;
}

static inline bool
model_is_heard(const struct model *m)
{
	return m->heard == m->said.len;
}

/** model_lost() - What was kept is dropped: nobody will come. */
static inline void
model_lost(struct model *m, struct model_sums *sums)
{
	for (size_t i = 0; i < m->nrecords; i++)
		sums->no_consumer += m->records[i].payload;
	model_forget_all(m);
}

/* Takes @n bytes worth @payload off the first record. */
static inline void
model_shorten(struct model *m, struct model_sums *sums, size_t n, size_t worth)
{
	struct model_record *r = &m->records[0];

	sums->startup_full += worth;
	r->len -= n;
	r->payload -= worth;
	m->kept.len -= n;
	memmove(m->kept.p, m->kept.p + n, m->kept.len);
	if (r->len > 0)
		return;
	m->nrecords--;
	memmove(m->records, m->records + 1, m->nrecords * sizeof(*r));
}

/** model_forget() - The first @n bytes; of a framed record all or nothing. */
static inline void
model_forget(struct model *m, struct model_sums *sums, size_t n)
{
	while (n > 0 && m->nrecords > 0) {
		struct model_record r = m->records[0];
		bool is_framed = r.payload != r.len;
		size_t part = r.len < n ? r.len : n;

		model_shorten(m, sums, is_framed ? r.len : part,
		    is_framed ? r.payload : part);
		n -= part;
	}
}

static inline void
model_append(struct model *m, const uint8_t *data, size_t n, size_t payload)
{
	struct model_record *all;

	if (n == 0)
		return;
	all = memory_own((m->nrecords + 1) * sizeof(*all));
	if (m->nrecords > 0)
		memcpy(all, m->records, m->nrecords * sizeof(*all));
	free(m->records);
	m->records = all;
	all[m->nrecords++] = (struct model_record){ n, payload };
	model_text_add(&m->kept, data, n);
}

/** model_keep() - There is no consumer: what becomes of @n bytes? */
static inline void
model_keep(struct model *m, struct model_sums *sums, const uint8_t *data,
    size_t n, size_t payload)
{
	bool is_framed = payload != n;
	size_t room = m->startup, part;

	if (m->absent == OUTQ_DROP) {
		sums->no_consumer += payload;
		return;
	}
	if (m->absent == OUTQ_KEEP_HEAD)
		room = m->is_over ? 0 : m->startup - m->kept.len;
	part = n <= room ? n : is_framed ? 0 : room;
	if (m->absent == OUTQ_KEEP_TAIL && m->kept.len + n > m->startup)
		model_forget(m, sums, m->kept.len + n - m->startup);
	m->is_over = m->absent == OUTQ_KEEP_HEAD && part < n;
	if (part < n)
		sums->startup_full += is_framed ? payload : n - part;
	if (m->absent == OUTQ_KEEP_TAIL)
		data += n - part;
	model_append(m, data, part, is_framed ? payload : part);
}

#endif /* FUZZ_OUTQ_MODEL_H */
