#ifndef WIRE_COOKED_H
#define WIRE_COOKED_H

#include "wire/layer.h"

/*
 * cooked.h - what capturing programs put where no link header is.
 *
 * Readers of headers (wire/layer.h): the address family of BSD's loopback
 * (both byte orders), Linux' cooked captures, the netfilter log, and the
 * wrappers PKTAP and PPI, within which packets begin with a link type of
 * their own.
 */

enum layer cooked_read_null(struct layer_walk *w);
enum layer cooked_read_sll(struct layer_walk *w);
enum layer cooked_read_sll2(struct layer_walk *w);
enum layer cooked_read_nflog(struct layer_walk *w);
enum layer cooked_read_pktap(struct layer_walk *w);
enum layer cooked_read_ppi(struct layer_walk *w);

#endif /* WIRE_COOKED_H */
