#include <errno.h>

#include "base/err.h"
#include "net/sandbox_seccomp.h"

int
sandbox_seccomp_enter(bool kills, struct err *err)
{
	(void)kills;
	return err_set(err, -ENOTSUP, "this system has no seccomp");
}
