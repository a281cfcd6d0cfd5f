#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/obuf.h"
#include "control/metrics.h"
#include "control/metrics_process.h"

/*
 * What every program tells of itself, under the names that all of them use.
 * What the system does not tell is left out.
 */

#define NS_PER_S UINT64_C(1000000000)

/* @ns as seconds, exactly. */
static void
put_seconds(struct obuf *o, const char *name, uint64_t ns)
{
	obuf_printf(o, "%s %" PRIu64 ".%09" PRIu64 "\n", name, ns / NS_PER_S,
	    ns % NS_PER_S);
}

static void
put_cpu(struct obuf *o)
{
	static const char name[] = "process_cpu_seconds_total";
	struct rusage ru;
	uint64_t us;

	if (getrusage(RUSAGE_SELF, &ru) != 0)
		return;
	us = ((uint64_t)ru.ru_utime.tv_sec + (uint64_t)ru.ru_stime.tv_sec) *
	     1000000;
	us += (uint64_t)ru.ru_utime.tv_usec + (uint64_t)ru.ru_stime.tv_usec;
	metrics_family(o, name, "counter",
	    "Total user and system CPU time spent in seconds.");
	put_seconds(o, name, us * 1000);
}

static void
put_gauge(struct obuf *o, const char *name, const char *help, uint64_t value)
{
	metrics_family(o, name, "gauge", help);
	metrics_sample(o, name, NULL, 0, value);
}

static void
put_memory(struct obuf *o)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long page = sysconf(_SC_PAGESIZE);
	uint64_t all, resident;
	char line[128], *rest;
	bool is_there;

	if (f == NULL)
		return;
	/* Pages: of the address space, and of these resident. */
	is_there = fgets(line, sizeof(line), f) != NULL;
	(void)fclose(f); /* it was only read */
	if (!is_there || page <= 0)
		return;
	all = strtoull(line, &rest, 10);
	resident = strtoull(rest, NULL, 10);
	put_gauge(o, "process_virtual_memory_bytes",
	    "Virtual memory size in bytes.", all * (uint64_t)page);
	put_gauge(o, "process_resident_memory_bytes",
	    "Resident memory size in bytes.", resident * (uint64_t)page);
}

static void
put_descriptors(struct obuf *o)
{
	DIR *dir = opendir("/proc/self/fd");
	struct rlimit limit;
	uint64_t n = 0;

	if (dir != NULL) {
		while (readdir(dir) != NULL)
			n++;
		closedir(dir);
		/* "." and "..", and the one that was open to look. */
		put_gauge(o, "process_open_fds",
		    "Number of open file descriptors.", n > 3 ? n - 3 : 0);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		put_gauge(o, "process_max_fds",
		    "Maximum number of open file descriptors.",
		    (uint64_t)limit.rlim_cur);
}

void
metrics_process_put(struct obuf *o, uint64_t start_ns)
{
	static const char name[] = "process_start_time_seconds";

	put_cpu(o);
	put_memory(o);
	put_descriptors(o);
	metrics_family(o, name, "gauge",
	    "Start time of the process since unix epoch in seconds.");
	put_seconds(o, name, start_ns);
}
