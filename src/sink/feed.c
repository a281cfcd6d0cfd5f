#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/obuf.h"
#include "base/quantity.h"
#include "base/text.h"
#include "core/session.h"
#include "core/sink_spec.h"

#include "sink/feed.h"
#include "sink/keys.h"

/* "64KiB", or "64KiB/1MiB": of requests and of responses. */
static int
read_startup(struct feed_opts *o, const char *text, struct err *err)
{
	static const struct quantity_range range = { 0, (uint64_t)64 << 20 };
	const char *slash = text == NULL ? NULL : strchr(text, '/');
	char first[QUANTITY_TEXT_MAX];
	uint64_t bytes[NEWS_NSTREAMS] = { FEED_STARTUP_DEFAULT,
		FEED_STARTUP_DEFAULT };
	int rc = 0;

	if (text != NULL) {
		(void)snprintf(first, sizeof(first), "%.*s",
		    slash != NULL ? (int)(slash - text) : (int)strlen(text),
		    text);
		rc = quantity_parse(
		    QUANTITY_SIZE, first, &range, &bytes[0], err);
		bytes[1] = bytes[0];
	}
	if (rc == 0 && slash != NULL)
		rc = quantity_parse(
		    QUANTITY_SIZE, slash + 1, &range, &bytes[1], err);
	if (rc != 0) {
		err_prefix(err, "startup: ");
		return -EINVAL;
	}
	for (int i = 0; i < NEWS_NSTREAMS; i++)
		o->startup[i] = (size_t)bytes[i];
	return 0;
}

int
feed_read_keys(
    struct feed_opts *o, const struct sink_spec *spec, struct err *err)
{
	static const char *const keeps[] = { "head", "tail", NULL };
	static const char *const headers[] = { "none", "line", NULL };
	unsigned keep = 0, header = 0;
	int rc;

	rc = read_startup(o, sink_spec_get(spec, "startup"), err);
	if (rc == 0)
		rc = keys_word(spec, "keep", keeps, &keep, err);
	if (rc == 0)
		rc = keys_word(spec, "header", headers, &header, err);
	o->keep_tail = keep == 1;
	o->header = header == 1;
	if (rc == 0 && o->keep_tail && o->keep_all)
		rc = err_set(err, -EINVAL,
		    "keep=tail: on-full=drop or close is wanted, since with "
		    "pause nothing is left out");
	return rc;
}

/* Of the first byte that the next consumer will get. */
static uint64_t
next_offset(const struct feed *f)
{
	return outq_queued(f->q) > 0 ? f->run[0].off : f->s->off[f->dir];
}

static void
put_head(void *self, struct obuf *out)
{
	const struct feed *f = self;
	char text[ADDR_TEXT_MAX];

	if (f->s == NULL) {
		obuf_put(out, f->head.data, f->head.len);
		return;
	}
	if (!f->o->header)
		return;
	obuf_printf(out,
	    "{\"v\":1,\"session\":%" PRIu64
	    ",\"dir\":\"%s\",\"offset\":%" PRIu64 ",\"client\":",
	    f->s->id, dir_name(f->dir), next_offset(f));
	text_json_put(out, addr_format(&f->s->client, text));
	obuf_puts(out, ",\"server\":");
	text_json_put(out, addr_format(&f->s->server, text));
	obuf_puts(out, "}\n");
}

static void
tell(const struct feed *f, enum news_type type, bool ended)
{
	const struct feed_opts *o = f->o;
	struct news n = {
		.type = type,
		.kind = o->kind,
		.session = f->id,
		.stream = f->stream,
		.ended = ended,
		.retry_ns = type == NEWS_GONE && !ended ? o->retry_ns : 0,
	};

	if (o->tell == NULL)
		return;
	n.peer = *outq_peer(f->q);
	n.local = *outq_local(f->q);
	o->tell(o->tell_self, &n);
}

static void
on_gone(void *self, int error)
{
	struct feed *f = self;

	if (f->has_consumer)
		tell(f, NEWS_GONE, false);
	f->has_consumer = false;
	if (f->gone != NULL)
		f->gone(f->self, error);
}

static void
on_came(void *self)
{
	struct feed *f = self;

	f->has_consumer = true;
	tell(f, NEWS_CAME, false);
}

static enum outq_absent
absent(const struct feed_opts *o, enum news_stream stream)
{
	if (o->startup[stream] == 0)
		return OUTQ_DROP;
	if (o->keep_all)
		return OUTQ_KEEP_ALL;
	return o->keep_tail ? OUTQ_KEEP_TAIL : OUTQ_KEEP_HEAD;
}

