#include <assert.h>

#include "wire/checksum.h"
#include "wire/cooked.h"
#include "wire/decode.h"
#include "wire/ieee80211.h"
#include "wire/ip.h"
#include "wire/layer.h"
#include "wire/link.h"
#include "wire/ppp.h"
#include "wire/tag.h"
#include "wire/tcp.h"
#include "wire/tunnel.h"

typedef enum layer layer_reader(struct layer_walk *w);

static layer_reader *const readers[] = {
	[LAYER_ETHERNET] = link_read_ethernet,
	[LAYER_LLC] = link_read_llc,
	[LAYER_FDDI] = link_read_fddi,
	[LAYER_TOKEN_RING] = link_read_token_ring,
	[LAYER_ARCNET] = link_read_arcnet,
	[LAYER_ARCNET_LINUX] = link_read_arcnet_linux,
	[LAYER_NULL] = cooked_read_null,
	[LAYER_SLL] = cooked_read_sll,
	[LAYER_SLL2] = cooked_read_sll2,
	[LAYER_NFLOG] = cooked_read_nflog,
	[LAYER_PKTAP] = cooked_read_pktap,
	[LAYER_PPI] = cooked_read_ppi,
	[LAYER_IEEE80211] = ieee80211_read,
	[LAYER_RADIOTAP] = ieee80211_read_radiotap,
	[LAYER_PRISM] = ieee80211_read_prism,
	[LAYER_AVS] = ieee80211_read_avs,
	[LAYER_PPP] = ppp_read,
	[LAYER_PPP_LINK] = ppp_read_link,
	[LAYER_PPP_WITH_DIR] = ppp_read_with_dir,
	[LAYER_CHDLC] = ppp_read_chdlc,
	[LAYER_CHDLC_WITH_DIR] = ppp_read_chdlc_with_dir,
	[LAYER_PPPOE] = ppp_read_pppoe,
	[LAYER_VLAN] = tag_read_vlan,
	[LAYER_PBB] = tag_read_pbb,
	[LAYER_ETAG] = tag_read_etag,
	[LAYER_VNTAG] = tag_read_vntag,
	[LAYER_FABRICPATH] = tag_read_fabricpath,
	[LAYER_MACSEC] = tag_read_macsec,
	[LAYER_MPLS] = tag_read_mpls,
	[LAYER_IP] = ip_read,
	[LAYER_IPV4] = ip_read_v4,
	[LAYER_IPV6] = ip_read_v6,
	[LAYER_IPV6_OPTIONS] = ip_read_v6_options,
	[LAYER_IPV6_JUMBO] = ip_read_v6_jumbo,
	[LAYER_IPV6_ROUTING] = ip_read_v6_routing,
	[LAYER_IPV6_FRAGMENT] = ip_read_v6_fragment,
	[LAYER_AH] = ip_read_ah,
	[LAYER_ICMP_V4] = ip_read_icmp_v4,
	[LAYER_ICMP_V6] = ip_read_icmp_v6,
	[LAYER_UDP] = tunnel_read_udp,
	[LAYER_GRE] = tunnel_read_gre,
	[LAYER_ETHERIP] = tunnel_read_etherip,
	[LAYER_ERSPAN] = tunnel_read_erspan,
	[LAYER_WCCP] = tunnel_read_wccp,
	[LAYER_VXLAN] = tunnel_read_vxlan,
	[LAYER_VXLAN_GPE] = tunnel_read_vxlan_gpe,
	[LAYER_GENEVE] = tunnel_read_geneve,
	[LAYER_GTP_U] = tunnel_read_gtp_u,
	[LAYER_L2TP] = tunnel_read_l2tp,
	[LAYER_TEREDO] = tunnel_read_teredo,
	[LAYER_AYIYA] = tunnel_read_ayiya,
	[LAYER_NSH] = tunnel_read_nsh,
	[LAYER_TCP] = tcp_read,
};
static_assert(sizeof(readers) / sizeof(readers[0]) == LAYER_NREADERS,
    "every layer has a reader");
static_assert(LAYER_BAD - LAYER_IS_TCP == DECODE_BAD, "in the same order");

static const char *const names[] = {
	[DECODE_LINK_TYPE] = "link_type",
	[DECODE_TRUNCATED_LINK] = "truncated_link",
	[DECODE_BAD_LINK] = "bad_link",
	[DECODE_LINK_FRAGMENT] = "link_fragment",
	[DECODE_LINK_AGGREGATE] = "link_aggregate",
	[DECODE_TRUNCATED_IP] = "truncated_ip",
	[DECODE_BAD_IP_HEADER] = "bad_ip_header",
	[DECODE_BAD_IP_LENGTH] = "bad_ip_length",
	[DECODE_BAD_IP_EXTENSION] = "bad_ip_extension",
	[DECODE_BAD_FRAGMENT] = "bad_fragment",
	[DECODE_TRUNCATED_TUNNEL] = "truncated_tunnel",
	[DECODE_BAD_TUNNEL] = "bad_tunnel",
	[DECODE_TRUNCATED_TCP] = "truncated_tcp",
	[DECODE_BAD_TCP_HEADER] = "bad_tcp_header",
	[DECODE_TOO_DEEP] = "too_deep",
	[DECODE_ENCRYPTED] = "encrypted",
	[DECODE_COMPRESSED] = "compressed",
};
static_assert(sizeof(names) / sizeof(names[0]) == DECODE_NBADS,
    "every reason has a name");

