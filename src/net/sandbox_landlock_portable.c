#include <errno.h>
#include <stddef.h>

#include "base/err.h"
#include "net/sandbox_landlock.h"

int
sandbox_landlock_version(void)
{
	return -ENOSYS;
}

struct sandbox_landlock *
sandbox_landlock_new(struct err *err)
{
	(void)err_set(err, -ENOSYS, "this system has no Landlock");
	return NULL;
}

int
sandbox_landlock_allow(
    struct sandbox_landlock *l, const char *path, enum sandbox_landlock_use use)
{
	(void)l;
	(void)path;
	(void)use;
	return -ENOSYS;
}

int
sandbox_landlock_enter(struct sandbox_landlock *l, struct err *err)
{
	(void)l;
	return err_set(err, -ENOSYS, "this system has no Landlock");
}

int
sandbox_landlock_find(const struct sandbox_landlock *l, const char *path)
{
	(void)l;
	(void)path;
	return 0;
}

void
sandbox_landlock_free(struct sandbox_landlock *l)
{
	(void)l;
}
