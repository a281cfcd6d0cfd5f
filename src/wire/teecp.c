#include <string.h>

#include "base/bytes.h"

#include "wire/teecp.h"

/* Where the fields lie. */
#define AT_SRC   4
#define AT_SPORT 20
#define AT_DST   24
#define AT_DPORT 40

void
teecp_address(uint8_t to[16], unsigned version, const uint8_t *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (version == 6) {
		memcpy(to, ip, 16);
		return;
	}
	memcpy(to, mapped, sizeof(mapped));
	memcpy(to + sizeof(mapped), ip, 4);
}

void
teecp_put(uint8_t to[TEECP_HEADER_LEN], const struct teecp_header *header)
{
	bytes_put_be32(to, header->len);
	memcpy(to + AT_SRC, header->src, 16);
	bytes_put_be32(to + AT_SPORT, header->sport);
	memcpy(to + AT_DST, header->dst, 16);
	bytes_put_be32(to + AT_DPORT, header->dport);
}

bool
teecp_take(struct cursor *c, struct teecp_header *header)
{
	const uint8_t *p = cursor_take(c, TEECP_HEADER_LEN);

	if (p == NULL)
		return false;
	header->len = bytes_get_be32(p);
	memcpy(header->src, p + AT_SRC, 16);
	header->sport = bytes_get_be32(p + AT_SPORT);
	memcpy(header->dst, p + AT_DST, 16);
	header->dport = bytes_get_be32(p + AT_DPORT);
	return true;
}
