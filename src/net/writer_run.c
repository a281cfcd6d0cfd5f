#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/pipe.h"
#include "net/writer.h"
#include "net/writer_batch.h"
#include "net/writer_file.h"
#include "net/writer_run.h"
#include "net/writer_tail.h"

/* Pieces per call; small records of one file rarely lie farther apart. */
#define PIECES 64

/**
 * struct run - The operations of one file, being carried out
 * @b:		NULL: none of it, but its tail
 * @rc:		The first failure; what follows it in this batch is lost
 */
struct run {
	struct writer_batch *b;
	const struct writer_work *work;
	struct writer_file *f;
	int rc;
};

/**
 * struct piece - Records of one file that are written by one call
 * @first:	Operation that it starts with
 * @end:	The one after its last, or WRITER_NO_OP
 * @len:	Their bytes, in @niov runs
 */
struct piece {
	uint32_t first;
	uint32_t end;
	size_t len;
	size_t niov;
	struct iovec iov[PIECES];
};

static void
settle(const struct run *r, enum writer_fate fate, const struct writer_sum *sum)
{
	if (writer_batch_any(sum))
		r->work->settle(r->work->self, r->b, fate, sum);
}

static void
fail(struct run *r, int rc)
{
	r->rc = rc;
	r->work->failed(r->work->self, r->f, rc);
}

/* Bytes that will never be in the file. */
static void
lose(struct run *r, size_t len, enum writer_fate fate,
    const struct writer_sum *sum)
{
	if (r->f->exact)
		writer_file_skip(r->f, len);
	settle(r, fate, sum);
}

/* What was to be a file, or the beginning of one, and no record. */
static void
lose_file(struct run *r)
{
	const struct writer_sum one = { .records = 1 };

	settle(r, WRITER_FAILED, &one);
}

static void
make_ready(struct run *r)
{
	int rc;

	if (r->rc != 0)
		return;
	rc = writer_file_ready(r->f, r->work->files);
	if (rc != 0)
		fail(r, rc);
}

/*
 * Collect records from @i on until something else comes or it is full, in all
 * at most @room bytes: but the first in any case.
 */
static void
collect(
    const struct writer_batch *b, uint32_t i, uint64_t room, struct piece *p)
{
	struct iovec *last = NULL;

	p->first = i;
	p->len = 0;
	p->niov = 0;
	for (; i != WRITER_NO_OP && b->op[i].kind == WRITER_OP_RECORD;
	     i = b->op[i].next) {
		uint8_t *at = b->data.data + b->op[i].at;

		if (i != p->first && b->op[i].len > room)
			break;
		room -= b->op[i].len < room ? b->op[i].len : room;
		if (last != NULL &&
		    (uint8_t *)last->iov_base + last->iov_len == at) {
			last->iov_len += b->op[i].len;
		} else {
			if (p->niov == PIECES)
				break;
			last = &p->iov[p->niov++];
			*last = (struct iovec){ at, b->op[i].len };
		}
		p->len += b->op[i].len;
	}
	p->end = i;
}

/*
 * @done bytes of the piece went out: count the records that are whole, take
 * back the one that is torn, and lose it and the rest.
 */
static void
count_piece(struct run *r, const struct piece *p, size_t done)
{
	struct writer_sum written = { 0 }, lost = { 0 };
	const struct writer_op *op = r->b->op;
	size_t missing = 0;
	uint32_t i;

	for (i = p->first; i != p->end && op[i].len <= done; i = op[i].next) {
		done -= op[i].len;
		writer_batch_count(&written, op[i].payload);
	}
	if (i != p->end)
		writer_file_cut(r->f, done);
	for (; i != p->end; i = op[i].next) {
		missing += op[i].len;
		writer_batch_count(&lost, op[i].payload);
	}
	settle(r, WRITER_WRITTEN, &written);
	lose(r, missing, WRITER_FAILED, &lost);
}

