#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * siphash.h - a keyed hash, for tables whose keys others choose.
 *
 * SipHash-1-3 (Aumasson and Bernstein, 2012; the variant with one round per
 * word and three at the end, as hash tables use it): who does not know the
 * key cannot make keys that fall into one bucket.
 */

/** struct siphash_key - Secret; two little-endian words. */
struct siphash_key {
	uint64_t word[2];
};

/**
 * siphash_key_make() - A key that nobody can guess
 *
 * Return: 0 or -errno of getentropy(3)
 */
int siphash_key_make(struct siphash_key *key) ATTR_WUNRES;

/** siphash() - The hash of @len bytes under @key. */
uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif /* BASE_SIPHASH_H */
