#ifndef WIRE_PCAPNG_READ_H
#define WIRE_PCAPNG_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * pcapng_read.h - reads capture files with blocks (wire/pcapng.h shows the
 * format).
 *
 * Sections of either byte order one after the other; interfaces with their
 * names, resolution and offset of time; enhanced, simple and the obsolete
 * packet blocks with their direction; statistics.  All other blocks are passed
 * over, and need not fit into the window.
 *
 * What is forgiven: options that do not fit into their block (they end
 * there), a block whose length is no multiple of 4 whether its padding is
 * there or not, statistics of an interface that is not there.
 *
 * Damage is told with the number of the block, counted from 1, and its offset
 * in the file.  There is no way to find the next block behind it: the reader
 * must not be called again.
 */

struct capfile_item;
struct err;
struct pcapng_read_iface;

/**
 * struct pcapng_read - A file that is being read; private
 * @begun:	Inside of a section
 * @big:	This section: most significant bytes first
 * @off:	Bytes that items have taken so far
 * @blocks:	Whole ones among them
 * @tail:	Length of a block that is being passed over, of which only the
 *		end is still to come; 0: none is
 * @ifaces:	@nifaces of this section, in room for @room of them; owned
 * @first:	Number of the first of them in the file
 * @last_ns:	Time of the last packet: a simple packet has none of its own
 */
struct pcapng_read {
	bool begun;
	bool big;
	uint64_t off;
	uint64_t blocks;
	uint32_t tail;
	struct pcapng_read_iface *ifaces;
	uint32_t nifaces;
	uint32_t room;
	uint32_t first;
	uint64_t last_ns;
};

/* Bytes that pcapng_read_knows() looks at. */
#define PCAPNG_READ_MAGIC_LEN 4

/*
 * Interfaces of one file, all sections together.  Each costs memory as long
 * as the file is read, and a block of 20 bytes makes one.  Nobody captures on
 * more; the obsolete packet block counts them with 16 bits.
 */
#define PCAPNG_READ_IFACES_MAX 65536

/** pcapng_read_knows() - Does a file that begins with @data belong here? */
bool pcapng_read_knows(const uint8_t data[PCAPNG_READ_MAGIC_LEN]);

/** pcapng_read_init() - Begin a file. */
void pcapng_read_init(struct pcapng_read *r);

/** pcapng_read_done() - Release what is owned. */
void pcapng_read_done(struct pcapng_read *r);

/**
 * pcapng_read_next() - The first item of a window
 * @data:	@len bytes
 * @item:	Filled in on success
 *
 * Return: 0; -EBADMSG with @err: the file is damaged here; -ENOMEM with @err
 */
int pcapng_read_next(struct pcapng_read *r, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err) ATTR_WUNRES;

/**
 * pcapng_read_end() - The file has come to its end
 * @left:	Bytes behind the last item
 * @unseen:	Bytes of the last PASS that did not come any more
 *
 * Return: 0, or -EBADMSG with @err: it was cut short
 */
int pcapng_read_end(const struct pcapng_read *r, size_t left, size_t unseen,
    struct err *err) ATTR_WUNRES;

#endif /* WIRE_PCAPNG_READ_H */
