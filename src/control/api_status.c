#include <errno.h>
#include <stddef.h>

#include "base/attr.h"
#include "control/api_status.h"

/* EDQUOT is the user's share of the disk. */
static const struct row {
	int error;
	unsigned status;
} rows[] = {
	{ EACCES, 403 },
	{ EPERM, 403 },
	{ EROFS, 403 },
	{ EEXIST, 409 },
	{ EBUSY, 409 },
	{ EADDRINUSE, 409 },
	{ ENOTSUP, 409 },
	{ E2BIG, 409 },
	{ EINVAL, 422 },
	{ ENOTDIR, 422 },
	{ EISDIR, 422 },
	{ ENAMETOOLONG, 422 },
	{ ELOOP, 422 },
	{ ENXIO, 422 },
	{ EADDRNOTAVAIL, 422 },
	{ ENOMEM, 503 },
	{ ENOBUFS, 503 },
	{ EMFILE, 503 },
	{ ENFILE, 503 },
	{ EAGAIN, 503 },
	{ ESHUTDOWN, 503 },
	{ ENOSPC, 507 },
	{ EDQUOT, 507 },
};

unsigned
api_status(int error, bool is_new)
{
	if (error == -ENOENT)
		return is_new ? 422 : 404;
	for (size_t i = 0; i < ATTR_COUNT(rows); i++)
		if (rows[i].error == -error)
			return rows[i].status;
	return 500;
}
