#ifndef RUN_SHEET_H
#define RUN_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/count.h"
#include "core/event.h"
#include "core/tally.h"

/*
 * sheet.h - the balance sheet: what came in and what became of it.
 *
 * It must add up: the packets and the payload of captures as in core/tally.h,
 * and for each sink, offered = written + dropped + queued.  The kernel's
 * figures stand beside the sums.  The names in its JSON are a contract with
 * scripts; the section on --stats in teeline-files(5) is their manual.
 */

struct err;
struct fanout;
struct json_t;
struct sink;
struct source;
struct sheet_input;

/** struct sheet_sink - One sink, all workers together. */
struct sheet_sink {
	const char *name;
	const char *kind;
	uint64_t offered;
	uint64_t written;
	uint64_t queued;
	uint64_t missed;
	uint64_t equal;
	uint64_t different;
	uint64_t incomparable;
	uint64_t sent;
	uint64_t sent_bytes;
	uint64_t failed_tries;
	uint64_t drop_bytes[DROP_NREASONS];
	uint64_t drop_chunks[DROP_NREASONS];
	uint64_t drop_records[DROP_NREASONS];
};

/**
 * struct sheet - The figures at one moment
 * @has_packets: Some source gives packets; else @tally is all zero
 * @tally:	What the sources have counted
 * @received:	Payload that came in: of a source that puts nothing in order
 *		what it delivered, else tally.payload[].received
 * @inputs:	The same for each input, without sinks; @ninputs of them; owned
 * @sinks:	@nsinks of them; owned
 */
struct sheet {
	bool has_packets;
	struct tally tally;
	uint64_t received[DIR_NDIRS];
	uint64_t sessions;
	uint64_t open;
	uint64_t ended[HOW_NHOWS];
	uint64_t bytes[DIR_NDIRS];
	uint64_t gap_bytes[DIR_NDIRS];
	uint64_t lost_bytes[DIR_NDIRS];
	uint64_t conflicts;
	struct sheet_input *inputs;
	size_t ninputs;
	struct sheet_sink *sinks;
	size_t nsinks;
};

/** struct sheet_input - One input, all its workers together. */
struct sheet_input {
	const char *name;
	const char *source;
	struct sheet figures;
};

/**
 * struct sheet_from - Where the figures of an input are
 * @name:	What it is called; outlives the sheet
 * @src:	Where it hears
 * @fans:	Of its workers, @nfans of them
 */
struct sheet_from {
	const char *name;
	const struct source *src;
	struct fanout *const *fans;
	size_t nfans;
};

/**
 * sheet_take() - Add up the counters of all inputs and workers
 * @from:	@n of them
 * @sinks:	@nsinks of them, that are to be in it; each may have a lane on
 *		some of the workers only.  They outlive the sheet
 *
 * Return: 0 or -ENOMEM.  Release with sheet_done().
 */
int sheet_take(struct sheet *sh, const struct sheet_from *from, size_t n,
    struct sink *const *sinks, size_t nsinks) ATTR_WUNRES;

/** sheet_sink_has_drop() - Did it lose anything for this reason? */
bool sheet_sink_has_drop(const struct sheet_sink *s, enum drop_reason r);

/** sheet_add_sink() - Add the figures of a line to those of another. */
void sheet_add_sink(struct sheet_sink *to, const struct sheet_sink *from);

/**
 * sheet_add_line() - Add a sink that is not there any more
 * @line:	Its name outlives the sheet.  If there is a line of that name,
 *		its figures are added to it
 *
 * Return: 0 or -ENOMEM
 */
int sheet_add_line(struct sheet *sh, const struct sheet_sink *line) ATTR_WUNRES;

/** sheet_done() - Idempotent. */
void sheet_done(struct sheet *sh);

/**
 * sheet_has_loss() - Did anything get lost anywhere?
 *
 * Gaps, bytes that were not delivered, drops of the kernel, the interface and
 * the sinks.  Not packets that cannot be decoded or that belong to no
 * session: of these nothing is known to be missing.
 */
bool sheet_has_loss(const struct sheet *sh);

/** sheet_has_failure() - Did a sink fail to write? */
bool sheet_has_failure(const struct sheet *sh);

/** sheet_print() - A few aligned lines on standard error. */
void sheet_print(const struct sheet *sh);

/** sheet_json() - The same as a tree of JSON; NULL: no memory. */
struct json_t *sheet_json(const struct sheet *sh) ATTR_WUNRES;

/**
 * sheet_write() - The same as JSON, in a file
 * @path:	Overwritten; mode 0600 when new.  Missing folders are made.
 *
 * Return: 0 or -errno with @err
 */
int sheet_write(
    const struct sheet *sh, const char *path, struct err *err) ATTR_WUNRES;

#endif /* RUN_SHEET_H */
