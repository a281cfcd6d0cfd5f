#ifndef WIRE_IEEE80211_H
#define WIRE_IEEE80211_H

#include "wire/layer.h"

/*
 * ieee80211.h - IEEE 802.11, and the radio information that drivers put
 * before it: radiotap, Prism, AVS.
 *
 * Readers of headers (wire/layer.h).  Only data frames carry packets.  What is
 * encrypted, cut in pieces or put together from several packets is given up,
 * each with a reason of its own.
 */

enum layer ieee80211_read(struct layer_walk *w);
enum layer ieee80211_read_radiotap(struct layer_walk *w);
enum layer ieee80211_read_prism(struct layer_walk *w);
enum layer ieee80211_read_avs(struct layer_walk *w);

#endif /* WIRE_IEEE80211_H */
