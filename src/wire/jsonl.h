#ifndef WIRE_JSONL_H
#define WIRE_JSONL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;
struct obuf;

/*
 * jsonl.h - events of sessions, each as one JSON object on a line of its own
 * (teeline-files(5)).
 *
 * Nothing is left out: with the offsets, the data and the gaps the streams can
 * be put together again exactly.  Fields come in a fixed order; those that have
 * nothing to say are absent.  Each function appends a whole line, newline
 * included.
 *
 * Values are plain: directions are 0, what the client sent, and 1; names are
 * those of core/event.h.
 */

/* "c2s" and "s2c". */
#define JSONL_NDIRS 2

/**
 * struct jsonl_head - What every event begins with
 * @ts_ns:	Event time
 * @session:	Its number
 */
struct jsonl_head {
	uint64_t ts_ns;
	uint64_t session;
};

/**
 * struct jsonl_open - A session opens
 * @source:	"proxy", "tap" or "read"
 * @input:	Name of its input; NULL: there is but one
 * @client:	And the next three: its ends; @listen and @local are AF_UNSPEC
 *		where nobody stands in between
 * @target:	As the user wrote it; NULL: none
 * @midstream:	First seen in the middle
 */
struct jsonl_open {
	struct jsonl_head head;
	const char *source;
	const char *input;
	const struct addr *client;
	const struct addr *server;
	const struct addr *listen;
	const struct addr *local;
	const char *target;
	bool midstream;
};

/**
 * struct jsonl_place - Where in a stream something happened
 * @dir:	Whose: "c2s" or "s2c"
 * @off:	Offset
 */
struct jsonl_place {
	struct jsonl_head head;
	const char *dir;
	uint64_t off;
};

/**
 * struct jsonl_close - A session closes
 * @reason:	And @first: names
 * @open_ns:	When it opened
 * @packets:	And @retransmitted: NULL where there are no packets
 * @error:	NULL: none
 */
struct jsonl_close {
	struct jsonl_head head;
	const char *reason;
	const char *first;
	uint64_t open_ns;
	uint64_t bytes[JSONL_NDIRS];
	uint64_t gap_bytes[JSONL_NDIRS];
	uint64_t lost_bytes[JSONL_NDIRS];
	const uint64_t *packets;
	const uint64_t *retransmitted;
	const char *error;
};

/** jsonl_open_put() - Append an open. */
void jsonl_open_put(struct obuf *out, const struct jsonl_open *e);

/** jsonl_data_put() - Append @len bytes of a stream. */
void jsonl_data_put(struct obuf *out, const struct jsonl_place *at,
    const uint8_t *data, size_t len);

/** jsonl_gap_put() - Append that @len bytes are missing, @why. */
void jsonl_gap_put(struct obuf *out, const struct jsonl_place *at, uint64_t len,
    const char *why);

/** jsonl_conflict_put() - Append that @len bytes came twice and differ. */
void jsonl_conflict_put(struct obuf *out, const struct jsonl_place *at,
    const uint8_t *kept, const uint8_t *other, size_t len);

/** jsonl_end_put() - Append that a direction is over. */
void jsonl_end_put(
    struct obuf *out, const struct jsonl_place *at, const char *how);

/** jsonl_close_put() - Append a close. */
void jsonl_close_put(struct obuf *out, const struct jsonl_close *e);

#endif /* WIRE_JSONL_H */
