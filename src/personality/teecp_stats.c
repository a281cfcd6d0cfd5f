#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/obuf.h"
#include "personality/teecp_stats.h"
#include "run/sheet.h"

/* Both lines have a fixed number of words, each with at most 20 digits. */
#define LINE_MAX_LEN 320

void
teecp_stats_init(
    struct teecp_stats *s, const struct teecp_stats_opts *o, uint64_t mono_ns)
{
	*s = (struct teecp_stats){ .o = *o, .sent_ns = mono_ns };
}

static uint64_t
failed(const struct sheet_sink *sink)
{
	uint64_t n = 0;

	for (int r = 0; r < DROP_NREASONS; r++)
		n += sink->drop_chunks[r];
	return n;
}

static void
say_stats(const struct teecp_stats *s, const struct sheet_sink *sink)
{
	char line[LINE_MAX_LEN];

	(void)snprintf(line, sizeof(line),
	    "stats {BytesForwarded:%" PRIu64 " PacketsForwarded:%" PRIu64
	    " PacketAttemptsFailed:%" PRIu64 " PacketsFailed:%" PRIu64 "}",
	    sink->sent_bytes, sink->sent, sink->failed_tries, failed(sink));
	s->o.say(line);
}

/* Appends " NAME:N" to what begins with "lost {". */
static void
lost_put(struct obuf *o, const char *name, uint64_t n)
{
	static const char begin[] = "lost {";

	if (n == 0)
		return;
	if (o->len == 0)
		obuf_puts(o, begin);
	else
		obuf_putc(o, ' ');
	obuf_printf(o, "%s:%" PRIu64, name, n);
}

static void
say_lost(struct teecp_stats *s, const struct sheet *sh)
{
	const struct sheet_sink *sink = &sh->sinks[0];
	uint64_t kernel =
	    sh->tally.kernel_dropped + sh->tally.interface_dropped;
	struct obuf out = { .data = NULL };

	if (kernel == s->kernel &&
	    memcmp(s->dropped, sink->drop_chunks, sizeof(s->dropped)) == 0)
		return;
	s->kernel = kernel;
	memcpy(s->dropped, sink->drop_chunks, sizeof(s->dropped));
	for (int r = 0; r < DROP_NREASONS; r++)
		lost_put(&out, count_drop_name((enum drop_reason)r),
		    sink->drop_chunks[r]);
	lost_put(&out, "kernel", kernel);
	obuf_putc(&out, '}');
	obuf_putc(&out, '\0');
	if (!out.failed)
		s->o.say((const char *)out.data);
	obuf_done(&out);
}

/* In the original's words. */
static int
give_up(struct teecp_stats *s, uint64_t silence_ns)
{
	const uint64_t seconds = silence_ns / CLOCK_NS_PER_S;
	char line[LINE_MAX_LEN];

	(void)snprintf(line, sizeof(line),
	    "time since last forward is %" PRIu64 " seconds ago, exiting",
	    seconds);
	s->is_over = true;
	s->o.say(line);
	return -ETIMEDOUT;
}

int
teecp_stats_tell(
    struct teecp_stats *s, const struct sheet *sh, uint64_t mono_ns)
{
	const struct sheet_sink *sink = &sh->sinks[0];

	if (s->o.print) {
		say_stats(s, sink);
		say_lost(s, sh);
	}
	if (sink->sent > s->sent)
		s->sent_ns = mono_ns;
	s->sent = sink->sent;
	if (!s->o.health || s->is_over ||
	    mono_ns - s->sent_ns <= s->o.silence_ns)
		return 0;
	return give_up(s, mono_ns - s->sent_ns);
}
