#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/obuf.h"

#include "core/sink.h"

#include "sink/capture.h"
#include "sink/capture_file.h"
#include "sink/capture_packets.h"
#include "sink/capture_stream.h"
#include "sink/recorder.h"
#include "sink/recorder_ops.h"
#include "sink/streams.h"

#define QUEUE_DEFAULT ((size_t)64 * 1024 * 1024)

/**
 * struct capture - The sink
 * @files:	First: its recorder is what recorder_ops.h wants there
 * @ops:	Of this sink: they depend on what its source gives
 */
struct capture {
	struct capture_files files;
	struct sink_ops ops;
};

/* --- life -------------------------------------------------------------- */

static int
capture_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	const struct capture_files *files = lane->sink->self;
	struct capture_lane *l;

	l = recorder_ops_lane_make(lane, w, sizeof(*l), err);
	if (l == NULL)
		return -ENOMEM;
	l->count = &lane->count;
	if (files->shared == NULL)
		return 0;
	if (capture_file_share(files, &l->shared) != 0) {
		recorder_ops_lane_free(lane);
		return err_set(err, -ENOMEM, "no memory for a worker");
	}
	return 0;
}

static void
capture_lane_free(struct sink_lane *lane)
{
	struct capture_lane *l = lane->self;

	capture_file_unshare(&l->shared);
	obuf_done(&l->words);
	recorder_ops_lane_free(lane);
}

static int
capture_drain(struct sink *sink, uint64_t deadline_ns)
{
	struct capture *cap = sink->self;

	capture_file_finish(&cap->files);
	return recorder_drain(&cap->files.rec, deadline_ns);
}

static void
capture_free(struct sink *sink)
{
	struct capture *cap = sink == NULL ? NULL : sink->self;

	if (cap == NULL)
		return;
	recorder_done(&cap->files.rec);
	capture_file_done(&cap->files);
	free(cap);
	sink->self = NULL;
}

static const struct sink_ops stream_ops = {
	.need = NEED_MEMORY,
	.session_size = sizeof(struct capture_stream),
	.lane_new = capture_lane_new,
	.lane_free = capture_lane_free,
	.drain = capture_drain,
	.reopen = recorder_ops_reopen,
	.free = capture_free,
	.open = capture_stream_open,
	.data = capture_stream_data,
	.gap = capture_stream_gap,
	.end = capture_stream_end,
	.close = capture_stream_close,
	.abort = capture_stream_abort,
	.turn = recorder_ops_turn,
	.full = recorder_ops_full,
};

static const struct sink_ops packet_ops = {
	.need = NEED_NOTHING,
	.session_size = sizeof(struct capture_packets),
	.lane_new = capture_lane_new,
	.lane_free = capture_lane_free,
	.drain = capture_drain,
	.reopen = recorder_ops_reopen,
	.free = capture_free,
	.open = capture_packets_open,
	.packet = capture_packets_packet,
	.data = capture_packets_data,
	.gap = capture_packets_gap,
	.end = capture_packets_end,
	.close = capture_packets_close,
	.abort = capture_packets_abort,
	.turn = recorder_ops_turn,
	.full = recorder_ops_full,
};

/* --- making ------------------------------------------------------------ */

/* The two kinds differ in nothing but what they write. */
static int
make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	struct capture *cap = calloc(1, sizeof(*cap));
	bool pcapng = strcmp(spec->kind, capture_pcapng_kind.name) == 0;
	int rc;

	if (cap == NULL)
		return err_set(err, -ENOMEM, "no memory for a sink");
	sink->self = cap;
	cap->files.pcapng = pcapng;
	rc = capture_file_init(&cap->files, spec, env, env->packets, err);
	if (rc != 0)
		goto fail;
	rc = recorder_init(&cap->files.rec, sink, env, err);
	if (rc != 0)
		goto fail;
	capture_file_start(&cap->files, spec);
	cap->ops = env->packets ? packet_ops : stream_ops;
	cap->ops.kind =
	    pcapng ? capture_pcapng_kind.name : capture_pcap_kind.name;
	/* In the file for all, packets of no session have their place too. */
	cap->ops.strays = cap->files.shared != NULL;
	sink->ops = &cap->ops;
	return 0;

fail:
	capture_free(sink);
	return rc;
}

static int
check(const struct sink_spec *spec, const struct sink_env *env, struct err *err)
{
	(void)env;
	return capture_file_check(spec, err);
}

static const struct sink_key keys[] = {
	{ "closed", "FILE", "what a file is called when it is over" },
	{ "timeout-word", "WORD",
	    "what {reason} in it says of a session that was silent for too "
	    "long (default: timeout)" },
	STREAMS_LOCAL_KEYS,
	{ NULL, NULL, NULL },
};

const struct sink_kind capture_pcapng_kind = {
	.name = "pcapng",
	.arg = "FILE",
	.help = "capture file that Wireshark reads, with comments",
	.keys = keys,
	.queue = QUEUE_DEFAULT,
	.make = make,
	.check = check,
};

const struct sink_kind capture_pcap_kind = {
	.name = "pcap",
	.arg = "FILE",
	.help = "capture file of the classic kind, times in ns",
	.keys = keys,
	.queue = QUEUE_DEFAULT,
	.make = make,
	.check = check,
};
