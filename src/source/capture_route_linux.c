#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "source/capture_route.h"

/* Flags of a route, <linux/route.h>. */
#define UP     0x0001
#define REJECT 0x0200

/* Longer than any line of the two files, which have fixed columns. */
#define LINE_LEN 512

/**
 * struct route - The best one so far
 * @metric:	Valid when @name is not empty
 */
struct route {
	char name[IF_NAMESIZE];
	uint64_t metric;
};

static void
consider(struct route *best, const char *name, uint64_t metric, unsigned flags)
{
	if (!(flags & UP) || (flags & REJECT) || strcmp(name, "lo") == 0)
		return;
	if (best->name[0] != '\0' && metric >= best->metric)
		return;
	(void)snprintf(best->name, sizeof(best->name), "%s", name);
	best->metric = metric;
}

/* proc(5): Iface Destination Gateway Flags RefCnt Use Metric Mask ... */
static void
read_ipv4(const char *line, struct route *best)
{
	char name[IF_NAMESIZE];
	unsigned dest, flags, mask;
	uint64_t metric;

	if (sscanf(line, "%15s %x %*x %x %*u %*u %" SCNu64 " %x", name, &dest,
		&flags, &metric, &mask) == 5 &&
	    dest == 0 && mask == 0)
		consider(best, name, metric, flags);
}

/*
 * Destination, its prefix length, source, its prefix length, next hop, metric,
 * references, uses, flags, interface; all but the last in hexadecimal.
 */
static void
read_ipv6(const char *line, struct route *best)
{
	char name[IF_NAMESIZE], dest[33];
	unsigned prefix, flags;
	uint64_t metric;

	if (sscanf(line, "%32s %x %*s %*x %*s %" SCNx64 " %*x %*x %x %15s",
		dest, &prefix, &metric, &flags, name) == 5 &&
	    prefix == 0 && strspn(dest, "0") == strlen(dest))
		consider(best, name, metric, flags);
}

static void
read_table(const char *path, void (*read_line)(const char *, struct route *),
    struct route *best)
{
	FILE *file = fopen(path, "re");
	char line[LINE_LEN];

	if (file == NULL)
		return; /* no such protocol here */
	while (fgets(line, sizeof(line), file) != NULL)
		read_line(line, best);
	(void)fclose(file); /* nothing was written */
}

int
capture_route_default(char name[IF_NAMESIZE])
{
	struct route best = { .name = "" };

	read_table("/proc/net/route", read_ipv4, &best);
	if (best.name[0] == '\0')
		read_table("/proc/net/ipv6_route", read_ipv6, &best);
	if (best.name[0] == '\0')
		return -ENODEV;
	memcpy(name, best.name, sizeof(best.name));
	return 0;
}
