#include <assert.h>

#include "base/bytes.h"

#include "wire/checksum.h"
#include "wire/tcp.h"

/* Kinds of options (RFC 9293 section 3.2, RFC 2018, RFC 7323). */
#define OPTION_NOP            1
#define OPTION_MSS            2
#define OPTION_WINDOW_SCALE   3
#define OPTION_SACK_PERMITTED 4

void
tcp_encode(uint8_t *to, const struct tcp_header *h)
{
	assert(h->header_len >= TCP_LEN && h->header_len <= 60 &&
	       h->header_len % 4 == 0);

	bytes_put_be16(to, h->sport);
	bytes_put_be16(to + 2, h->dport);
	bytes_put_be32(to + 4, h->seq);
	bytes_put_be32(to + 8, h->ack);
	to[12] = (uint8_t)(h->header_len / 4 << 4);
	to[13] = h->flags;
	bytes_put_be16(to + 14, h->window);
	bytes_put_be32(to + 16, 0);
}

void
tcp_encode_syn_options(uint8_t *to, uint16_t mss, uint8_t scale)
{
	assert(scale <= TCP_WINDOW_SCALE_MAX);

	to[0] = OPTION_MSS;
	to[1] = 4;
	bytes_put_be16(to + 2, mss);
	to[4] = OPTION_NOP;
	to[5] = OPTION_NOP;
	to[6] = OPTION_SACK_PERMITTED;
	to[7] = 2;
	to[8] = OPTION_NOP;
	to[9] = OPTION_WINDOW_SCALE;
	to[10] = 3;
	to[11] = scale;
}

void
tcp_seal(uint8_t *header, size_t len, uint64_t sum)
{
	bytes_put_be16(
	    header + 16, checksum_finish(checksum_add(sum, header, len)));
}
