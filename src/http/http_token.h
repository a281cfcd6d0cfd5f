#ifndef HTTP_HTTP_TOKEN_H
#define HTTP_HTTP_TOKEN_H

#include <stdbool.h>

#include "base/attr.h"

/*
 * http_token.h - the secret that a client of the control plane has to know
 * (RFC 6750: Authorization: Bearer TOKEN).
 */

struct err;

/* Of 256 random bits: the characters of base64url without padding. */
#define HTTP_TOKEN_RANDOM 43

/* Bounds of one that is read from a file. */
#define HTTP_TOKEN_MIN 16
#define HTTP_TOKEN_MAX 512

/** struct http_token - The secret; zeroed: nobody is asked for one. */
struct http_token {
	char text[HTTP_TOKEN_MAX + 1];
};

/** http_token_make() - 256 bits from the kernel; 0 or -errno with @err. */
int http_token_make(struct http_token *t, struct err *err) ATTR_WUNRES;

/**
 * http_token_read() - The first line of a file
 * @open_to_all: Set: others than the owner may read the file
 *
 * Letters, digits and -._~+/= as RFC 6750 has them; blanks around it are left
 * out.
 *
 * Return: 0; -EINVAL: what is there is no token; another -errno; with @err
 */
int http_token_read(struct http_token *t, const char *path, bool *open_to_all,
    struct err *err) ATTR_WUNRES;

/**
 * http_token_fits() - Does what a client sent open the door?
 * @authorization: The header's value; NULL: there was none
 *
 * Takes as long for a wrong token as for the right one.
 */
bool http_token_fits(const struct http_token *t, const char *authorization);

#endif /* HTTP_HTTP_TOKEN_H */
