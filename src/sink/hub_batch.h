#ifndef SINK_HUB_BATCH_H
#define SINK_HUB_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#include "net/mail.h"

/*
 * hub_batch.h - records of a live capture on their way to its clients.
 */

struct hub_client;
struct hub_port;

/**
 * struct hub_share - What an interface has in a batch
 * @iface:	Its number
 * @packets:	In the batch
 * @lost:	That should have come before it, but did not get so far
 */
struct hub_share {
	uint32_t iface;
	uint32_t packets;
	uint64_t lost;
};

/**
 * struct hub_batch - Whole pcapng blocks, sent or dropped together
 * @data:	@len bytes; none if there is only a loss to tell
 * @payload:	Bytes of streams, or of packets, that they stand for
 * @chunks:	In so many events
 * @shares:	@nshares of them: each interface that appears, once
 * @first_ns:	Times of the packets, if there are any
 * @last_ns:	Likewise
 * @only:	For this client, worth nothing; NULL: for all that listen to the
 *		port it comes from
 */
struct hub_batch {
	const uint8_t *data;
	size_t len;
	size_t payload;
	size_t chunks;
	const struct hub_share *shares;
	size_t nshares;
	uint64_t first_ns;
	uint64_t last_ns;
	struct hub_client *only;
};

/**
 * struct hub_block - A copy of a batch on its way to another worker
 * @mail:	The owner's, and the next
 * @port:	Whose batch it is
 * @batch:	Its shares and bytes lie behind it
 * @shares:	Private
 */
struct hub_block {
	struct mail mail;
	struct hub_port *port;
	struct hub_batch batch;
	struct hub_share shares[];
};

/** hub_batch_copy() - All of it, in one piece: free(); NULL without memory. */
struct hub_block *hub_batch_copy(const struct hub_batch *b) ATTR_WUNRES;

#endif /* SINK_HUB_BATCH_H */
