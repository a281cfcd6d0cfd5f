#ifndef WIRE_COMMUNITY_ID_H
#define WIRE_COMMUNITY_ID_H

#include <stdbool.h>

#include "base/addr.h"

/*
 * community_id.h - the Community ID flow hash, version 1, seed 0
 * (github.com/corelight/community-id-spec): the same text for the same
 * conversation in Zeek, Suricata, Wireshark and here.
 */

/* "1:" and 28 characters of base64, and a NUL. */
#define COMMUNITY_ID_MAX 32

/**
 * community_id_format() - Make the text for a TCP conversation
 *
 * Return: false, and "" in @buf, when there is none: a UNIX or unknown
 *	   address, or two families
 */
bool community_id_format(const struct addr *client, const struct addr *server,
    char buf[COMMUNITY_ID_MAX]);

#endif /* WIRE_COMMUNITY_ID_H */
