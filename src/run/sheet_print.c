#include <string.h>
#include <unistd.h>

#include "base/obuf.h"
#include "base/text.h"
#include "run/sheet.h"

/*
 * The sheet for people: a label and what goes with it on a line, nothing that
 * is zero but for what one looks for.
 */

static void
put_number(struct obuf *o, const char *before, uint64_t n, const char *after)
{
	char number[TEXT_NUMBER_MAX];

	obuf_printf(o, "%s%s%s", before, text_number(n, number), after);
}

/* ", 12 late", if there are any. */
static void
put_some(struct obuf *o, uint64_t n, const char *what)
{
	if (n > 0)
		put_number(o, ", ", n, what);
}

static void
put_label(struct obuf *o, const char *label, size_t width)
{
	obuf_printf(o, "%-*s  ", (int)width, label);
}

static void
put_packets(const struct tally *t, size_t width, struct obuf *o)
{
	uint64_t undecodable = 0;

	for (size_t i = 0; i < t->nreasons; i++)
		undecodable += t->undecodable[i].packets;
	put_label(o, "packets", width);
	put_number(o, "", t->received, "");
	put_number(o, "  in sessions ", t->sessions, "");
	put_number(o, "  not TCP ", t->not_tcp, "");
	if (t->strays > 0)
		put_number(o, "  strays ", t->strays, "");
	if (t->fragments > 0)
		put_number(o, "  fragments ", t->fragments, "");
	if (undecodable > 0)
		put_number(o, "  undecodable ", undecodable, "");
	obuf_putc(o, '\n');
	for (size_t i = 0; i < t->nreasons; i++) {
		if (t->undecodable[i].packets == 0)
			continue;
		put_label(o, "", width);
		put_number(o, "", t->undecodable[i].packets, " undecodable: ");
		obuf_printf(o, "%s\n", t->undecodable[i].name);
	}
}

/* What stands beside the sums. */
static void
put_remarks(const struct tally *t, size_t width, struct obuf *o)
{
	if (t->filtered > 0) {
		put_label(o, "", width);
		put_number(o, "", t->filtered, " more kept out by the filter");
		obuf_putc(o, '\n');
	}
	if (t->bad_checksums > 0) {
		put_label(o, "", width);
		put_number(o, "", t->bad_checksums,
		    " with a checksum that does not fit (offloading leaves "
		    "such)");
		obuf_putc(o, '\n');
	}
	if (t->has_kernel) {
		put_label(o, "kernel", width);
		put_number(o, "", t->kernel_received, " received");
		put_number(o, ", ", t->kernel_dropped, " dropped");
		put_some(o, t->interface_dropped, " dropped by the interface");
		obuf_putc(o, '\n');
	}
}

static void
put_sessions(const struct sheet *sh, size_t width, struct obuf *o)
{
	put_label(o, "sessions", width);
	put_number(o, "", sh->sessions, "");
	for (int i = 0; i < HOW_NHOWS; i++)
		if (sh->ended[i] > 0) {
			obuf_printf(o, "  %s ", event_how_name((enum how)i));
			put_number(o, "", sh->ended[i], "");
		}
	if (sh->open > 0)
		put_number(o, "  open ", sh->open, "");
	obuf_putc(o, '\n');
}

static void
put_direction(const struct sheet *sh, enum dir d, size_t width, struct obuf *o)
{
	put_label(o, dir_name(d), width);
	put_number(o, "", sh->bytes[d], " bytes");
	put_some(o, sh->gap_bytes[d], " missing");
	put_some(
	    o, sh->lost_bytes[d], " not delivered (the receiver was gone)");
	put_some(o, sh->tally.payload[d].duplicate, " duplicate");
	put_some(o, sh->tally.payload[d].differing, " differing");
	put_some(o, sh->tally.payload[d].late, " late");
	put_some(o, sh->tally.payload[d].strays, " stray");
	put_some(o, sh->tally.payload[d].held, " held");
	obuf_putc(o, '\n');
}

