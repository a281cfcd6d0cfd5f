#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/attr.h"

#include "core/session.h"
#include "core/sink.h"

static bool
same_host(const struct addr *want, const struct addr *got)
{
	return want->family == AF_UNSPEC || addr_same_ip(want, got);
}

bool
sink_matches(const struct sink *sink, const struct session *s)
{
	const struct sink_match *m = &sink->match;

	if (m->port != 0 && m->port != s->server.port &&
	    m->port != s->client.port)
		return false;
	return same_host(&m->client, &s->client) &&
	       same_host(&m->server, &s->server);
}

static const char *const policy_name[] = {
	[ON_FULL_DROP] = "drop",
	[ON_FULL_PAUSE] = "pause",
	[ON_FULL_CLOSE] = "close",
};
#define NPOLICIES (ON_FULL_CLOSE + 1)
static_assert(ATTR_COUNT(policy_name) == NPOLICIES, "a name per policy");

int
sink_on_full_parse(const char *text, enum on_full *policy)
{
	for (unsigned i = 0; i < NPOLICIES; i++) {
		if (strcmp(text, policy_name[i]) == 0) {
			*policy = (enum on_full)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *
sink_on_full_name(enum on_full policy)
{
	assert(policy < NPOLICIES);
	return policy_name[policy];
}