const char *
decode_bad_name(enum decode_bad bad)
{
	return names[bad];
}

static enum decode_verdict
walk(struct layer_walk *w, enum layer next)
{
	unsigned headers = 0;

	while (next < LAYER_NREADERS) {
		if (++headers > DECODE_HEADERS_MAX)
			next = layer_bad(w, DECODE_TOO_DEEP);
		else
			next = readers[next](w);
	}
	return (enum decode_verdict)(next - LAYER_IS_TCP);
}

enum decode_verdict
decode_packet(const struct decode_frame *f, struct decode *d)
{
	struct layer_walk w = { .cut = f->wire_len - f->len, .out = d };

	assert(f->wire_len >= f->len);
	cursor_init(&w.in, f->data, f->len);
	d->depth = f->depth;
	return walk(&w, link_layer(&w, f->linktype));
}

/*
 * Was the header understood?  What follows may still be undecodable: that is
 * no fault of the header.
 */
static bool
is_passed(const struct layer_walk *w, const uint8_t *header, enum layer next)
{
	if (w->in.bad || w->in.p == header)
		return false;
	if (next != LAYER_BAD)
		return true;
	switch (w->out->bad) {
	case DECODE_LINK_TYPE:
	case DECODE_BAD_LINK:
	case DECODE_BAD_IP_HEADER:
	case DECODE_BAD_IP_LENGTH:
	case DECODE_BAD_IP_EXTENSION:
	case DECODE_BAD_TUNNEL:
	case DECODE_BAD_TCP_HEADER:
		return false;
	case DECODE_TRUNCATED_LINK:
	case DECODE_LINK_FRAGMENT:
	case DECODE_LINK_AGGREGATE:
	case DECODE_TRUNCATED_IP:
	case DECODE_BAD_FRAGMENT:
	case DECODE_TRUNCATED_TUNNEL:
	case DECODE_TRUNCATED_TCP:
	case DECODE_TOO_DEEP:
	case DECODE_ENCRYPTED:
	case DECODE_COMPRESSED:
		return true;
	}
	return false;
}

size_t
decode_path(
    const struct decode_frame *f, struct decode_step steps[DECODE_HEADERS_MAX])
{
	struct decode d = { .depth = f->depth };
	struct layer_walk w = { .cut = f->wire_len - f->len, .out = &d };
	enum layer next;
	size_t n = 0;

	assert(f->wire_len >= f->len);
	cursor_init(&w.in, f->data, f->len);
	next = link_layer(&w, f->linktype);
	for (unsigned i = 0; next < LAYER_NREADERS && i < DECODE_HEADERS_MAX;
	     i++) {
		struct decode_step s = { .header = w.in.p,
			.layer = (uint8_t)next };

		next = readers[next](&w);
		if (!is_passed(&w, s.header, next))
			continue;
		s.data = w.in.p;
		s.len = (uint32_t)cursor_left(&w.in);
		s.last = next == LAYER_NOT_TCP;
		steps[n++] = s;
	}
	return n;
}

enum decode_verdict
decode_datagram(const struct decode_datagram *g, struct decode *d)
{
	struct layer_walk w = { .cut = g->wire_len - g->len, .out = d };

	assert(g->wire_len >= g->len);
	cursor_init(&w.in, g->data, g->len);
	d->depth = g->depth;
	d->version = g->version;
	d->src = g->src;
	d->dst = g->dst;
	return walk(&w, ip_layer(&w, g->protocol));
}

bool
decode_checksum_fits(const struct decode *d)
{
	size_t addr_len = d->version == 4 ? 4 : 16;
	size_t len = d->header_len + (size_t)d->len;
	uint64_t sum;

	/* Cut within the options, @data is not behind the header's length. */
	if (d->len < d->wire_len || d->data != d->segment + d->header_len)
		return true;
	sum = checksum_add16(0, IP_PROTO_TCP);
	/* Of 32 bits in IPv6 (RFC 8200, section 8.1), and with offloading. */
	sum = checksum_add16(sum, (uint16_t)(len >> 16));
	sum = checksum_add16(sum, (uint16_t)len);
	sum = checksum_add(sum, d->src, addr_len);
	sum = checksum_add(sum, d->dst, addr_len);
	return checksum_finish(checksum_add(sum, d->segment, len)) == 0;
}
