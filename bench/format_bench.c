#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/hexdump.h"
#include "base/obuf.h"
#include "core/session.h"
#include "sink/formats.h"

/*
 * format_bench - how fast bytes become text, in GB of input per second.
 *
 *	format_bench [NAME]
 *
 * One way to do it, or all.
 *
 * The best of several rounds on chunks that stay in the cache: what the code
 * costs, not what the memory does.
 */

#define ROUNDS   5
#define ROUND_NS (100 * CLOCK_NS_PER_MS)

/* One thing to measure, done once for @n bytes at @p. */
struct job {
	const char *name;
	void (*run)(const struct job *j, const uint8_t *p, size_t n);
	const struct format *format;
	enum hexdump_by by;
};

static struct obuf out;
static struct session session;

static void
run_format(const struct job *j, const uint8_t *p, size_t n)
{
	static const struct format_opts opts;
	static uint64_t st[64];
	struct chunk c = { .dir = DIR_SERVER, .ts_ns = 1, .data = p, .len = n };

	obuf_clear(&out);
	if (session.bytes[DIR_CLIENT]++ == 0 || j->format->idle != NULL) {
		memset(st, 0, sizeof(st));
		if (j->format->open != NULL)
			j->format->open(&opts, st, &session, &out);
		obuf_clear(&out);
	}
	(void)j->format->data(&opts, st, &session, &c, &out);
	/* Nothing may stay behind from round to round. */
	if (j->format->idle != NULL)
		j->format->idle(&opts, st, &session, &out);
}

static void
run_hexdump(const struct job *j, const uint8_t *p, size_t n)
{
	obuf_clear(&out);
	if (obuf_room(&out, HEXDUMP_ROOM(n)) != NULL)
		(void)hexdump_write_by(j->by, out.data, 0, p, n);
}

static void
run_base64(const struct job *j, const uint8_t *p, size_t n)
{
	(void)j;
	obuf_clear(&out);
	base64_put(&out, p, n);
}

static double
measure(const struct job *j, const uint8_t *p, size_t n)
{
	double best = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_mono_ns();
		uint64_t spent = 0;
		uint64_t bytes = 0;
		double rate;

		while (spent < ROUND_NS) {
			j->run(j, p, n);
			bytes += n;
			spent = clock_mono_ns() - start;
		}
		rate = (double)bytes / (double)spent;
		best = rate > best ? rate : best;
	}
	return best;
}

/* Lines as a text protocol has them. */
static void
fill_lines(uint8_t *p, size_t n)
{
	static const char line[] =
	    "250-The quick brown fox jumps over the lazy dog.\r\n";

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)line[i % (sizeof(line) - 1)];
}

static void
fill_noise(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)random();
}

int
main(int argc, char **argv)
{
	static const struct job jobs[] = {
		{ "hexdump, table", run_hexdump, NULL, HEXDUMP_BY_TABLE },
		{ "hexdump, vector", run_hexdump, NULL, HEXDUMP_BY_VECTOR },
		{ "base64", run_base64, NULL, 0 },
		{ "text", run_format, &format_text, 0 },
		{ "hex", run_format, &format_hex, 0 },
		{ "c", run_format, &format_c, 0 },
		{ "strip", run_format, &format_strip, 0 },
		{ "jsonl", run_format, &format_jsonl, 0 },
	};
	static const size_t sizes[] = { 64, 1460, 65536 };
	static uint8_t data[65536];

	clock_init();
	session.id = 1;
	(void)printf("GB/s of input     ");
	for (unsigned noise = 0; noise < 2; noise++) {
		for (size_t s = 0; s < ATTR_COUNT(sizes); s++)
			(void)printf(
			    "  %s %5zu", noise ? "noise" : "lines", sizes[s]);
	}
	(void)printf("\n");
	for (size_t i = 0; i < ATTR_COUNT(jobs); i++) {
		if (jobs[i].run == run_hexdump && !hexdump_has(jobs[i].by))
			continue;
		if (argc > 1 && strcmp(jobs[i].name, argv[1]) != 0)
			continue;
		(void)printf("%-18s", jobs[i].name);
		for (unsigned noise = 0; noise < 2; noise++) {
			(noise ? fill_noise : fill_lines)(data, sizeof(data));
			for (size_t s = 0; s < ATTR_COUNT(sizes); s++)
				(void)printf("  %11.2f",
				    measure(&jobs[i], data, sizes[s]));
		}
		(void)printf("\n");
	}
	obuf_done(&out);
	return 0;
}
