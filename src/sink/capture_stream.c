#include "core/session.h"
#include "core/sink.h"

#include "net/writer.h"

#include "sink/capture_stream.h"

/**
 * struct job - An event on its way to the writer
 * @file:	Where its packets go
 * @number:	Of their interface, there
 * @rec:	The record that they make
 * @out:	Puts them into it
 */
struct job {
	const struct capture_files *files;
	struct capture_lane *lane;
	struct capture_file *file;
	uint32_t number;
	struct obuf *rec;
	struct made_out out;
};

static void
emit(void *self, const struct frame *f)
{
	struct job *job = self;

	capture_file_put(job->files, job->file, job->rec, job->number, f);
}

static struct capture_file *
file_of(struct capture_lane *l, struct capture_stream *st)
{
	return l->shared.file != NULL ? &l->shared : &st->own;
}

/* @job stays where it is until job_end(). */
static void
job_begin(struct job *job, struct sink_lane *lane, struct capture_stream *st)
{
	struct capture_lane *l = lane->self;

	job->files = lane->sink->self;
	job->lane = l;
	job->file = file_of(l, st);
	job->number = st->number;
	job->rec = writer_begin(l->rec.port);
	job->out = (struct made_out){
		.emit = emit,
		.self = job,
		/* A pcap file has no place for comments. */
		.words = job->files->pcapng ? &l->words : NULL,
	};
}

static void
job_end(struct job *job, size_t payload)
{
	writer_end(job->lane->rec.port, job->file->file, payload);
}

/* --- events ------------------------------------------------------------ */

static void
close_own(
    struct sink_lane *lane, struct capture_stream *st, const struct session *s)
{
	struct capture_lane *l = lane->self;

	if (st->own.file != NULL)
		capture_file_close(lane->sink->self, l->rec.port, &st->own, s);
}

static int
open_file(
    struct sink_lane *lane, struct capture_stream *st, const struct session *s)
{
	struct capture_files *files = lane->sink->self;
	struct capture_lane *l = lane->self;
	int rc;

	if (files->shared == NULL) {
		rc = capture_file_open(files, &st->own, s);
		if (rc != 0)
			return rc;
	}
	rc = capture_file_iface(
	    files, l->rec.port, file_of(l, st), &files->made, &st->number);
	if (rc != 0)
		close_own(lane, st, NULL);
	return rc;
}

int
capture_stream_open(
    struct sink_lane *lane, void *state, const struct session *s)
{
	struct capture_stream *st = state;
	struct job job;
	int rc;

	rc = open_file(lane, st, s);
	if (rc != 0)
		return rc;
	job_begin(&job, lane, st);
	made_open(&st->made, &job.out, s);
	job_end(&job, 0);
	return 0;
}

void
capture_stream_data(struct sink_lane *lane, void *state,
    const struct session *s, const struct chunk *c)
{
	struct capture_stream *st = state;
	struct job job;

	(void)s;
	job_begin(&job, lane, st);
	made_data(&st->made, &job.out, c);
	job_end(&job, c->len);
}

void
capture_stream_gap(struct sink_lane *lane, void *state, const struct session *s,
    const struct gap *g)
{
	struct capture_stream *st = state;
	struct job job;

	(void)s;
	job_begin(&job, lane, st);
	made_gap(&st->made, &job.out, g);
	job_end(&job, 0);
	if (g->why == GAP_QUEUE)
		job.file->dropped++;
}

void
capture_stream_end(struct sink_lane *lane, void *state, const struct session *s,
    const struct end *e)
{
	struct capture_stream *st = state;
	struct job job;

	job_begin(&job, lane, st);
	made_end(&st->made, &job.out, s, e);
	job_end(&job, 0);
}

void
capture_stream_close(
    struct sink_lane *lane, void *state, const struct session *s)
{
	struct capture_stream *st = state;
	struct job job;

	job_begin(&job, lane, st);
	made_close(&st->made, &job.out, s);
	job_end(&job, 0);
	close_own(lane, st, s);
}

void
capture_stream_abort(
    struct sink_lane *lane, void *state, const struct session *s)
{
	(void)s;
	close_own(lane, state, NULL);
}
