#include <assert.h>

#include "base/attr.h"

#include "core/count.h"

const char *
count_drop_name(enum drop_reason r)
{
	static const char *const name[] = {
		[DROP_QUEUE_FULL] = "queue_full",
		[DROP_NO_CONSUMER] = "no_consumer",
		[DROP_STARTUP_FULL] = "startup_full",
		[DROP_CLOSING] = "closing",
		[DROP_WRITE_ERROR] = "write_error",
		[DROP_GONE] = "gone",
	};
	static_assert(ATTR_COUNT(name) == DROP_NREASONS, "a name per reason");

	assert(r < DROP_NREASONS);
	return name[r];
}
