#include <assert.h>
#include <string.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/sha1.h"

#include "wire/community_id.h"
#include "wire/ip.h"

/* seed:16 lower:ip higher:ip protocol:8 0:8 lower:16 higher:16 */
#define MESSAGE_MAX (2 + 16 + 16 + 2 + 2 + 2)

/* Base64 turns each 3 bytes, the last ones padded, into 4 characters. */
#define TEXT_LEN (2 + (SHA1_LEN + 2) / 3 * 4)
static_assert(TEXT_LEN < COMMUNITY_ID_MAX, "the text and its NUL must fit");

/* Both directions must give the same text: the lesser end comes first. */
static bool
is_ordered(const struct addr *a, const struct addr *b, size_t ip_len)
{
	int order = memcmp(a->ip, b->ip, ip_len);

	return order < 0 || (order == 0 && a->port < b->port);
}

bool
community_id_format(const struct addr *client, const struct addr *server,
    char buf[COMMUNITY_ID_MAX])
{
	size_t ip_len = client->family == AF_INET ? 4 : 16;
	const struct addr *low, *high;
	uint8_t message[MESSAGE_MAX] = { 0 }; /* and seed 0 */
	uint8_t digest[SHA1_LEN];
	uint8_t *p = message + 2;

	buf[0] = '\0';
	if (client->family != server->family ||
	    (client->family != AF_INET && client->family != AF_INET6))
		return false;
	low = is_ordered(client, server, ip_len) ? client : server;
	high = low == client ? server : client;
	memcpy(p, low->ip, ip_len);
	memcpy(p + ip_len, high->ip, ip_len);
	p += 2 * ip_len;
	p[0] = IP_PROTO_TCP;
	bytes_put_be16(p + 2, low->port);
	bytes_put_be16(p + 4, high->port);
	p += 6;
	sha1_digest(digest, message, (size_t)(p - message));
	memcpy(buf, "1:", 2);
	base64_encode(buf + 2, digest, sizeof(digest));
	buf[TEXT_LEN] = '\0';
	return true;
}
