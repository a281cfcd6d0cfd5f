#ifndef WIRE_TAG_H
#define WIRE_TAG_H

#include "wire/layer.h"

/*
 * tag.h - what stands between Ethernet and IP.
 *
 * Readers of headers (wire/layer.h): VLAN tags of any kind, provider backbone
 * bridging (802.1ah), E-Tag (802.1BR), VN-Tag, FabricPath, MACsec where it
 * does not encrypt, and MPLS with what it may carry.
 */

enum layer tag_read_vlan(struct layer_walk *w);
enum layer tag_read_pbb(struct layer_walk *w);
enum layer tag_read_etag(struct layer_walk *w);
enum layer tag_read_vntag(struct layer_walk *w);
enum layer tag_read_fabricpath(struct layer_walk *w);
enum layer tag_read_macsec(struct layer_walk *w);
enum layer tag_read_mpls(struct layer_walk *w);

#endif /* WIRE_TAG_H */
