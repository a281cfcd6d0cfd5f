#include <assert.h>
#include <string.h>

#include "base/bytes.h"

#include "wire/checksum.h"
#include "wire/ip.h"

static size_t
encode_v4(uint8_t *to, const struct ip_header *h)
{
	assert(h->payload <= IP_V4_PAYLOAD_MAX);

	to[0] = 0x45; /* version 4, five words */
	to[1] = 0;    /* no differentiated service */
	bytes_put_be16(to + 2, (uint16_t)(IP_V4_LEN + h->payload));
	bytes_put_be16(to + 4, h->id);
	bytes_put_be16(to + 6, h->dont_fragment ? 0x4000 : 0);
	to[8] = h->ttl;
	to[9] = h->protocol;
	bytes_put_be16(to + 10, 0);
	memcpy(to + 12, h->src, 4);
	memcpy(to + 16, h->dst, 4);
	bytes_put_be16(
	    to + 10, checksum_finish(checksum_add(0, to, IP_V4_LEN)));
	return IP_V4_LEN;
}

static size_t
encode_v6(uint8_t *to, const struct ip_header *h)
{
	bytes_put_be32(to, 0x60000000); /* version 6, no class, no flow label */
	bytes_put_be16(to + 4, h->payload);
	to[6] = h->protocol;
	to[7] = h->ttl;
	memcpy(to + 8, h->src, 16);
	memcpy(to + 24, h->dst, 16);
	return IP_V6_LEN;
}

size_t
ip_encode(uint8_t *to, const struct ip_header *h)
{
	assert(h->version == 4 || h->version == 6);
	return h->version == 4 ? encode_v4(to, h) : encode_v6(to, h);
}

uint64_t
ip_pseudo_sum(const struct ip_header *h)
{
	size_t len = h->version == 4 ? 4 : 16;
	uint64_t sum = checksum_add16(0, h->protocol);

	sum = checksum_add(sum, h->src, len);
	return checksum_add(sum, h->dst, len);
}
