#include <sys/resource.h>
#include <unistd.h>

#include "run/descriptors.h"

/* Beyond this none would ever be used; "unlimited" is a number, too. */
#define ALL_MAX ((size_t)1 << 20)

/* Where the system does not tell: what it has been since long ago. */
#define ALL_UNKNOWN 1024

/*
 * Files that one sink may keep open: a sixteenth of all beside sockets, else a
 * quarter, or of many sinks each its part of half, within these.
 */
#define SINK_FILES_MIN   2
#define SINK_FILES_MAX   4096
#define NO_SOCKETS_TIMES 4

/*
 * Connections that sinks may keep for sessions that are over: this part of all,
 * shared by as many sinks as there are, but at least by four.
 */
#define LINGERERS_MIN   4
#define LINGERERS_PART  4
#define LINGERERS_SINKS 4

/* With fewer descriptors than this none are spent on pipes for splicing. */
#define PIPES_FROM 256

/* Else this part of all: sessions need theirs more. */
#define PIPES_SHARE 8

/* Where not even one is free to show how many are open. */
#define OPEN_UNKNOWN 64

size_t
descriptors_raise(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return ALL_UNKNOWN;
	if (rl.rlim_cur < rl.rlim_max) {
		struct rlimit more = { rl.rlim_max, rl.rlim_max };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			rl = more;
	}
	return rl.rlim_cur > ALL_MAX ? ALL_MAX : (size_t)rl.rlim_cur;
}

unsigned
descriptors_per_sink(size_t all, size_t sinks, size_t shared, bool sockets)
{
	size_t times = sockets ? 1 : NO_SOCKETS_TIMES;
	size_t few = shared * DESCRIPTORS_SHARED;
	size_t rest = all / 2 > few ? all / 2 - few : 0;
	size_t n = all / 16 * times;

	if (sinks > shared && rest / (sinks - shared) < n)
		n = rest / (sinks - shared);
	if (n < SINK_FILES_MIN)
		n = SINK_FILES_MIN;
	if (n > SINK_FILES_MAX * times)
		n = SINK_FILES_MAX * times;
	return (unsigned)n;
}

unsigned
descriptors_lingering(size_t all, size_t sinks)
{
	size_t n = sinks > LINGERERS_SINKS
		       ? all / LINGERERS_PART / sinks
		       : all / LINGERERS_PART / LINGERERS_SINKS;

	return n > LINGERERS_MIN ? (unsigned)n : LINGERERS_MIN;
}

unsigned
descriptors_pipes(size_t all, size_t workers)
{
	if (all < PIPES_FROM)
		return 0;
	return (unsigned)(all / PIPES_SHARE / 2 / workers);
}

size_t
descriptors_left(size_t all)
{
	int probe = dup(STDERR_FILENO);
	size_t used = probe < 0 ? OPEN_UNKNOWN : (size_t)probe;

	if (probe >= 0)
		(void)close(probe); /* a copy: nothing is lost with it */
	used++; /* a client is accepted before it is turned away */
	return all > used ? all - used : 0;
}

/* Gives what they want to those that want no more than @part; how many? */
static size_t
satisfy(uint64_t part, const uint64_t *want, size_t n, uint64_t *left)
{
	size_t satisfied = 0;

	for (size_t i = 0; i < n; i++) {
		if (want[i] == 0 || want[i] > part)
			continue;
		*left = *left > want[i] ? *left - want[i] : 0;
		satisfied++;
	}
	return satisfied;
}

void
descriptors_share(uint64_t fit, uint64_t *want, size_t n)
{
	uint64_t part = n > 0 ? fit / n : 0, left;
	size_t satisfied = 0, before;

	/* Each round leaves the others a larger part, until none is content. */
	do {
		before = satisfied;
		left = fit;
		satisfied = satisfy(part, want, n, &left);
		if (satisfied < n)
			part = left / (n - satisfied);
	} while (satisfied > before && satisfied < n);
	if (part == 0)
		part = 1;
	for (size_t i = 0; i < n; i++)
		if (want[i] == 0 || want[i] > part)
			want[i] = part;
}
