#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/packet.h"
#include "core/session.h"
#include "core/sink.h"

#include "net/writer.h"

#include "sink/capture_packets.h"
#include "sink/capture_stream.h"

#include "wire/frame.h"

static_assert((int)PACKET_UNKNOWN == (int)FRAME_UNKNOWN &&
		  (int)PACKET_INBOUND == (int)FRAME_INBOUND &&
		  (int)PACKET_OUTBOUND == (int)FRAME_OUTBOUND,
    "both are epb_flags's");

int
capture_packets_open(
    struct sink_lane *lane, void *state, const struct session *s)
{
	struct capture_packets *st = state;
	int rc;

	if (!s->no_packets)
		return 0;
	st->stream = calloc(1, sizeof(*st->stream));
	if (st->stream == NULL)
		return -ENOMEM;
	rc = capture_stream_open(lane, st->stream, s);
	if (rc != 0) {
		free(st->stream);
		st->stream = NULL;
	}
	return rc;
}

/* The file for a packet; 0 or -errno. */
static int
file_for(struct sink_lane *lane, struct capture_packets *st,
    const struct session *s, struct capture_file **f)
{
	const struct capture_files *files = lane->sink->self;
	struct capture_lane *l = lane->self;
	int rc;

	if (files->shared != NULL) {
		*f = &l->shared;
		return 0;
	}
	/* Without that, packets of no session do not come (ops.strays). */
	assert(st != NULL);
	if (st->own.file == NULL) {
		rc = capture_file_open(files, &st->own, s);
		if (rc != 0)
			return rc;
		st->own.dropped = CAPTURE_FILE_UNKNOWN;
	}
	*f = &st->own;
	return 0;
}

void
capture_packets_packet(struct sink_lane *lane, void *state,
    const struct session *s, const struct packet *p)
{
	struct capture_files *files = lane->sink->self;
	struct capture_lane *l = lane->self;
	const struct frame frame = {
		.ts_ns = p->ts_ns,
		.dir = (enum frame_dir)p->dir,
		.head = p->data,
		.head_len = p->len,
		.wire_len = p->wire_len,
	};
	struct capture_file *f;
	uint32_t number;
	int rc;

	rc = file_for(lane, state, s, &f);
	if (rc == 0)
		rc = capture_file_iface(
		    files, l->rec.port, f, p->iface, &number);
	if (rc != 0) {
		writer_lose(l->rec.port, p->len);
		return;
	}
	capture_file_put(files, f, writer_begin(l->rec.port), number, &frame);
	writer_end(l->rec.port, f->file, p->len);
}

void
capture_packets_data(struct sink_lane *lane, void *state,
    const struct session *s, const struct chunk *c)
{
	struct capture_packets *st = state;

	capture_stream_data(lane, st->stream, s, c);
}

void
capture_packets_gap(struct sink_lane *lane, void *state,
    const struct session *s, const struct gap *g)
{
	struct capture_packets *st = state;

	capture_stream_gap(lane, st->stream, s, g);
}

void
capture_packets_end(struct sink_lane *lane, void *state,
    const struct session *s, const struct end *e)
{
	struct capture_packets *st = state;

	capture_stream_end(lane, st->stream, s, e);
}

static void
let_go(
    struct sink_lane *lane, struct capture_packets *st, const struct session *s)
{
	struct capture_lane *l = lane->self;

	if (st->own.file != NULL)
		capture_file_close(lane->sink->self, l->rec.port, &st->own, s);
	free(st->stream);
	st->stream = NULL;
}

void
capture_packets_close(
    struct sink_lane *lane, void *state, const struct session *s)
{
	struct capture_packets *st = state;

	if (st->stream != NULL)
		capture_stream_close(lane, st->stream, s);
	let_go(lane, st, s);
}

void
capture_packets_abort(
    struct sink_lane *lane, void *state, const struct session *s)
{
	struct capture_packets *st = state;

	if (st->stream != NULL)
		capture_stream_abort(lane, st->stream, s);
	let_go(lane, st, NULL);
}
