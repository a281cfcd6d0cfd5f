#include <assert.h>
#include <errno.h>

#include "base/bytes.h"

#include "wire/decode.h"
#include "wire/ip.h"
#include "wire/layer.h"
#include "wire/peel.h"

/**
 * struct kind - A layer that can be asked for
 * @type:	gopacket's number of it (layers/layertypes.go)
 * @layer:	Whose reader passes the same header
 * @fixed:	Length of that header, where the reader passes more; else 0
 * @guessed:	Known by a port alone: it is one if something is found in it
 */
struct kind {
	uint16_t type;
	uint8_t layer;
	uint8_t fixed;
	bool guessed;
};

#define KINDS(X)                                                               \
	X(15, LAYER_VLAN, 0, false, "802.1Q")                                  \
	X(16, LAYER_ETHERIP, 0, false, "EtherIP")                              \
	X(17, LAYER_ETHERNET, 0, false, "Ethernet")                            \
	X(18, LAYER_GRE, 0, false, "GRE")                                      \
	X(19, LAYER_ICMP_V4, 0, false, "ICMPv4")                               \
	X(20, LAYER_IPV4, 0, false, "IPv4")                                    \
	X(21, LAYER_IPV6, 0, false, "IPv6")                                    \
	X(24, LAYER_MPLS, 4, false, "MPLS")                                    \
	X(25, LAYER_PPP, 0, false, "PPP")                                      \
	X(26, LAYER_PPPOE, 0, false, "PPPoE")                                  \
	X(44, LAYER_TCP, 0, false, "TCP")                                      \
	X(45, LAYER_UDP, 0, false, "UDP")                                      \
	X(48, LAYER_IPV6_FRAGMENT, 0, false, "IPv6 fragment")                  \
	X(50, LAYER_AH, 0, false, "AH")                                        \
	X(54, LAYER_NULL, 0, false, "BSD loopback")                            \
	X(57, LAYER_ICMP_V6, 0, false, "ICMPv6")                               \
	X(113, LAYER_SLL, 0, false, "Linux cooked")                            \
	X(116, LAYER_VXLAN, 0, true, "VXLAN")                                  \
	X(120, LAYER_GENEVE, 0, true, "Geneve")                                \
	X(129, LAYER_GTP_U, 0, true, "GTP-U")

#define ROW(type, layer, fixed, guessed, name)  { type, layer, fixed, guessed },
#define TEXT(type, layer, fixed, guessed, name) ", " #type " (" name ")"

static const struct kind kinds[] = { KINDS(ROW) };
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))
static_assert(NKINDS <= 32, "a bit for each");

static const char list[] = KINDS(TEXT);

int
peel_add(struct peel_layers *l, uint64_t type)
{
	for (unsigned i = 0; i < NKINDS; i++) {
		if (kinds[i].type == type) {
			l->known |= UINT32_C(1) << i;
			return 0;
		}
	}
	return -EINVAL;
}

bool
peel_is_listed(const struct peel_layers *l)
{
	return l->known != 0;
}

const char *
peel_list(void)
{
	return list + 2; /* without the first comma */
}

/* The row of a step, if it is on the list; else NULL. */
static const struct kind *
kind_of(const struct peel_layers *l, const struct decode_step *s)
{
	for (unsigned i = 0; i < NKINDS; i++) {
		if (kinds[i].layer != s->layer)
			continue;
		if ((l->known >> i & 1) == 0 || (kinds[i].guessed && s->last))
			return NULL;
		return &kinds[i];
	}
	return NULL;
}

static bool
is_ip(const struct decode_step *s)
{
	return s->layer == LAYER_IPV4 || s->layer == LAYER_IPV6;
}

/*
 * Where the payload of step @i ends: below IP, where the IP packet does that it
 * brings.
 */
static const uint8_t *
end_of(const struct decode_step *steps, size_t n, size_t i)
{
	const uint8_t *end = steps[i].data + steps[i].len;

	if (steps[i].layer >= LAYER_IP)
		return end;
	while (++i < n && steps[i].layer < LAYER_IP)
		continue;
	if (i == n || !is_ip(&steps[i]))
		return end;
	return steps[i].data + steps[i].len;
}

/*
 * The IP header that @at lies in, or, below the first one, that one; @n if
 * there is none.
 */
static size_t
ip_around(const struct decode_step *steps, size_t n, size_t at)
{
	for (size_t i = at; i > 0; i--) {
		if (is_ip(&steps[i - 1]))
			return i - 1;
	}
	while (at < n && !is_ip(&steps[at]))
		at++;
	return at;
}

/* From whom and to whom: the IP header, and what it carries. */
static void
find_ends(
    struct peel *out, const struct decode_step *steps, size_t n, size_t at)
{
	size_t i = ip_around(steps, n, at);
	const uint8_t *p;

	out->version = 0;
	out->sport = out->dport = 0;
	if (i == n)
		return;
	p = steps[i].header;
	out->version = steps[i].layer == LAYER_IPV4 ? 4 : 6;
	out->src = p + (out->version == 4 ? 12 : 8);
	out->dst = p + (out->version == 4 ? 16 : 24);
	while (++i < n && !is_ip(&steps[i])) {
		if (steps[i].layer != LAYER_TCP && steps[i].layer != LAYER_UDP)
			continue;
		out->sport = bytes_get_be16(steps[i].header);
		out->dport = bytes_get_be16(steps[i].header + 2);
		return;
	}
}

/* The innermost step that is listed, counted from 1; 0: none is. */
static size_t
innermost(const struct peel_layers *l, const struct decode_step *steps,
    size_t n, const struct kind **kind)
{
	while (n > 0) {
		*kind = kind_of(l, &steps[n - 1]);
		if (*kind != NULL)
			break;
		n--;
	}
	return n;
}

bool
peel_packet(
    const struct peel_layers *l, const struct decode_frame *f, struct peel *out)
{
	struct decode_step steps[DECODE_HEADERS_MAX];
	struct decode_frame all = *f;
	const struct kind *kind = NULL;
	const struct decode_step *s;
	size_t n, at = 0;

	all.depth = DECODE_HEADERS_MAX;
	n = decode_path(&all, steps);
	if (!peel_is_listed(l)) {
		out->data = f->data;
		out->len = f->len;
	} else {
		at = innermost(l, steps, n, &kind);
		if (at == 0)
			return false;
		s = &steps[at - 1];
		out->data = kind->fixed > 0 ? s->header + kind->fixed : s->data;
		out->len = (uint32_t)(end_of(steps, n, at - 1) - out->data);
	}
	find_ends(out, steps, n, at);
	return true;
}
