#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>

/*
 * bytes.h - numbers in memory, in a stated byte order and at any alignment.
 *
 * Nothing is checked here: writers have made their room before, and readers
 * of outside bytes go through a checked cursor.  Compilers turn each of these
 * into one move, with a byte swap where needed.
 */

/** bytes_put_be16() - Most significant byte first: network order. */
static inline void
bytes_put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/** bytes_put_be32() - Likewise, 4 bytes. */
static inline void
bytes_put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/** bytes_put_be64() - Likewise, 8 bytes. */
static inline void
bytes_put_be64(uint8_t *p, uint64_t v)
{
	bytes_put_be32(p, (uint32_t)(v >> 32));
	bytes_put_be32(p + 4, (uint32_t)v);
}

/** bytes_put_le16() - Least significant byte first. */
static inline void
bytes_put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

/** bytes_put_le32() - Likewise, 4 bytes. */
static inline void
bytes_put_le32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)(v >> 16);
	p[3] = (uint8_t)(v >> 24);
}

/** bytes_put_le64() - Likewise, 8 bytes. */
static inline void
bytes_put_le64(uint8_t *p, uint64_t v)
{
	bytes_put_le32(p, (uint32_t)v);
	bytes_put_le32(p + 4, (uint32_t)(v >> 32));
}

/** bytes_get_be16() - The number that bytes_put_be16() wrote. */
static inline uint16_t
bytes_get_be16(const uint8_t *p)
{
	return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

/** bytes_get_be32() - The number that bytes_put_be32() wrote. */
static inline uint32_t
bytes_get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/** bytes_get_be64() - Likewise, 8 bytes. */
static inline uint64_t
bytes_get_be64(const uint8_t *p)
{
	return (uint64_t)bytes_get_be32(p) << 32 | bytes_get_be32(p + 4);
}

/** bytes_get_le16() - The number that bytes_put_le16() wrote. */
static inline uint16_t
bytes_get_le16(const uint8_t *p)
{
	return (uint16_t)((unsigned)p[1] << 8 | p[0]);
}

/** bytes_get_le32() - The number that bytes_put_le32() wrote. */
static inline uint32_t
bytes_get_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[1] << 8 | p[0];
}

/** bytes_get_le64() - The number that bytes_put_le64() wrote. */
static inline uint64_t
bytes_get_le64(const uint8_t *p)
{
	return (uint64_t)bytes_get_le32(p + 4) << 32 | bytes_get_le32(p);
}

#endif /* BASE_BYTES_H */
