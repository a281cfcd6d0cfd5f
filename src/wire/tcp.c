#include <assert.h>

#include "base/bytes.h"

#include "wire/checksum.h"
#include "wire/tcp.h"

/* Kinds of options (RFC 9293 section 3.2, RFC 2018, RFC 7323). */
#define OPTION_END            0
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

/* A larger shift counts as the largest (RFC 7323, section 2.3). */
static uint8_t
read_scale(struct cursor options)
{
	while (cursor_left(&options) > 0) {
		uint8_t kind = cursor_u8(&options);
		uint8_t len;

		if (kind == OPTION_END)
			break;
		if (kind == OPTION_NOP)
			continue;
		len = cursor_u8(&options);
		if (kind == OPTION_WINDOW_SCALE && len == 3) {
			uint8_t scale = cursor_u8(&options);

			if (options.bad)
				break;
			return scale < TCP_WINDOW_SCALE_MAX
				   ? scale
				   : TCP_WINDOW_SCALE_MAX;
		}
		if (len < 2 || !cursor_skip(&options, len - 2U))
			break;
	}
	return TCP_NO_WINDOW_SCALE;
}

/* Options, as far as they were captured: all of @len bytes were sent. */
static void
read_options(struct layer_walk *w, uint32_t len)
{
	struct cursor options = w->in;
	uint32_t left = (uint32_t)cursor_left(&w->in);

	cursor_limit(&options, len);
	if ((w->out->flags & TCP_FLAG_SYN) != 0)
		w->out->scale = read_scale(options);
	if (len > left) {
		w->cut -= len - left;
		len = left;
	}
	(void)cursor_skip(&w->in, len); /* fits: it was cut to what is there */
}

enum layer
tcp_read(struct layer_walk *w)
{
	struct decode *d = w->out;
	uint64_t sent = layer_wire_left(w);
	const uint8_t *p = cursor_take(&w->in, TCP_LEN);

	if (p == NULL)
		return layer_bad(w, sent < TCP_LEN ? DECODE_BAD_TCP_HEADER
						   : DECODE_TRUNCATED_TCP);
	d->segment = p;
	d->sport = bytes_get_be16(p);
	d->dport = bytes_get_be16(p + 2);
	d->seq = bytes_get_be32(p + 4);
	d->ack = bytes_get_be32(p + 8);
	d->header_len = (uint8_t)(p[12] >> 4 << 2);
	d->flags = p[13];
	d->window = bytes_get_be16(p + 14);
	d->scale = TCP_NO_WINDOW_SCALE;
	if (d->header_len < TCP_LEN || d->header_len > sent)
		return layer_bad(w, DECODE_BAD_TCP_HEADER);
	if (d->header_len > TCP_LEN)
		read_options(w, d->header_len - TCP_LEN);
	d->data = w->in.p;
	d->len = (uint32_t)cursor_left(&w->in);
	d->wire_len = d->len + w->cut;
	return LAYER_IS_TCP;
}
