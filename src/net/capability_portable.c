#include <errno.h>

#include "base/err.h"
#include "net/capability.h"

void
capability_forget(void)
{
}

int
capability_drop(struct err *err)
{
	return err_set(err, -ENOTSUP, "this system has no capabilities");
}

int
capability_no_new(struct err *err)
{
	return err_set(err, -ENOTSUP, "this system has no no-new-privileges");
}
