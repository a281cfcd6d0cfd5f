#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/log.h"
#include "base/outfile.h"
#include "config/plan.h"
#include "net/capability.h"
#include "net/sandbox_landlock.h"
#include "net/sandbox_seccomp.h"
#include "net/writer_path.h"
#include "run/places.h"
#include "run/sandbox.h"

/* What names of hosts and ports are read from, and the local time. */
static const char *const name_files[] = { "/etc/gai.conf", "/etc/host.conf",
	"/etc/hostname", "/etc/hosts", "/etc/ld.so.cache", "/etc/localtime",
	"/etc/mdns.allow", "/etc/nsswitch.conf", "/etc/protocols",
	"/etc/resolv.conf", "/etc/services" };

/* ... by libraries that are loaded when they are first needed. */
static const char *const name_folders[] = { "/lib", "/lib32", "/lib64",
	"/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib",
	"/usr/share/zoneinfo", "/sys/devices/system/cpu" };

/* --- places -------------------------------------------------------------- */

/* What cannot be had here will be said by whoever opens it. */
static void
allow(const struct sandbox *b, const char *path, enum sandbox_landlock_use use)
{
	int rc = sandbox_landlock_allow(b->landlock, path, use);

	if (rc != 0)
		log_debug("sandbox: %s: %s", path, strerror(-rc));
}

/* As writers make folders, and before it is too late for a rule. */
static int
allow_writing(void *self, const char *path)
{
	const struct sandbox *b = self;
	struct stat st;
	size_t len = strlen(path);
	char *folder;
	int rc;

	/* The output will be refused. */
	if (outfile_check_folder(path) != 0)
		return 0;
	if (stat(path, &st) != 0) {
		folder = malloc(len + sizeof("/"));
		if (folder == NULL)
			return -ENOMEM;
		memcpy(folder, path, len);
		memcpy(folder + len, "/", sizeof("/"));
		rc = writer_path_make_folders(folder);
		free(folder);
		/* The output will say so, too. */
		if (rc != 0)
			log_debug("sandbox: %s: %s", path, strerror(-rc));
	}
	allow(b, path, SANDBOX_LANDLOCK_WRITE);
	return 0;
}

static int
allow_reading(void *self, const char *path)
{
	allow(self, path, SANDBOX_LANDLOCK_READ);
	return 0;
}

static int
allow_removing(void *self, const char *path)
{
	allow(self, path, SANDBOX_LANDLOCK_REMOVE);
	return 0;
}

/* The folder of @path, so that a file may be replaced there. */
static int
allow_folder(struct sandbox *b, const char *path, places_visit *visit)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int rc;

	if (slash == NULL)
		return visit(b, ".");
	folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	rc = folder != NULL ? visit(b, folder) : -ENOMEM;
	free(folder);
	return rc;
}

static int
allow_outputs(struct sandbox *b, const struct plan *p)
{
	int rc = 0;

	for (size_t i = 0; i < p->nsinks && rc == 0; i++)
		rc = places_of_output(&p->sinks[i], allow_writing, b);
	for (size_t i = 0; i < p->nwritable && rc == 0; i++)
		rc = allow_writing(b, p->writable[i]);
	if (rc == 0 && p->stats != NULL && strcmp(p->stats, "-") != 0)
		rc = places_of_file(p->stats, allow_writing, b);
	if (rc == 0 && p->log.file != NULL)
		rc = places_of_file(p->log.file, allow_writing, b);
	return rc;
}

/* A listener's socket is removed when it closes. */
static int
allow_socket(struct sandbox *b, const struct endpoint *e)
{
	if (e->how != ENDPOINT_LISTEN || e->family != ENDPOINT_UNIX)
		return 0;
	return allow_folder(b, e->host, allow_removing);
}

static int
allow_source(struct sandbox *b, const struct plan_source *s)
{
	int rc = 0;

	for (size_t i = 0; i < s->capture.nfiles; i++)
		allow(b, s->capture.files[i], SANDBOX_LANDLOCK_READ);
	for (size_t i = 0; i < s->proxy.npairs && rc == 0; i++) {
		rc = allow_socket(b, &s->proxy.pairs[i].client);
		if (rc == 0)
			rc = allow_socket(b, &s->proxy.pairs[i].server);
	}
	return rc;
}

static int
allow_inputs(struct sandbox *b, const struct plan *p)
{
	static const char prefix[] = "unix:";
	const char *at = p->control.listen;
	int rc = 0;

	for (size_t i = 0; i < p->nsources && rc == 0; i++)
		rc = allow_source(b, &p->sources[i]);
	if (rc == 0 && at != NULL &&
	    strncmp(at, prefix, sizeof(prefix) - 1) == 0)
		rc = allow_folder(b, at + sizeof(prefix) - 1, allow_removing);
	/* Editors replace a file. */
	if (rc == 0 && p->reread != NULL)
		rc = allow_folder(b, p->config, allow_reading);
	return rc;
}

/* Who replaces resolv.conf may do so in the folder that it is a link to. */
static int
allow_target(struct sandbox *b, const char *path)
{
	char *real = realpath(path, NULL);
	int rc = 0;

	if (real != NULL && strncmp(real, "/etc/", 5) != 0)
		rc = allow_folder(b, real, allow_reading);
	free(real);
	return rc;
}

/*
 * For most users, /etc holds nothing that is secret from them, and a rule for
 * all of it goes on when a file there is replaced.  For root it does.
 */
static int
allow_names(struct sandbox *b)
{
	int rc = 0;

	for (size_t i = 0; i < ATTR_COUNT(name_folders); i++)
		allow(b, name_folders[i], SANDBOX_LANDLOCK_READ);
	if (geteuid() != 0)
		allow(b, "/etc", SANDBOX_LANDLOCK_READ);
	for (size_t i = 0; i < ATTR_COUNT(name_files) && rc == 0; i++) {
		if (access(name_files[i], F_OK) == 0 && geteuid() == 0)
			allow(b, name_files[i], SANDBOX_LANDLOCK_READ);
		rc = allow_target(b, name_files[i]);
	}
	return rc;
}