/* A record that does not fit begins a file, unless this one does. */
static void
rotate_if_full(struct run *r, size_t len)
{
	if (r->rc == 0 && r->f->body && len > writer_file_room(r->f))
		r->work->rotate(r->work->self, r->f);
}

/* -- tails -------------------------------------------------------------- */

/* The tail has met its fate, and the file has none any more. */
static void
end_tail(struct run *r, enum writer_fate fate)
{
	struct writer_tail *t = r->f->tail;

	r->work->settle_held(r->work->self, t->port, fate, &t->sum);
	writer_tail_free(r->work->tails, t);
}

/* Of the tail @done bytes are in the file: all, or it is lost. */
static void
count_tail(struct run *r, size_t done)
{
	size_t len = r->f->tail->len;

	if (done >= len) {
		end_tail(r, WRITER_WRITTEN);
		return;
	}
	writer_file_cut(r->f, done);
	writer_file_skip(r->f, len);
	end_tail(r, WRITER_FAILED);
}

/* Whatever comes next in the file comes behind its tail. */
static void
release(struct run *r)
{
	struct writer_tail *t = r->f->tail;
	struct iovec iov;
	size_t done = 0;
	int rc;

	if (t == NULL)
		return;
	make_ready(r);
	if (r->rc == 0) {
		iov = (struct iovec){ t->bytes, t->len };
		rc = writer_file_write(r->f, &iov, 1, &done);
		if (rc != 0)
			fail(r, rc);
	}
	count_tail(r, done);
}

/* Can the end of these records wait?  Only where more will come soon. */
static bool
may_hold(const struct run *r, const struct piece *p)
{
	const struct writer_file *f = r->f;

	return r->rc == 0 && r->b->rushed && p->end == WRITER_NO_OP &&
	       f->exact && f->seekable && f->state == WRITER_FILE_OPEN &&
	       f->ahead == 0 && r->work->tails->max > 0 &&
	       (f->tail == NULL || f->tail->port == r->b->port);
}

/* Have a tail, if there is memory; the file may be shut after this. */
static bool
have_tail(struct run *r)
{
	struct writer_tail_set *tails = r->work->tails;

	if (r->f->tail != NULL)
		return true;
	if (writer_tail_set_is_full(tails))
		writer_run_tail(writer_tail_set_oldest(tails)->file, r->work);
	return writer_tail_new(tails, r->f, r->b->port, r->work->now_ns) !=
	       NULL;
}

/* The first @len bytes of tail and piece; their number. */
static size_t
gather(const struct writer_file *f, const struct piece *p, size_t len,
    struct iovec iov[PIECES + 1])
{
	size_t n = 0;

	if (f->tail->len > 0) {
		iov[n++] = (struct iovec){ f->tail->bytes, f->tail->len };
		len -= f->tail->len;
	}
	for (size_t i = 0; i < p->niov && len > 0; i++) {
		size_t part = p->iov[i].iov_len;

		part = part < len ? part : len;
		iov[n++] = (struct iovec){ p->iov[i].iov_base, part };
		len -= part;
	}
	return n;
}

/* Return: 0, or everything is counted, the tail as well */
static int
write_blocks(struct run *r, const struct piece *p, size_t len)
{
	size_t had = r->f->tail->len, done = 0;
	struct iovec iov[PIECES + 1];
	int rc;

	make_ready(r);
	if (r->rc == 0) {
		rc = writer_file_write(
		    r->f, iov, gather(r->f, p, len, iov), &done);
		if (rc == 0)
			return 0;
		fail(r, rc);
	}
	count_tail(r, done);
	count_piece(r, p, done < had ? 0 : done - had);
	return r->rc;
}

/*
 * The first @out bytes of the piece are in the file: count them, also what
 * they are of a record, and keep the rest.
 */
