#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/capture_route.h"

/* Flags of a route, <linux/route.h>. */
#define UP     0x0001
#define REJECT 0x0200

/* Longer than any line of the two files, which have fixed columns. */
#define LINE_LEN 512

#define MAX_WORDS 11

/**
 * struct route - The best one so far
 * @metric:	Valid when @name is not empty
 */
struct route {
	char name[IF_NAMESIZE];
	unsigned long metric;
};

static void
consider(struct route *best, const char *name, unsigned long metric,
    unsigned long flags)
{
	if (!(flags & UP) || (flags & REJECT) || strcmp(name, "lo") == 0)
		return;
	if (best->name[0] != '\0' && metric >= best->metric)
		return;
	(void)snprintf(best->name, sizeof(best->name), "%s", name);
	best->metric = metric;
}

/* Cut a line into its words; how many there are, at most MAX_WORDS. */
static size_t
split(char *line, char *words[MAX_WORDS])
{
	char *rest = NULL;
	char *word = strtok_r(line, " \t\n", &rest);
	size_t n = 0;

	while (word != NULL && n < MAX_WORDS) {
		words[n++] = word;
		word = strtok_r(NULL, " \t\n", &rest);
	}
	return n;
}

static bool
is_zero(const char *hex)
{
	return hex[strspn(hex, "0")] == '\0';
}

/* proc(5): Iface Destination Gateway Flags RefCnt Use Metric Mask ... */
static void
read_ipv4(char *line, struct route *best)
{
	char *words[MAX_WORDS];

	if (split(line, words) >= 8 && is_zero(words[1]) && is_zero(words[7]))
		consider(best, words[0], strtoul(words[6], NULL, 10),
		    strtoul(words[3], NULL, 16));
}

/*
 * Destination, its prefix length, source, its prefix length, next hop, metric,
 * references, uses, flags, interface; all but the last in hexadecimal.
 */
static void
read_ipv6(char *line, struct route *best)
{
	char *words[MAX_WORDS];

	if (split(line, words) >= 10 && is_zero(words[0]) && is_zero(words[1]))
		consider(best, words[9], strtoul(words[5], NULL, 16),
		    strtoul(words[8], NULL, 16));
}

static void
read_table(const char *path, void (*read_line)(char *, struct route *),
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
