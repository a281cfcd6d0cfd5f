#ifndef CORE_TALLY_H
#define CORE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/count.h"
#include "core/dir.h"

/*
 * tally.h - what captures count: packets and payload, in sums that hold.
 *
 *	packets received = sessions + not TCP + undecodable + fragments + strays
 *	payload received = delivered + duplicate + differing + late + strays
 *			 + held
 *
 * Each packet, and each captured byte of payload of a session, is in exactly
 * one of the right-hand counters at any time.  (Only kernel figures stand
 * outside of the sums: they are struct tally's.)
 */

/**
 * struct payload_count - TCP payload of one direction, a worker's sessions
 * @received:	Captured bytes of payload, also of retransmissions
 * @duplicate:	Of them, seen before and the same (or seen too long ago to
 *		tell, core/history.h)
 * @differing:	... seen before, and different: see struct conflict
 * @late:	... came after their hole had been given up
 * @strays:	... outside of the window, or after a FIN, an accepted RST or
 *		the end of their session
 * @held:	... waiting behind a hole at this moment: goes down again
 *
 * What was delivered is in struct fanout_totals.  The worker writes them.
 */
struct payload_count {
	struct count received;
	struct count duplicate;
	struct count differing;
	struct count late;
	struct count strays;
	struct count held;
};

/** struct tally_reason - How many packets were given up for one reason. */
struct tally_reason {
	const char *name; /* static: "truncated", as sheet and metrics say */
	uint64_t packets;
};

/* At least as many as wire/decode.h knows. */
#define TALLY_REASONS_MAX 48

/**
 * struct tally - What a source counted, all its workers together
 * @received:	Packets that the source was handed and that passed its filter
 * @sessions:	... belong to a session
 * @not_tcp:	... carry something else
 * @strays:	... TCP, but of no session: tombstones, no SYN and no payload,
 *		outside the window
 * @fragments:	... wait for the rest of their datagram, or waited in vain
 * @undecodable: ... by reason, @nreasons of them, those of 0 packets included
 * @filtered:	Packets of files that the filter kept out; not in @received
 * @bad_checksums: Of @sessions, with a TCP checksum that does not fit
 *		(commonly offloaded); a remark, not a class of its own
 * @payload:	By direction
 * @has_kernel:	The next three are known
 * @kernel_received: As the kernel counts (twice on loopback)
 * @kernel_dropped: Lost for want of room in the ring
 * @interface_dropped: Lost by the interface or its driver
 */
struct tally {
	uint64_t received;
	uint64_t sessions;
	uint64_t not_tcp;
	uint64_t strays;
	uint64_t fragments;
	struct tally_reason undecodable[TALLY_REASONS_MAX];
	size_t nreasons;
	uint64_t filtered;
	uint64_t bad_checksums;
	struct {
		uint64_t received;
		uint64_t duplicate;
		uint64_t differing;
		uint64_t late;
		uint64_t strays;
		uint64_t held;
	} payload[DIR_NDIRS];
	bool has_kernel;
	uint64_t kernel_received;
	uint64_t kernel_dropped;
	uint64_t interface_dropped;
};

/** tally_add() - Add what another source has counted. */
void tally_add(struct tally *t, const struct tally *other);

/** tally_add_payload() - Add a worker's counters of both directions. */
void tally_add_payload(
    struct tally *t, const struct payload_count payload[DIR_NDIRS]);

#endif /* CORE_TALLY_H */
