#ifndef CORE_LOCALS_H
#define CORE_LOCALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr_net.h"
#include "base/attr.h"

/*
 * locals.h - which end of a session is the local one, for those who see it so.
 *
 * Stethoscope's users name the addresses here and the addresses there; "c2s" is
 * what is sent from here, whoever opened the connection.
 */

struct err;

/* Networks that may be named. */
#define LOCALS_MAX 64

/**
 * struct locals - Where "here" is; all zeros: wherever the client is
 * @net:	@n of them
 * @remote_port: Of the other end; 0: any.  Decides when the addresses do not:
 *		both ends are local, or neither is.
 */
struct locals {
	struct addr_net net[LOCALS_MAX];
	size_t n;
	uint16_t remote_port;
};

/**
 * locals_add() - One more network
 *
 * Return: 0; -EINVAL with @err: it is no network, or one too many
 */
int locals_add(struct locals *l, const char *text, struct err *err) ATTR_WUNRES;

/** locals_parse() - Several, with blanks between; 0 or -EINVAL with @err. */
int locals_parse(
    struct locals *l, const char *text, struct err *err) ATTR_WUNRES;

/** locals_is_client() - Is the client the local end?  Else the server is. */
bool locals_is_client(const struct locals *l, const struct addr *client,
    const struct addr *server);

#endif /* CORE_LOCALS_H */