/* "  write_error 12 (1 record)": bytes, and records that stand for none. */
static void
put_drop(struct obuf *o, const struct sheet_sink *s, enum drop_reason r)
{
	uint64_t records = s->drop_records[r];

	if (!sheet_sink_has_drop(s, r))
		return;
	obuf_printf(o, "  %s ", count_drop_name(r));
	put_number(o, "", s->drop_bytes[r], "");
	if (records > 0)
		put_number(
		    o, " (", records, records == 1 ? " record)" : " records)");
}

static void
put_sink(const struct sheet_sink *s, size_t width, struct obuf *o)
{
	put_label(o, s->name, width);
	put_number(o, "offered ", s->offered, "");
	put_number(o, "  written ", s->written, "");
	for (int r = 0; r < DROP_NREASONS; r++)
		put_drop(o, s, (enum drop_reason)r);
	if (s->queued > 0)
		put_number(o, "  queued ", s->queued, "");
	if (s->equal > 0 || s->different > 0 || s->incomparable > 0) {
		put_number(o, "  answers equal ", s->equal, "");
		put_number(o, "  different ", s->different, "");
		if (s->incomparable > 0)
			put_number(o, "  unknown ", s->incomparable, "");
	}
	if (s->sent > 0 || s->failed_tries > 0)
		put_number(o, "  payloads sent ", s->sent, "");
	if (s->failed_tries > 0)
		put_number(o, "  tries failed ", s->failed_tries, "");
	if (s->missed > 0)
		put_number(o, "  sessions missed ", s->missed, "");
	obuf_putc(o, '\n');
}

/* What each has to do with the sums above it; one alone has all of them. */
static void
put_input(const struct sheet_input *in, size_t width, struct obuf *o)
{
	const struct sheet *sh = &in->figures;
	uint64_t missing = 0, lost = 0;

	put_label(o, in->name, width);
	for (int d = 0; d < DIR_NDIRS; d++) {
		missing += sh->gap_bytes[d];
		lost += sh->lost_bytes[d];
	}
	put_number(o, "sessions ", sh->sessions, "");
	put_number(o, "  c2s ", sh->bytes[DIR_CLIENT], "");
	put_number(o, "  s2c ", sh->bytes[DIR_SERVER], "");
	if (missing > 0)
		put_number(o, "  missing ", missing, "");
	if (lost > 0)
		put_number(o, "  not delivered ", lost, "");
	obuf_putc(o, '\n');
}

static size_t
label_width(const struct sheet *sh)
{
	size_t width = strlen("sessions");

	for (size_t i = 0; i < sh->nsinks; i++)
		if (strlen(sh->sinks[i].name) > width)
			width = strlen(sh->sinks[i].name);
	for (size_t i = 0; sh->ninputs > 1 && i < sh->ninputs; i++)
		if (strlen(sh->inputs[i].name) > width)
			width = strlen(sh->inputs[i].name);
	return width;
}

void
sheet_print(const struct sheet *sh)
{
	struct obuf o = { 0 };
	size_t width = label_width(sh);

	if (sh->has_packets) {
		put_packets(&sh->tally, width, &o);
		put_remarks(&sh->tally, width, &o);
	}
	put_sessions(sh, width, &o);
	put_direction(sh, DIR_CLIENT, width, &o);
	put_direction(sh, DIR_SERVER, width, &o);
	for (size_t i = 0; sh->ninputs > 1 && i < sh->ninputs; i++)
		put_input(&sh->inputs[i], width, &o);
	for (size_t i = 0; i < sh->nsinks; i++)
		put_sink(&sh->sinks[i], width, &o);
	/* There is nobody left to tell when stderr itself fails. */
	if (!o.failed && write(STDERR_FILENO, o.data, o.len) < 0)
		o.failed = true;
	obuf_done(&o);
}
