#ifndef PERSONALITY_TEECP_STATS_H
#define PERSONALITY_TEECP_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/count.h"

/*
 * teecp_stats.h - what teecp tells about itself, and when it gives up.
 *
 *	stats {BytesForwarded:1448 PacketsForwarded:1 PacketAttemptsFailed:0
 *	    PacketsFailed:0}	(one line)
 *
 * is the original's, to the letter.  What the original does not know follows
 * in a line of its own, when there is more of it than before:
 *
 *	lost {queue_full:12 gone:3 kernel:5}
 *
 * packets that the sink has dropped, by reason, and those that never came
 * from the kernel or the interface.
 *
 * It knows no clock: whoever calls says what time it is.
 */

struct sheet;

/**
 * struct teecp_stats_opts - What is wanted
 * @print:	--stats
 * @health:	--health-check
 * @silence_ns:	How long nothing may be sent; when it is longer, health ends
 * @say:	Takes one line, without newline
 */
struct teecp_stats_opts {
	bool print;
	bool health;
	uint64_t silence_ns;
	void (*say)(const char *line);
};

/** struct teecp_stats - Private. */
struct teecp_stats {
	struct teecp_stats_opts o;
	uint64_t sent;
	uint64_t sent_ns;
	uint64_t dropped[DROP_NREASONS];
	uint64_t kernel;
	bool is_over;
};

/** teecp_stats_init() - Begin; silence counts from @mono_ns. */
void teecp_stats_init(
    struct teecp_stats *s, const struct teecp_stats_opts *o, uint64_t mono_ns);

/**
 * teecp_stats_tell() - Time for another line
 * @sh:		Whose first sink sends the payloads
 *
 * Return: 0, or -ETIMEDOUT when nothing was sent for too long, which is said
 *	   once
 */
int teecp_stats_tell(struct teecp_stats *s, const struct sheet *sh,
    uint64_t mono_ns) ATTR_WUNRES;

#endif /* PERSONALITY_TEECP_STATS_H */