static void
keep(struct run *r, const struct piece *p, size_t out)
{
	struct writer_sum written = { 0 }, held = { 0 };
	const struct writer_op *op = r->b->op;

	for (uint32_t i = p->first; i != p->end; i = op[i].next) {
		size_t part = op[i].len < out ? op[i].len : out;

		out -= part;
		if (part == op[i].len) {
			writer_batch_count(&written, op[i].payload);
			continue;
		}
		assert(op[i].payload == op[i].len);
		written.bytes += part;
		writer_batch_count(&held, op[i].len - part);
		writer_tail_put(r->f->tail, r->b->data.data + op[i].at + part,
		    op[i].len - part);
	}
	settle(r, WRITER_WRITTEN, &written);
	settle(r, WRITER_HELD, &held);
	writer_batch_sum(&r->f->tail->sum, &held);
}

/*
 * Tail and records are written as far as they fill blocks.  No block ends
 * within a tail, so what is left is of the records.
 */
static void
hold_records(struct run *r, const struct piece *p)
{
	struct writer_tail *t = r->f->tail;
	size_t all = t->len + p->len;
	size_t rest = (r->f->pos + all) % WRITER_BLOCK;

	if (rest >= all) {
		keep(r, p, 0);
		return;
	}
	assert(rest <= p->len);
	if (write_blocks(r, p, all - rest) != 0)
		return;
	r->f->body = true;
	r->work->settle_held(r->work->self, t->port, WRITER_WRITTEN, &t->sum);
	writer_tail_begin(r->work->tails, t, r->work->now_ns);
	keep(r, p, p->len - rest);
	if (t->len == 0)
		end_tail(r, WRITER_WRITTEN);
}

/* -- operations --------------------------------------------------------- */

static void
write_records(struct run *r, struct piece *p)
{
	size_t done = 0;
	int rc;

	if (r->rc == 0) {
		rc = writer_file_write(r->f, p->iov, p->niov, &done);
		r->f->body = r->f->body || done > 0;
		if (rc != 0)
			fail(r, rc);
	}
	count_piece(r, p, done);
}

static uint32_t
do_records(struct run *r, uint32_t i)
{
	struct piece p;

	rotate_if_full(r, r->b->op[i].len);
	make_ready(r);
	collect(r->b, i, writer_file_room(r->f), &p);
	if (may_hold(r, &p) && have_tail(r)) {
		hold_records(r, &p);
	} else {
		release(r);
		/* Another's tail may have taken its descriptor. */
		make_ready(r);
		write_records(r, &p);
	}
	return p.end;
}

static void
do_pipe(struct run *r, const struct writer_op *op)
{
	struct writer_sum sum = { 0 };
	size_t done = 0;
	int rc;

	writer_batch_count(&sum, op->payload);
	make_ready(r);
	if (r->rc == 0) {
		rc = writer_file_move(r->f, op->pipe, op->len, &done);
		if (rc != 0)
			fail(r, rc);
	}
	pipe_return(op->pipe);
	if (r->rc == 0) {
		settle(r, WRITER_WRITTEN, &sum);
		return;
	}
	writer_file_cut(r->f, done);
	lose(r, op->len, WRITER_FAILED, &sum);
}

/*
 * It is written at once, since a file may hold nothing but its head; in one
 * that rotates it waits for the record that may begin another.
 */
static void
do_head(struct run *r, const struct writer_op *op)
{
	bool was_well = r->rc == 0;

	writer_file_extend(r->f, op->head);
	if (r->f->rotation == NULL || !r->f->body)
		make_ready(r);
	/* Records behind it are lost with it, and counted for themselves. */
	if (was_well && r->rc != 0 && op->next == WRITER_NO_OP)
		lose_file(r);
}

/* Files whose offsets matter hold stream bytes as they are. */
static void
do_lost(struct run *r, const struct writer_op *op)
{
	struct writer_sum sum = { 0 };

	writer_batch_count(&sum, op->payload);
	lose(r, op->payload, WRITER_FAILED, &sum);
}

static void
do_settle(struct run *r)
{
	int rc = writer_file_settle(r->f);

	if (rc != 0 && r->rc == 0)
		fail(r, rc);
}

