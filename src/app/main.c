#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "app/help.h"
#include "app/registry.h"
#include "base/journal.h"
#include "base/log.h"
#include "net/inherit.h"
#include "net/notify.h"
#include "net/privilege.h"
#include "run/run.h"

#ifdef __GLIBC__
/* Blocks from here on are the kernel's again when they are freed. */
#define LARGE_BLOCK (64 * 1024)

/* How much of the heap's end may lie unused. */
#define HEAP_SPARE (1024 * 1024)
#endif

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static const struct registry_command *
find_personality(const char *name)
{
	const struct registry_command *p;
	size_t n;

	p = registry_personalities(&n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(p[i].name, name) == 0)
			return &p[i];
	return NULL;
}

static const struct registry_command *
find_command(const char *name)
{
	const struct registry_command *c;
	size_t n;

	c = registry_commands(&n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(c[i].name, name) == 0)
			return &c[i];
	return find_personality(name);
}

/* tcpreen alone knows when to give it back: its manual promises that. */
static bool
may_borrow(const struct registry_command *c)
{
	return c != NULL && strcmp(c->name, "tcpreen") == 0;
}

/*
 * glibc learns from a large block that was freed that such blocks come again,
 * and takes the next ones from the heap, up to 32 MiB each; small ones that
 * live longer then pin them down.  After a month of sessions that is most of
 * the memory.  Told what is large, it gives it back at once (mallopt(3)).
 */
static void
give_memory_back(void)
{
#ifdef __GLIBC__
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_SPARE);
#endif
}

/*
 * A number that is free is given to what is opened next, a session or a record,
 * and then standard error is written there.  Opened the wrong way round, it is
 * as good as closed to whoever uses it.
 */
static void
keep_numbers(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int how = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

		/* The lowest free number is this one; else there is no /dev. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", how) != fd)
			return;
	}
}

int
main(int argc, char **argv)
{
	const struct registry_command *c = NULL;
	int rc = privilege_set_aside();

	keep_numbers();
	give_memory_back();
	log_init("teeline", LOG_LEVEL_WARN);
	if (journal_is_stderr())
		log_set_writer(journal_write, NULL);
	/* Set-uid, the environment is that of somebody who may do less. */
	if (!privilege_is_borrowed()) {
		inherit_init();
		notify_init();
	}
	/* A reader that leaves is an error of write(2), here and in relays. */
	(void)signal(SIGPIPE, SIG_IGN); /* fails for bad numbers only */
	if (argc > 0)
		c = find_personality(last_part(argv[0]));
	if (c == NULL && argc > 1) {
		c = find_command(argv[1]);
		argc -= c != NULL;
		argv += c != NULL;
	}
	if (rc != 0 || (privilege_is_borrowed() && !may_borrow(c))) {
		log_error("set-uid and set-gid are for tcpreen alone: use -Z "
			  "USER, or setcap(8), and chmod ug-s this program");
		return RUN_FAIL;
	}
	if (c == NULL)
		return help_main(argc, argv);
	if (find_personality(c->name) != NULL)
		log_init(c->name, LOG_LEVEL_WARN);
	return c->main(argc, argv);
}
