#include <assert.h>

#include "base/attr.h"

#include "core/event.h"

const char *
event_how_name(enum how how)
{
	static const char *const name[] = {
		[HOW_FIN] = "fin",
		[HOW_STOP] = "stop",
		[HOW_LIMIT] = "limit",
		[HOW_EVICTED] = "evicted",
		[HOW_TIMEOUT] = "timeout",
		[HOW_RST] = "rst",
		[HOW_ERROR] = "error",
		[HOW_REFUSED] = "refused",
	};
	static_assert(ATTR_COUNT(name) == HOW_NHOWS, "a name per enum how");

	assert(how < HOW_NHOWS);
	return name[how];
}

const char *
event_party_name(enum party p)
{
	static const char *const name[] = {
		[PARTY_CLIENT] = "client",
		[PARTY_SERVER] = "server",
		[PARTY_US] = "us",
	};
	static_assert(ATTR_COUNT(name) == PARTY_NPARTIES, "a name per party");

	assert(p < PARTY_NPARTIES);
	return name[p];
}

const char *
event_gap_name(enum gap_why why)
{
	static const char *const name[] = {
		[GAP_LOST] = "lost",
		[GAP_BUDGET] = "budget",
		[GAP_SNAPLEN] = "snaplen",
		[GAP_QUEUE] = "queue",
	};
	static_assert(ATTR_COUNT(name) == GAP_NWHYS, "a name per gap_why");

	assert(why < GAP_NWHYS);
	return name[why];
}