/* Our own figures.  The descriptor keeps the kernel from making it anew. */
static void
allow_self(struct sandbox *b)
{
	b->self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (b->self >= 0)
		allow(b, "/proc/self", SANDBOX_LANDLOCK_READ);
}

#if ATTR_SANITIZED
/* What a sanitizer finds is written, with names, when the program ends. */
static void
allow_reports(struct sandbox *b)
{
	static const char key[] = "log_path=";
	static const char *const options[] = { "ASAN_OPTIONS", "TSAN_OPTIONS" };

	allow(b, "/proc/self/exe", SANDBOX_LANDLOCK_READ);
	for (size_t i = 0; i < ATTR_COUNT(options); i++) {
		const char *all = getenv(options[i]);
		const char *path = all != NULL ? strstr(all, key) : NULL;
		char *copy;

		if (path == NULL)
			continue;
		path += sizeof(key) - 1;
		copy = strndup(path, strcspn(path, ":"));
		if (copy == NULL || places_of_file(copy, allow_writing, b) != 0)
			log_warn("no memory: no report will be written");
		free(copy);
	}
}
#else
static void
allow_reports(struct sandbox *b)
{
	(void)b;
}
#endif

static int
allow_all(struct sandbox *b, const struct plan *p, struct err *err)
{
	int rc = allow_outputs(b, p);

	if (rc == 0)
		rc = allow_inputs(b, p);
	if (rc == 0)
		rc = allow_names(b);
	if (rc != 0)
		return err_set(err, rc, "out of memory");
	allow_self(b);
	allow_reports(b);
	return 0;
}

/* --- the parts ----------------------------------------------------------- */

/* Programs that tell their beginning themselves have no words for it. */
static void ATTR_PRINTF(2, 3) say(const struct plan *p, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (p->ready == NULL)
		log_info("sandbox: %s", text);
	else
		log_debug("sandbox: %s", text);
}

static int
shut_files(struct sandbox *b, const struct plan *p, struct err *err)
{
	int rc;

	b->landlock = sandbox_landlock_new(err);
	if (b->landlock == NULL)
		return -ENOSYS;
	rc = allow_all(b, p, err);
	if (rc == 0)
		rc = sandbox_landlock_enter(b->landlock, err);
	if (rc == 0) {
		say(p,
		    "no files but those of the outputs (Landlock "
		    "%d)",
		    sandbox_landlock_version());
		return 0;
	}
	sandbox_landlock_free(b->landlock);
	b->landlock = NULL;
	return rc;
}

static int
drop_capabilities(struct sandbox *b, const struct plan *p, struct err *err)
{
	int rc = capability_drop(err);

	(void)b;
	if (rc == 0)
		say(p, "no capabilities that are not needed");
	return rc;
}

static int
gain_nothing(struct sandbox *b, const struct plan *p, struct err *err)
{
	int rc = capability_no_new(err);

	(void)b;
	if (rc == 0)
		say(p, "no new privileges");
	return rc;
}

static int
filter_calls(struct sandbox *b, const struct plan *p, struct err *err)
{
	int n = sandbox_seccomp_enter(p->sandbox == PLAN_SANDBOX_STRICT, err);

	(void)b;
	if (n < 0)
		return n;
	say(p, "no system calls but %d (seccomp)", n);
	return 0;
}

/* The last two need the second; the last forbids the calls of the others. */
static int (*const parts[])(
    struct sandbox *b, const struct plan *p, struct err *err) = {
	drop_capabilities,
	gain_nothing,
	shut_files,
	filter_calls,
};

int
sandbox_enter(struct sandbox *b, const struct plan *p, struct err *err)
{
	*b = (struct sandbox){ .self = -1 };
	if (p->sandbox == PLAN_SANDBOX_OFF)
		return 0;
	tzset(); /* while it may read what TZ names */
	for (size_t i = 0; i < ATTR_COUNT(parts); i++) {
		int rc = parts[i](b, p, err);

		if (rc != 0 && p->sandbox == PLAN_SANDBOX_STRICT) {
			err_prefix(err, "--sandbox strict: ");
			return rc;
		}
		if (rc != 0)
			say(p, "%s; going on without", err->text);
	}
	err->text[0] = '\0';
	return 0;
}

/* --- outputs that come later --------------------------------------------- */

/** struct check - A place that is not to be written to */
struct check {
	const struct sandbox *b;
	struct err *err;
};

static int
check_place(void *self, const char *path)
{
	const struct check *c = self;
	int rc = sandbox_landlock_find(c->b->landlock, path);

	if (rc == 0)
		return 0;
	if (rc != -EXDEV)
		return err_set(c->err, rc, "%s: %s", path, strerror(-rc));
	return err_set(c->err, -EACCES,
	    "%s is outside the folders that this run may write to: start it "
	    "with --writable FOLDER (runtime: writable)",
	    path);
}

int
sandbox_check(
    const struct sandbox *b, const struct sink_spec *spec, struct err *err)
{
	struct check c = { b, err };
	int rc;

	if (b == NULL || b->landlock == NULL)
		return 0;
	rc = places_of_output(spec, check_place, &c);
	return rc == -ENOMEM ? err_set(err, rc, "out of memory") : rc;
}

void
sandbox_done(struct sandbox *b)
{
	sandbox_landlock_free(b->landlock);
	if (b->self >= 0)
		(void)close(b->self); /* it was only a name */
	*b = (struct sandbox){ .self = -1 };
}
