#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/pipe.h"
#include "net/writer.h"
#include "net/writer_batch.h"
#include "net/writer_file.h"

/* Operations that a batch has room for at first. */
#define FIRST_OPS 16

/* What a spare batch may keep: the hex dump of a full read fits. */
#define KEEP_BYTES ((size_t)2 * 1024 * 1024)
#define KEEP_OPS   8192

/* Pieces per call; small records of one file rarely lie farther apart. */
#define PIECES 64

#define NO_OP UINT32_MAX

struct writer_batch *
writer_batch_new(struct writer_port *port)
{
	struct writer_batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	list_init(&b->node);
	b->port = port;
	return b;
}

void
writer_batch_free(struct writer_batch *b)
{
	if (b == NULL)
		return;
	assert(b->nops == 0);
	obuf_done(&b->data);
	free(b->op);
	free(b);
}

void
writer_batch_clear(struct writer_batch *b, bool busy)
{
	obuf_clear(&b->data);
	if (!busy && b->data.cap > KEEP_BYTES)
		obuf_done(&b->data);
	b->nops = 0;
	if (!busy && b->cap > KEEP_OPS) {
		free(b->op);
		b->op = NULL;
		b->cap = 0;
	}
	b->piped = 0;
	b->bytes = 0;
	b->total = (struct writer_sum){ 0 };
	b->settled = (struct writer_sum){ 0 };
	b->silent = (struct writer_sum){ 0 };
	b->lost = (struct writer_sum){ 0 };
}

bool
writer_batch_is_empty(const struct writer_batch *b)
{
	return b->nops == 0 && !writer_batch_any(&b->total);
}

size_t
writer_batch_size(const struct writer_batch *b)
{
	return b->data.len + b->piped + b->nops * sizeof(b->op[0]);
}

struct writer_op *
writer_batch_add(struct writer_batch *b)
{
	if (b->nops == b->cap) {
		size_t cap = b->cap == 0 ? FIRST_OPS : b->cap * 2;
		struct writer_op *op = NULL;

		if (cap < NO_OP)
			op = realloc(b->op, cap * sizeof(*op));
		if (op == NULL)
			return NULL;
		b->op = op;
		b->cap = cap;
	}
	memset(&b->op[b->nops], 0, sizeof(b->op[0]));
	return &b->op[b->nops++];
}

void
writer_batch_count(struct writer_sum *sum, size_t payload)
{
	sum->bytes += payload;
	sum->chunks += payload > 0;
	sum->records += payload == 0;
}

bool
writer_batch_any(const struct writer_sum *sum)
{
	return sum->bytes > 0 || sum->chunks > 0 || sum->records > 0;
}

void
writer_batch_sum(struct writer_sum *sum, const struct writer_sum *more)
{
	sum->bytes += more->bytes;
	sum->chunks += more->chunks;
	sum->records += more->records;
}

/* -- carrying it out ---------------------------------------------------- */

/**
 * struct run - The operations of one file, being carried out
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
 * @end:	The one after its last, or NO_OP
 */
struct piece {
	uint32_t first;
	uint32_t end;
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
	p->niov = 0;
	for (; i != NO_OP && b->op[i].kind == WRITER_OP_RECORD;
	     i = b->op[i].next) {
		uint8_t *at = b->data.data + b->op[i].at;

		if (i != p->first && b->op[i].len > room)
			break;
		room -= b->op[i].len < room ? b->op[i].len : room;
		if (last != NULL &&
		    (uint8_t *)last->iov_base + last->iov_len == at) {
			last->iov_len += b->op[i].len;
			continue;
		}
		if (p->niov == PIECES)
			break;
		last = &p->iov[p->niov++];
		*last = (struct iovec){ at, b->op[i].len };
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

static uint32_t
do_records(struct run *r, uint32_t i)
{
	struct piece p;
	size_t done = 0;
	int rc;

	rotate_if_full(r, r->b->op[i].len);
	make_ready(r);
	collect(r->b, i, writer_file_room(r->f), &p);
	if (r->rc == 0) {
		rc = writer_file_write(r->f, p.iov, p.niov, &done);
		r->f->body = r->f->body || done > 0;
		if (rc != 0)
			fail(r, rc);
	}
	count_piece(r, &p, done);
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
	if (was_well && r->rc != 0 && op->next == NO_OP)
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

	while (i != NO_OP) {
		const struct writer_op *op = &r->b->op[i];

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
			assert(op->next == NO_OP);
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

	for (uint32_t i = r->f->first; i != NO_OP; i = r->b->op[i].next) {
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

		b->op[i].next = NO_OP;
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
writer_batch_run(struct writer_batch *b, const struct writer_work *work)
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
