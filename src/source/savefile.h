#ifndef SOURCE_SAVEFILE_H
#define SOURCE_SAVEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/source.h"
#include "source/dissect.h"

/*
 * savefile.h - "read": capture files, one after the other, as one stream of
 * packets.
 *
 * pcap and pcapng in any byte order, plain, gzip or zstd, told apart by what
 * they begin with; netrecord logs become sessions directly.  A thread of its
 * own reads (and unpacks) big blocks ahead, so that a pipe that gives nothing
 * holds nobody up; the worker dissects them.
 *
 *	file ── reader thread ── blocks ──► worker ── dissect ──► sinks
 *
 * Damage: everything before it is delivered, events.trouble is told one
 * sentence with file and byte offset (of the unpacked data, where packed), the
 * other files are read on, and the source has failed.
 *
 * When a sink that wants it is full, reading waits (fanout_held_up()).
 */

struct err;

/**
 * struct savefile_opts - What it is made from
 * @paths:	@npaths of them, in this order; "-" is standard input; borrowed
 * @filter:	pcap-filter(7); NULL: everything
 * @max_packets: -c: stop after so many that passed the filter; 0: no limit
 * @max_sessions: Stop when so many are over; 0: no limit
 * @names:	Look names up: reading waits for them
 * @dissect:	Its input, next_id, opening and self are set here
 * @place:	See core/source.h
 * @events:	Likewise
 */
struct savefile_opts {
	const char *const *paths;
	size_t npaths;
	const char *filter;
	uint64_t max_packets;
	uint64_t max_sessions;
	bool names;
	struct dissect_opts dissect;
	struct source_place place;
	struct source_events events;
};

/**
 * savefile_new() - Open the files
 *
 * All of them are opened here, so that a name that is wrong is told before
 * anything is written.  Return: NULL with @err filled in; *@code is then
 * -EINVAL when the text is wrong (the filter), else another -errno
 */
struct source *savefile_new(
    const struct savefile_opts *o, int *code, struct err *err) ATTR_WUNRES;

/**
 * struct savefile_progress - How far it has come
 * @path:	Being read; as its user wrote it
 * @done:	Bytes of all files read so far
 * @total:	Of all files; 0: unknown (a pipe is among them)
 * @packets:	Read so far
 */
struct savefile_progress {
	const char *path;
	uint64_t done;
	uint64_t total;
	uint64_t packets;
};

/** savefile_progress() - From any thread. */
void savefile_progress(const struct source *src, struct savefile_progress *p);

#endif /* SOURCE_SAVEFILE_H */
