#include <assert.h>

#include "base/attr.h"

#include "core/dir.h"

const char *
dir_name(enum dir d)
{
	static const char *const name[] = {
		[DIR_CLIENT] = "c2s",
		[DIR_SERVER] = "s2c",
	};
	static_assert(ATTR_COUNT(name) == DIR_NDIRS, "a name per direction");

	assert(d < DIR_NDIRS);
	return name[d];
}