/* What was kept may all wait, whatever comes then. */
static size_t
limit(const struct feed_opts *o, enum news_stream stream)
{
	size_t startup = o->keep_all ? 0 : o->startup[stream];

	return startup > o->limit ? startup : o->limit;
}

int
feed_open(struct feed *f, struct outq_lane *l, const struct feed_opts *o,
    const struct feed_what *what)
{
	*f = (struct feed){
		.s = what->s,
		.id = what->s->id,
		.o = o,
		.dir = what->dir,
		.stream = what->stream,
		.tally = what->tally,
	};
	f->q = outq_new(l, &(struct outq_opts){
			       .limit = limit(o, what->stream),
			       .startup = o->startup[what->stream],
			       .absent = absent(o, what->stream),
			       .redial = o->redial,
			       .tally = what->tally,
			       .stream = what->stream,
			       .head = put_head,
			       .came = on_came,
			       .gone = on_gone,
			       .self = f,
			   });
	return f->q != NULL ? 0 : -ENOMEM;
}

void
feed_on_gone(struct feed *f, void (*gone)(void *self, int error), void *self)
{
	f->gone = gone;
	f->self = self;
}

void
feed_let_go(struct feed *f)
{
	obuf_clear(&f->head);
	put_head(f, &f->head);
	f->s = NULL;
}

void
feed_done(struct feed *f)
{
	obuf_done(&f->head);
}

static void
drop_first_run(struct feed *f)
{
	f->nruns--;
	memmove(f->run, f->run + 1, f->nruns * sizeof(f->run[0]));
}

/* The piece that bytes at @off belong to. */
static struct feed_run *
run_at(struct feed *f, uint64_t off)
{
	struct feed_run *last;

	assert(f->nruns > 0); /* nothing is kept: feed_put() begins one */
	last = &f->run[f->nruns - 1];
	if (last->off + last->len == off)
		return last;
	if (f->nruns == FEED_RUNS) {
		outq_forget(f->q, f->run[0].len);
		drop_first_run(f);
	}
	last = &f->run[f->nruns++];
	*last = (struct feed_run){ .off = off };
	return last;
}

/* @n bytes have made room. */
static void
shorten(struct feed *f, size_t n)
{
	while (n > 0) {
		struct feed_run *first = &f->run[0];
		size_t part = first->len < n ? first->len : n;

		first->off += part;
		first->len -= part;
		n -= part;
		if (first->len == 0)
			drop_first_run(f);
	}
}

/* The tail of what was said, for who comes later. */
static void
keep_tail(struct feed *f, const struct chunk *c)
{
	struct feed_run *last = run_at(f, c->off);
	size_t total = outq_queued(f->q);

	if (outq_put(f->q, c->data, c->len, c->len)) {
		last->len += c->len;
		total += c->len;
	} else if (last->len == 0) {
		f->nruns--; /* counted, and not kept */
	}
	shorten(f, total - outq_queued(f->q));
}

void
feed_missed(struct feed *f, uint64_t len)
{
	struct sink_count *count;

	if (f->tally == NULL)
		return;
	count = &f->tally->count[f->stream];
	count_add(&f->tally->chunks[f->stream], 1);
	count_add(&count->drop_bytes[DROP_QUEUE_FULL], len);
	count_add(&count->drop_chunks[DROP_QUEUE_FULL], 1);
}

void
feed_put(struct feed *f, const struct chunk *c)
{
	if (f->tally != NULL)
		count_add(&f->tally->chunks[f->stream], 1);
	if (outq_queued(f->q) == 0) {
		f->run[0] = (struct feed_run){ .off = c->off };
		f->nruns = 1;
	}
	if (f->o->keep_tail && outq_state(f->q) == OUTQ_ABSENT)
		keep_tail(f, c);
	else /* what is missing is counted, as when it is full */
		(void)outq_put(f->q, c->data, c->len, c->len);
}

/* The stream is over, and with it its consumer. */
static void
tell_end(struct feed *f)
{
	if (f->has_consumer)
		tell(f, NEWS_GONE, true);
	f->has_consumer = false;
}

void
feed_end(struct feed *f, enum how how)
{
	/* Asks for its head once more, if nobody has heard it yet. */
	tell_end(f);
	outq_finish(f->q, how == HOW_FIN ? OUTQ_FIN : OUTQ_RST);
	f->q = NULL;
}

void
feed_cut(struct feed *f)
{
	tell_end(f);
	outq_abort(f->q);
	f->q = NULL;
}
