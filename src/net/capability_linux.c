#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <cap-ng.h>
#include <sys/prctl.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/capability.h"

void
capability_forget(void)
{
	if (capng_get_caps_process() != 0 ||
	    capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 0)
		return;
	capng_clear(CAPNG_SELECT_BOUNDS);
	/* As the header says, this is a second lock on the same door. */
	(void)capng_apply(CAPNG_SELECT_BOUNDS);
}

/* Of @cap; only root has files of others to write to. */
static bool
is_kept(unsigned cap)
{
	if (capng_have_capability(CAPNG_PERMITTED, cap) == 0)
		return false;
	return cap == CAP_NET_BIND_SERVICE || geteuid() == 0;
}

static int
add(unsigned cap)
{
	return capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, cap) |
	       capng_update(CAPNG_ADD, CAPNG_PERMITTED, cap);
}

int
capability_drop(struct err *err)
{
	static const unsigned useful[] = { CAP_NET_BIND_SERVICE,
		CAP_DAC_OVERRIDE };
	bool kept[ATTR_COUNT(useful)];
	int rc = 0;

	capability_forget();
	if (capng_get_caps_process() != 0)
		return err_set(
		    err, -EIO, "the system does not tell its capabilities");
	for (size_t i = 0; i < ATTR_COUNT(useful); i++)
		kept[i] = is_kept(useful[i]);
	capng_clear(CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < ATTR_COUNT(useful); i++)
		if (kept[i])
			rc |= add(useful[i]);
	errno = 0;
	if (rc == 0)
		rc = capng_apply(CAPNG_SELECT_CAPS);
	if (rc == 0)
		return 0;
	rc = errno != 0 ? errno : EPERM;
	return err_set(
	    err, -rc, "capabilities cannot be dropped: %s", strerror(rc));
}

int
capability_no_new(struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		return 0;
	return err_set(err, -errno, "no-new-privileges cannot be set: %s",
	    strerror(errno));
}
