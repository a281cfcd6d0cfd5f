#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "control/api_status.h"

static void
each_reason_has_its_status(void **state)
{
	static const struct {
		unsigned status;
		int errors[8];
	} rows[] = {
		{ 403, { EACCES, EPERM, EROFS } },
		{ 404, { ENOENT } },
		{ 409, { EEXIST, EBUSY, EADDRINUSE, ENOTSUP, E2BIG } },
		{ 422,
		    { EINVAL, ENOTDIR, EISDIR, ENAMETOOLONG, ELOOP, ENXIO } },
		{ 500, { EIO, ETIMEDOUT, ENODEV } },
		{ 503, { ENOMEM, EMFILE, ENFILE, EAGAIN, ESHUTDOWN } },
		{ 507, { ENOSPC, EDQUOT } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (const int *e = rows[i].errors; *e != 0; e++)
			assert_int_equal(
			    api_status(-*e, false), rows[i].status);
}

/* What is not there is what the text names. */
static void
new_ones_cannot_be_missing(void **state)
{
	(void)state;
	assert_int_equal(api_status(-ENOENT, true), 422);
	assert_int_equal(api_status(-EEXIST, true), 409);
	assert_int_equal(api_status(-EIO, true), 500);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason_has_its_status),
		cmocka_unit_test(new_ones_cannot_be_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