/* A file that was never made needs no name. */
static void
do_name(struct run *r, const struct writer_op *op)
{
	int rc = writer_file_rename(r->f, op->name);

	free(op->name);
	if (rc != 0)
		fail(r, rc);
}

/* The file is gone after this; @r->f must not be touched again. */
static void
do_close(struct run *r)
{
	bool was_well = r->rc == 0;

	if (r->f->state == WRITER_FILE_NEW && !r->f->lazy)
		make_ready(r);
	if (was_well && r->rc != 0)
		lose_file(r);
	do_settle(r);
	writer_file_close(r->f, r->work->files);
	r->f = NULL;
}

static void
run_file(struct run *r)
{
	uint32_t i = r->f->first;

	while (i != WRITER_NO_OP) {
		const struct writer_op *op = &r->b->op[i];

		if (op->kind != WRITER_OP_RECORD)
			release(r);
		switch (op->kind) {
		case WRITER_OP_RECORD:
			i = do_records(r, i);
			continue;
		case WRITER_OP_PIPE:
			do_pipe(r, op);
			break;
		case WRITER_OP_HOLE:
			writer_file_hole(r->f, op->hole);
			break;
		case WRITER_OP_LOST:
			do_lost(r, op);
			break;
		case WRITER_OP_HEAD:
			do_head(r, op);
			break;
		case WRITER_OP_NAME:
			do_name(r, op);
			break;
		case WRITER_OP_CLOSE:
			assert(op->next == WRITER_NO_OP);
			do_close(r);
			return;
		}
		i = op->next;
	}
	do_settle(r);
}

/* The drain time is over: nothing is written, but everything is let go. */
static void
drop_file(struct run *r)
{
	struct writer_sum sum = { 0 };
	bool closed = false;

	for (uint32_t i = r->f->first; i != WRITER_NO_OP;
	     i = r->b->op[i].next) {
		const struct writer_op *op = &r->b->op[i];

		if (op->kind == WRITER_OP_RECORD ||
		    op->kind == WRITER_OP_PIPE || op->kind == WRITER_OP_LOST)
			writer_batch_count(&sum, op->payload);
		if (op->kind == WRITER_OP_PIPE)
			pipe_return(op->pipe);
		if (op->kind == WRITER_OP_HEAD)
			writer_file_extend(r->f, op->head);
		if (op->kind == WRITER_OP_NAME)
			free(op->name);
		closed = op->kind == WRITER_OP_CLOSE;
	}
	settle(r, WRITER_LATE, &sum);
	if (r->f->tail != NULL)
		end_tail(r, WRITER_LATE);
	if (closed)
		writer_file_close(r->f, r->work->files);
}

/* Chain the operations of each file; files in order of first use. */
static void
sort_by_file(struct writer_batch *b, struct list *files)
{
	list_init(files);
	for (uint32_t i = 0; i < b->nops; i++) {
		struct writer_file *f = b->op[i].file;

		b->op[i].next = WRITER_NO_OP;
		if (list_is_empty(&f->work)) {
			list_append(files, &f->work);
			f->first = i;
		} else {
			b->op[f->last].next = i;
		}
		f->last = i;
	}
}

void
writer_run(struct writer_batch *b, const struct writer_work *work)
{
	struct list files, *node;
	struct run r = { .b = b, .work = work };

	settle(&r, WRITER_WRITTEN, &b->silent);
	settle(&r, WRITER_FAILED, &b->lost);
	sort_by_file(b, &files);
	while ((node = list_shift(&files)) != NULL) {
		r.f = LIST_ENTRY(node, struct writer_file, work);
		r.rc = 0;
		if (work->late(work->self))
			drop_file(&r);
		else
			run_file(&r);
	}
	b->nops = 0;
}

void
writer_run_tail(struct writer_file *f, const struct writer_work *work)
{
	struct run r = { .work = work, .f = f };

	if (work->late(work->self))
		end_tail(&r, WRITER_LATE);
	else
		release(&r);
}
