#ifndef SOURCE_FILTER_H
#define SOURCE_FILTER_H

#include <stdbool.h>

#include "base/attr.h"

/*
 * filter.h - pcap-filter(7) expressions over captured packets.
 *
 * Compiled per link type, when the first packet of one comes.  Filters see
 * the outer headers (decision 20).  Not thread-safe: one per worker.
 */

struct err;
struct filter;
struct packet;

/**
 * filter_new() - Take an expression
 * @text:	Copied; NULL or blank: everything passes
 *
 * Compiled at once for Ethernet: an expression that neither Ethernet nor raw
 * IP nor Linux cooked capture nor 802.11 can have is wrong.  Host names in it
 * are looked up, for each link type anew.
 *
 * Return: NULL when it does not compile; @err quotes it and says what libpcap
 *	   says
 */
struct filter *filter_new(const char *text, struct err *err) ATTR_WUNRES;

/** filter_free() - NULL is a no-op. */
void filter_free(struct filter *f);

/**
 * filter_passes() - Judge a packet
 *
 * A link type that the expression cannot be compiled for (as "ether host"
 * on raw IP) lets nothing pass.
 */
bool filter_passes(struct filter *f, const struct packet *p);

#endif /* SOURCE_FILTER_H */
