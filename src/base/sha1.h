#ifndef BASE_SHA1_H
#define BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

/*
 * sha1.h - SHA-1 (RFC 3174), for names and handshakes that are defined by it
 * (Community ID).  It protects nothing.
 */

#define SHA1_LEN 20

/** sha1_digest() - The hash of @len bytes; meant for short messages. */
void sha1_digest(uint8_t digest[SHA1_LEN], const void *data, size_t len);

#endif /* BASE_SHA1_H */
