#ifndef WIRE_ORDER_H
#define WIRE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/*
 * order.h - numbers whose byte order is known only when a file is read.
 *
 * Capture files are written in the order of the machine that captured, and
 * say which in their magic number.  As in bytes.h nothing is checked here:
 * whoever calls has seen to it that the bytes are there.
 */

/** order_get16() - 2 bytes, the most significant first if @big. */
static inline uint16_t
order_get16(bool big, const uint8_t *p)
{
	return big ? bytes_get_be16(p) : bytes_get_le16(p);
}

/** order_get32() - Likewise, 4 bytes. */
static inline uint32_t
order_get32(bool big, const uint8_t *p)
{
	return big ? bytes_get_be32(p) : bytes_get_le32(p);
}

/** order_get64() - Likewise, 8 bytes. */
static inline uint64_t
order_get64(bool big, const uint8_t *p)
{
	if (!big)
		return bytes_get_le64(p);
	return (uint64_t)bytes_get_be32(p) << 32 | bytes_get_be32(p + 4);
}

#endif /* WIRE_ORDER_H */
