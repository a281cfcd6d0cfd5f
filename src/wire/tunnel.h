#ifndef WIRE_TUNNEL_H
#define WIRE_TUNNEL_H

#include "wire/layer.h"

/*
 * tunnel.h - what stands between IP and another IP.
 *
 * Readers of headers (wire/layer.h).  Tunnels within UDP are known by their
 * port alone, the one that is registered: a datagram there that does not look
 * like the tunnel is somebody else's, hence not TCP rather than undecodable.
 *
 *	GRE		RFC 2784, 2890, 1701 (routing), 2637 (PPTP)
 *	EtherIP		RFC 3378
 *	ERSPAN		types I, II, III
 *	WCCP		redirected packets within GRE
 *	VXLAN		RFC 7348 (ports 4789, 8472), with other protocols: 4790
 *	Geneve		RFC 8926 (port 6081)
 *	GTP-U		3GPP TS 29.281 (port 2152)
 *	L2TP		version 2, RFC 2661 (port 1701)
 *	MPLS		RFC 7510 (port 6635)
 *	Teredo		RFC 4380 (port 3544)
 *	AYIYA		(port 5072)
 *	NSH		RFC 8300
 */

enum layer tunnel_read_udp(struct layer_walk *w);
enum layer tunnel_read_gre(struct layer_walk *w);
enum layer tunnel_read_etherip(struct layer_walk *w);
enum layer tunnel_read_erspan(struct layer_walk *w);
enum layer tunnel_read_wccp(struct layer_walk *w);
enum layer tunnel_read_vxlan(struct layer_walk *w);
enum layer tunnel_read_vxlan_gpe(struct layer_walk *w);
enum layer tunnel_read_geneve(struct layer_walk *w);
enum layer tunnel_read_gtp_u(struct layer_walk *w);
enum layer tunnel_read_l2tp(struct layer_walk *w);
enum layer tunnel_read_teredo(struct layer_walk *w);
enum layer tunnel_read_ayiya(struct layer_walk *w);
enum layer tunnel_read_nsh(struct layer_walk *w);

#endif /* WIRE_TUNNEL_H */
