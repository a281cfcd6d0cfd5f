#include <errno.h>

#include "base/err.h"
#include "source/capture_fanout.h"

int
capture_fanout_join(int fd, int *group, struct err *err)
{
	(void)fd;
	(void)group;
	return err_set(err, -ENOTSUP,
	    "packets cannot be shared out to several workers here: "
	    "say --workers 1");
}
