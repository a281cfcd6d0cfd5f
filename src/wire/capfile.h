#ifndef WIRE_CAPFILE_H
#define WIRE_CAPFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#include "wire/pcap_read.h"
#include "wire/pcapng_read.h"

/*
 * capfile.h - capture files of any kind, told apart by what they begin with.
 *
 *	bytes ── capfile_sniff() ──► capfile_init()
 *	window ── capfile_next() ──► item, item, ... MORE
 *	                             (wire/capfile_item.h)
 */

struct capfile_item;
struct err;

/** enum capfile_format - What a file is. */
enum capfile_format {
	CAPFILE_UNKNOWN, /* none of these */
	CAPFILE_SHORT,   /* too few bytes to tell, as yet */
	CAPFILE_PCAP,
	CAPFILE_PCAPNG,
	CAPFILE_NETRECORD, /* see wire/netrecord.h; not read here */
};

/*
 * Bytes after which capfile_sniff() never says CAPFILE_SHORT: the longest
 * head of a netrecord log's first record.
 */
#define CAPFILE_SNIFF_MAX 45

/** capfile_sniff() - What is a file that begins with these @len bytes? */
enum capfile_format capfile_sniff(const uint8_t *data, size_t len);

/** struct capfile - A capture file that is being read; private */
struct capfile {
	enum capfile_format format;
	union {
		struct pcap_read pcap;
		struct pcapng_read pcapng;
	};
};

/** capfile_init() - Begin; @format is CAPFILE_PCAP or CAPFILE_PCAPNG. */
void capfile_init(struct capfile *c, enum capfile_format format);

/** capfile_done() - Release what is owned. */
void capfile_done(struct capfile *c);

/**
 * capfile_next() - The first item of a window
 * @data:	@len bytes; the first call of all needs those that
 *		capfile_sniff() has seen
 * @item:	Filled in on success
 *
 * Return: 0; -EBADMSG with @err: the file is damaged here, nothing behind it
 *	   can be read; -ENOMEM with @err
 */
int capfile_next(struct capfile *c, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err) ATTR_WUNRES;

/**
 * capfile_end() - The file has come to its end
 * @left:	Bytes of the window behind the last item
 * @unseen:	Bytes of the last PASS that did not come any more
 *
 * Return: 0, or -EBADMSG with @err: it was cut short
 */
int capfile_end(const struct capfile *c, size_t left, size_t unseen,
    struct err *err) ATTR_WUNRES;

#endif /* WIRE_CAPFILE_H */
