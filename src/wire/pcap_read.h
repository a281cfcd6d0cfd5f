#ifndef WIRE_PCAP_READ_H
#define WIRE_PCAP_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * pcap_read.h - reads classic capture files (wire/pcap.h shows the format).
 *
 * Either byte order, with microseconds or nanoseconds, versions 2.0 to 2.4
 * (before 2.3 the two lengths of a record stood the other way round, in 2.3
 * they may), and the "modified" format of old Linux patches, whose records
 * have a longer header.
 *
 * Damage is told with the number of the record, counted from 1, and the offset
 * in the file of what is wrong.  There is no way to find the next record
 * behind it: the reader must not be called again.
 */

struct capfile_item;
struct err;

/**
 * struct pcap_read - A file that is being read; private
 * @begun:	The header of the file has been read
 * @big:	Most significant bytes first
 * @unit_ns:	Of the fraction: 1000 or 1
 * @head_len:	Bytes before the data of a record
 * @swap:	The lengths of a record are the other way round: always, or
 * @may_swap:	where the first is the greater one
 * @limit:	Longest packet that is believed
 * @off:	Bytes that items have taken so far
 * @records:	Whole ones among them
 */
struct pcap_read {
	bool begun;
	bool big;
	bool swap;
	bool may_swap;
	uint32_t unit_ns;
	uint32_t head_len;
	uint32_t limit;
	uint64_t off;
	uint64_t records;
};

/* Bytes that pcap_read_knows() looks at. */
#define PCAP_READ_MAGIC_LEN 4

/** pcap_read_knows() - Does a file that begins with @data belong here? */
bool pcap_read_knows(const uint8_t data[PCAP_READ_MAGIC_LEN]);

/** pcap_read_init() - Begin a file; nothing needs to be released later. */
void pcap_read_init(struct pcap_read *r);

/**
 * pcap_read_next() - The first item of a window
 * @data:	@len bytes
 * @item:	Filled in on success.  The header of the file is the one
 *		INTERFACE.
 *
 * Return: 0, or -EBADMSG with @err: the file is damaged here
 */
int pcap_read_next(struct pcap_read *r, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err) ATTR_WUNRES;

/**
 * pcap_read_end() - The file has come to its end
 * @left:	Bytes behind the last item
 *
 * Return: 0, or -EBADMSG with @err: it was cut short
 */
int pcap_read_end(
    const struct pcap_read *r, size_t left, struct err *err) ATTR_WUNRES;

#endif /* WIRE_PCAP_READ_H */
