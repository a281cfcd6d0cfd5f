#ifndef WIRE_PPP_H
#define WIRE_PPP_H

#include "wire/layer.h"

/*
 * ppp.h - PPP (RFC 1661) and Cisco HDLC, on lines, within Ethernet (RFC 2516)
 * and within tunnels.
 *
 * Readers of headers (wire/layer.h).  ppp_read() takes address and control
 * as they come: present or left out.  ppp_read_link() is for captures on a
 * line, where Cisco HDLC may be instead.
 */

enum layer ppp_read(struct layer_walk *w);
enum layer ppp_read_link(struct layer_walk *w);
enum layer ppp_read_with_dir(struct layer_walk *w);
enum layer ppp_read_chdlc(struct layer_walk *w);
enum layer ppp_read_chdlc_with_dir(struct layer_walk *w);
enum layer ppp_read_pppoe(struct layer_walk *w);

#endif /* WIRE_PPP_H */
