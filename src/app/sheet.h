#ifndef APP_SHEET_H
#define APP_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/count.h"
#include "core/event.h"

/*
 * sheet.h - the balance sheet: what came in and what became of it.
 *
 * It must add up: for each sink, offered = written + dropped + queued.  The
 * names in its JSON are a contract with scripts; the section on --stats in
 * teeline-files(5) is their manual.
 */

struct err;
struct fanout;
struct sink;

/** struct sheet_sink - One sink, all workers together. */
struct sheet_sink {
	const char *name;
	const char *kind;
	uint64_t offered;
	uint64_t written;
	uint64_t queued;
	uint64_t missed;
	uint64_t drop_bytes[DROP_NREASONS];
	uint64_t drop_chunks[DROP_NREASONS];
};

/**
 * struct sheet - The figures at one moment
 * @sinks:	@nsinks of them; owned
 */
struct sheet {
	uint64_t sessions;
	uint64_t open;
	uint64_t ended[HOW_NHOWS];
	uint64_t bytes[DIR_NDIRS];
	uint64_t gap_bytes[DIR_NDIRS];
	uint64_t lost_bytes[DIR_NDIRS];
	uint64_t conflicts;
	struct sheet_sink *sinks;
	size_t nsinks;
};

/**
 * sheet_take() - Add up the counters of all workers
 * @fans:	@n of them
 *
 * Return: 0 or -ENOMEM.  Release with sheet_done().
 */
int sheet_take(
    struct sheet *sh, struct fanout *const *fans, size_t n) ATTR_WUNRES;

/** sheet_done() - Idempotent. */
void sheet_done(struct sheet *sh);

/** sheet_has_loss() - Did anything get lost anywhere? */
bool sheet_has_loss(const struct sheet *sh);

/** sheet_has_failure() - Did a sink fail to write? */
bool sheet_has_failure(const struct sheet *sh);

/** sheet_print() - A few aligned lines on standard error. */
void sheet_print(const struct sheet *sh);

/**
 * sheet_write() - The same as JSON
 * @path:	Overwritten; mode 0600 when new
 *
 * Return: 0 or -errno with @err
 */
int sheet_write(
    const struct sheet *sh, const char *path, struct err *err) ATTR_WUNRES;

#endif /* APP_SHEET_H */
