#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "config/plan.h"
#include "net/privilege.h"
#include "run/become.h"

/* As daemon(3), once the listeners are open and before any thread is. */
static int
go_to_background(struct err *err)
{
	return daemon(0, 0) == 0
		   ? 0
		   : err_set(err, -errno, "cannot go to the background: %s",
			 strerror(errno));
}

static int
drop_privileges(const struct plan *p, struct err *err)
{
	if (p->user != NULL)
		return privilege_become(p->user, err);
	return privilege_real(err);
}

/* As any other output: as the user that the run is, once that is settled. */
static int
open_log(const struct plan *p, struct err *err)
{
	if (p->log.file == NULL)
		return 0;
	return log_open_file(p->log.file, p->log.file_level, err);
}

int
become_run(const struct plan *p, struct err *err)
{
	int rc = drop_privileges(p, err);

	if (rc == 0 && p->daemon)
		rc = go_to_background(err);
	if (rc == 0)
		rc = open_log(p, err);
	return rc;
}
