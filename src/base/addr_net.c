#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/addr_net.h"
#include "base/err.h"
#include "base/quantity.h"

static unsigned
width(const struct addr *a)
{
	return a->family == AF_INET ? 32 : 128;
}

/* The first @bits of @a alone; the others are 0. */
static void
mask(struct addr *a, unsigned bits)
{
	for (unsigned i = 0; i < width(a) / 8; i++) {
		unsigned left = bits > 8 * i ? bits - 8 * i : 0;

		if (left < 8)
			a->ip[i] &= (uint8_t)(0xff00U >> left);
	}
}

static int
wrong(const char *text, struct err *err)
{
	return err_set(err, -EINVAL,
	    "\"%.64s\" is no address and no network, as in 192.0.2.7, "
	    "10.0.0.0/8 or 2001:db8::7",
	    text);
}

int
addr_net_parse(struct addr_net *net, const char *text, struct err *err)
{
	const char *slash = strchr(text, '/');
	char ip[ADDR_TEXT_MAX], buf[ADDR_TEXT_MAX];
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct addr_net made, masked;
	uint64_t bits;

	if (n >= sizeof(ip))
		return wrong(text, err);
	memcpy(ip, text, n);
	ip[n] = '\0';
	if (addr_parse_ip(&made.addr, ip) != 0)
		return wrong(text, err);
	bits = width(&made.addr);
	if (slash != NULL &&
	    quantity_parse(QUANTITY_COUNT, slash + 1,
		&(struct quantity_range){ 0, bits }, &bits, NULL) != 0)
		return wrong(text, err);
	made.bits = (unsigned)bits;
	masked = made;
	mask(&masked.addr, made.bits);
	if (!addr_same_ip(&masked.addr, &made.addr))
		return err_set(err, -EINVAL,
		    "\"%.64s\" has bits behind its prefix (did you mean "
		    "%s/%u?)",
		    text, addr_format_ip(&masked.addr, buf), made.bits);
	*net = made;
	return 0;
}

bool
addr_net_is_one(const struct addr_net *net)
{
	return net->bits == width(&net->addr);
}

bool
addr_net_has(const struct addr_net *net, const struct addr *a)
{
	struct addr masked = *a;

	if (a->family != net->addr.family)
		return false;
	mask(&masked, net->bits);
	return addr_same_ip(&masked, &net->addr);
}
