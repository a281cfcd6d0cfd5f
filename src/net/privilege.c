#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "net/capability.h"
#include "net/privilege.h"

/** struct who - A user, as the system calls want it. */
struct who {
	uid_t uid;
	gid_t gid;
	char name[64];
};

static bool
find_number(const char *user, struct who *who)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(user, &end, 10);
	if (errno != 0 || end == user || *end != '\0' || number >= (uid_t)-1)
		return false;
	who->uid = (uid_t)number;
	who->gid = (gid_t)number;
	return true;
}

/* Before threads start, so getpwnam() will do. */
static int
find(const char *user, struct who *who, struct err *err)
{
	const struct passwd *pw = getpwnam(user);

	memset(who, 0, sizeof(*who));
	if (pw == NULL && find_number(user, who))
		pw = getpwuid(who->uid);
	if (pw != NULL) {
		who->uid = pw->pw_uid;
		who->gid = pw->pw_gid;
		if (strlen(pw->pw_name) < sizeof(who->name))
			memcpy(who->name, pw->pw_name, strlen(pw->pw_name) + 1);
		return 0;
	}
	if (find_number(user, who))
		return 0;
	return err_set(err, -EINVAL,
	    "there is no user \"%s\" on this machine; give a name or a number",
	    user);
}

static int
set_groups(const struct who *who)
{
	if (geteuid() != 0)
		return 0; /* only root may, and only root has any to lose */
	if (who->name[0] != '\0')
		return initgroups(who->name, who->gid) == 0 ? 0 : -errno;
	return setgroups(1, &who->gid) == 0 ? 0 : -errno;
}

static int
set_ids(const struct who *who, struct err *err)
{
	int rc = set_groups(who);

	if (rc == 0 && setgid(who->gid) != 0)
		rc = -errno;
	if (rc == 0 && setuid(who->uid) != 0)
		rc = -errno;
	if (rc != 0)
		return err_set(err, rc, "cannot become user %u: %s",
		    (unsigned)who->uid, strerror(-rc));
	if (who->uid != 0 && setuid(0) == 0)
		return err_set(err, -EPERM, "user %u could become root again",
		    (unsigned)who->uid);
	return 0;
}

int
privilege_check_user(const char *user, struct err *err)
{
	struct who who;

	return find(user, &who, err);
}

int
privilege_become(const char *user, struct err *err)
{
	struct who who;
	int rc = find(user, &who, err);

	if (rc == 0)
		capability_forget();
	return rc == 0 ? set_ids(&who, err) : rc;
}

/**
 * struct lent - What the owner of the program lends to whoever starts it
 * @uid:	Saved, while the real user's is in force
 */
static struct {
	uid_t uid;
	gid_t gid;
	bool aside;
} lent;

bool
privilege_is_borrowed(void)
{
	return lent.aside || geteuid() != getuid() || getegid() != getgid();
}

int
privilege_set_aside(void)
{
	if (!privilege_is_borrowed())
		return 0;
	lent.uid = geteuid();
	lent.gid = getegid();
	lent.aside = true;
	/* The group first: afterwards it might not be permitted. */
	return setegid(getgid()) == 0 && seteuid(getuid()) == 0 ? 0 : -errno;
}

int
privilege_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	bool is_port = sa->sa_family == AF_INET || sa->sa_family == AF_INET6;
	int rc;

	if (!lent.aside || !is_port)
		return bind(fd, sa, len) == 0 ? 0 : -errno;
	if (seteuid(lent.uid) != 0)
		return -errno;
	rc = bind(fd, sa, len) == 0 ? 0 : -errno;
	/* It has just been permitted; going on as root is no answer. */
	if (seteuid(getuid()) != 0)
		abort();
	return rc;
}

int
privilege_real(struct err *err)
{
	struct who who = { .uid = getuid(), .gid = getgid() };
	uid_t before = lent.aside ? lent.uid : geteuid();

	if (!privilege_is_borrowed())
		return 0;
	/*
	 * The groups were the real user's all along.  The calls with two
	 * arguments also set the saved ids, whoever owns the program.
	 */
	if (setregid(who.gid, who.gid) != 0 || setreuid(who.uid, who.uid) != 0)
		return err_set(err, -errno, "cannot go back to user %u: %s",
		    (unsigned)who.uid, strerror(errno));
	if (before != who.uid && seteuid(before) == 0)
		return err_set(err, -EPERM,
		    "user %u could become user %u again", (unsigned)who.uid,
		    (unsigned)before);
	lent.aside = false;
	return 0;
}
