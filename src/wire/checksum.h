#ifndef WIRE_CHECKSUM_H
#define WIRE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * checksum.h - the Internet checksum (RFC 1071).
 *
 * The sum is kept in the byte order of this machine and in 64 bits: neither
 * the order nor the width of the words changes the result once the carries
 * are folded back in (RFC 1071, section 2).  A running sum starts as 0 and
 * never overflows on anything that fits into memory.
 */

/**
 * checksum_add() - Add bytes to a running sum
 * @sum:	0, or what an earlier call returned
 * @data:	Any alignment; begins at an even offset of what is summed
 * @len:	Any; an odd number is padded with a zero byte, so nothing may
 *		follow it but through checksum_shift()
 *
 * Return: the new running sum
 */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);

/** checksum_add16() - Add a number as if it stood there in network order. */
uint64_t checksum_add16(uint64_t sum, uint16_t value);

/**
 * checksum_shift() - Make a sum of bytes that begin at an odd offset
 * @sum:	Their sum as if they began at an even one
 *
 * The whole is checksum_shift(sum of the rest) + sum of the odd beginning.
 */
uint64_t checksum_shift(uint64_t sum);

/**
 * checksum_finish() - Fold and complement
 *
 * Return: the value of the checksum field, in host order.  Over data that
 *	   holds a correct checksum the result is 0.
 */
uint16_t checksum_finish(uint64_t sum);

#endif /* WIRE_CHECKSUM_H */
