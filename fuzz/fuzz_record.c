#include "base/attr.h"
#include "base/err.h"
#include "base/obuf.h"
#include "core/sink.h"
#include "events.h"
#include "listener.h"
#include "sink/made.h"
#include "source/filter.h"
#include "source/prefetch.h"
#include "source/savefile_feed.h"
#include "wire/netrecord.h"
#include "wire/pcapng.h"

/*
 * What sinks record of sessions (events.h) is what "teeline read" reads: byte 0
 * is the kind of the record and the size of the blocks that it is read in, byte
 * 1 says after how many events somebody begins to listen; then follow the
 * events.
 *
 * A capture made of events (sink/made.h) has every session, with every byte at
 * its offset from when it was listened to; a log of netrecord has those of its
 * one session, without what was missing.
 */

/* Those that come later are not looked at. */
#define MOST 16

/**
 * struct stream - Bytes of one direction
 * @n:		How many
 * @sum:	Of them and their offsets
 * @gap:	Bytes missing
 * @from:	Offset that those count from
 */
struct stream {
	uint64_t n;
	uint64_t sum;
	uint64_t gap;
	uint64_t from;
};

/** struct book - A session, as it was told, and as it was read */
struct book {
	struct stream said[DIR_NDIRS];
	struct stream heard[DIR_NDIRS];
	unsigned times;
};

struct slot {
	struct made made;
};

/**
 * struct scene - A record, while it is written and while it is read
 * @join:	Events to come before somebody listens; 0: somebody does
 * @slot:	[session of the events] what the sink keeps for it
 */
struct scene {
	struct sink_ops ops;
	struct events ev;
	struct obuf file;
	struct obuf words;
	bool is_log;
	unsigned join;
	struct slot *slot[EVENTS_SESSIONS];
	struct book book[MOST];
	struct listener listener;
};

static void
note(struct stream *st, uint64_t off, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		st->sum += (off - st->from + i + 1) * 0x9e3779b97f4a7c15U *
			   (p[i] + 1U);
	st->n += len;
}

static struct book *
book_at(struct scene *sc, uint64_t id)
{
	return id > 0 && id <= MOST ? &sc->book[id - 1] : NULL;
}

/* --- writing ----------------------------------------------------------- */

static struct scene *
scene_of(const struct sink_lane *lane)
{
	return lane->sink->self;
}

static void
emit(void *self, const struct frame *f)
{
	struct scene *sc = self;

	pcapng_put_packet(&sc->file, 0, f);
}

static struct made_out
out_of(struct scene *sc)
{
	return (struct made_out){
		.emit = sc->join > 0 || sc->is_log ? NULL : emit,
		.self = sc,
		.words = &sc->words,
	};
}

/* As sink/netrecord.c does, of the first session. */
static void
log_put(struct scene *sc, const struct session *s, struct netrecord r,
    const uint8_t *data)
{
	uint8_t *p;

	if (!sc->is_log || s->id != 1)
		return;
	r.time_us = (sc->ev.now_ns - EVENTS_START_NS) / CLOCK_NS_PER_US;
	p = obuf_room(&sc->file, NETRECORD_HEAD_MAX + r.len);
	if (p == NULL)
		return;
	sc->file.len += netrecord_encode((char *)p, &r);
	obuf_put(&sc->file, data, r.len);
}

static enum netrecord_side
side_of(enum dir dir)
{
	return dir == DIR_CLIENT ? NETRECORD_CLIENT : NETRECORD_SERVER;
}

/* Somebody comes: every session is told, as sink/hub.c does. */
static void
begin_to_listen(struct scene *sc)
{
	const struct made_out out = { emit, sc, &sc->words };

	for (size_t i = 0; i < EVENTS_SESSIONS; i++) {
		struct session *s = &sc->ev.s[i];
		struct slot *slot = sc->slot[i];
		struct book *b = book_at(sc, s->id);

		if (!sc->ev.is_open[i] || b == NULL)
			continue;
		for (unsigned d = 0; d < DIR_NDIRS; d++)
			b->said[d].from = s->off[d];
		made_join(&slot->made, &out, s, sc->ev.now_ns);
	}
}

/* After each event. */
static void
count_down(struct scene *sc)
{
	if (sc->join > 0 && --sc->join == 0)
		begin_to_listen(sc);
}

static int
on_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	(void)lane;
	(void)w;
	(void)err;
	return 0;
}

static void
on_lane_free(struct sink_lane *lane)
{
	(void)lane;
}

static int
on_open(struct sink_lane *lane, void *st, const struct session *s)
{
	struct scene *sc = scene_of(lane);
	const struct made_out out = out_of(sc);
	struct slot *slot = st;

	sc->slot[s == &sc->ev.s[1]] = slot;
	made_open(&slot->made, &out, s);
	log_put(sc, s,
	    (struct netrecord){
		.side = NETRECORD_CLIENT,
		.what = NETRECORD_CON,
	    },
	    NULL);
	return 0;
}

static void
on_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct scene *sc = scene_of(lane);
	const struct made_out out = out_of(sc);
	struct book *b = book_at(sc, s->id);
	struct slot *slot = st;

	if (b != NULL && sc->join == 0)
		note(&b->said[c->dir], sc->is_log ? b->said[c->dir].n : c->off,
		    c->data, c->len);
	made_data(&slot->made, &out, c);
	log_put(sc, s,
	    (struct netrecord){
		.side = side_of(c->dir),
		.what = NETRECORD_DATA,
		.len = c->len,
	    },
	    c->data);
}

static void
on_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	struct scene *sc = scene_of(lane);
	const struct made_out out = out_of(sc);
	struct book *b = book_at(sc, s->id);
	struct slot *slot = st;

	if (b != NULL && sc->join == 0)
		b->said[g->dir].gap += g->len;
	made_gap(&slot->made, &out, g);
}

static void
on_end(struct sink_lane *lane, void *st, const struct session *s,
    const struct end *e)
{
	struct scene *sc = scene_of(lane);
	const struct made_out out = out_of(sc);
	struct slot *slot = st;

	made_end(&slot->made, &out, s, e);
	if (e->by != PARTY_US)
		log_put(sc, s,
		    (struct netrecord){
			.side = side_of(e->dir),
			.what =
			    e->how == HOW_FIN ? NETRECORD_HUP : NETRECORD_ERR,
		    },
		    NULL);
}

static void
on_close(struct sink_lane *lane, void *st, const struct session *s)
{
	const struct made_out out = out_of(scene_of(lane));
	struct slot *slot = st;

	made_close(&slot->made, &out, s);
}

static void
begin_file(struct scene *sc)
{
	const struct pcapng_section section = { NULL, "fuzz", NULL };
	const struct pcapng_interface iface = { PCAPNG_LINKTYPE_RAW, 0, "fuzz",
		NULL };

	if (sc->is_log)
		return;
	pcapng_put_section(&sc->file, &section);
	pcapng_put_interface(&sc->file, &iface);
}

static bool
record(struct scene *sc, struct fuzz_in *in)
{
	char name[] = "fuzz";
	struct sink sink = { .ops = &sc->ops, .name = name, .self = sc };
	struct sink *sinks[] = { &sink };
	struct err err = { "" };

	sc->ops = (struct sink_ops){
		.kind = "fuzz",
		.need = NEED_MEMORY,
		.session_size = sizeof(struct slot),
		.lane_new = on_lane_new,
		.lane_free = on_lane_free,
		.open = on_open,
		.data = on_data,
		.gap = on_gap,
		.end = on_end,
		.close = on_close,
	};
	sc->ev.fan = fanout_new(sinks, 1, NULL, &err);
	if (sc->ev.fan == NULL)
		return false;
	sc->ev.source = "proxy";
	sc->ev.target = "example:80";
	sc->ev.now_ns = EVENTS_START_NS;
	begin_file(sc);
	while (in->left > 0) {
		events_step(&sc->ev, in);
		count_down(sc);
	}
	events_stop(&sc->ev);
	fanout_free(sc->ev.fan);
	FUZZ_CHECK(!sc->file.failed || memory_is_short());
	return !sc->file.failed && !sc->words.failed;
}

/* --- reading ----------------------------------------------------------- */

/* The session that @s was, by its client's port. */
static struct book *
book_of(struct scene *sc, const struct session *s)
{
	return book_at(
	    sc, sc->is_log ? 1 : (uint64_t)s->client.port - EVENTS_PORT);
}

static struct scene *
scene_at(const struct sink_lane *lane)
{
	struct listener *l = lane->self;

	return ATTR_CONTAINER(l, struct scene, listener);
}

static int
on_heard_open(struct sink_lane *lane, void *st, const struct session *s)
{
	struct book *b = book_of(scene_at(lane), s);

	if (b != NULL)
		b->times++;
	return listener_open(lane, st, s);
}

static void
on_heard(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct book *b = book_of(scene_at(lane), s);

	listener_data(lane, st, s, c);
	if (b != NULL)
		note(&b->heard[c->dir], c->off, c->data, c->len);
}

static void
on_heard_gap(struct sink_lane *lane, void *st, const struct session *s,
    const struct gap *g)
{
	struct book *b = book_of(scene_at(lane), s);

	listener_gap(lane, st, s, g);
	if (b != NULL)
		b->heard[g->dir].gap += g->len;
}

static void
feed(struct savefile_feed *f, const struct obuf *file, size_t block)
{
	enum savefile_feed_state state = SAVEFILE_FEED_USED;
	struct fuzz_in in = { file->data, file->len };
	struct prefetch_block b = {
		.first = true,
		.start_ns = EVENTS_START_NS,
	};
	struct err err = { "" };
	int rc = 0;

	while (rc == 0 && in.left > 0) {
		uint8_t *data = fuzz_bytes(&in, block, &b.len);

		b.data = data;
		savefile_feed_begin(f, &b);
		do {
			rc = savefile_feed_some(f, &state, &err);
		} while (rc == 0 && state == SAVEFILE_FEED_GO_ON);
		b.first = false;
		free(data);
	}
	if (rc == 0)
		rc = savefile_feed_end(f, &err);
	FUZZ_CHECK(rc == 0 || memory_is_short());
}

static void
check(struct scene *sc)
{
	size_t most = sc->is_log ? 1 : MOST;

	if (memory_is_short())
		return;
	for (size_t i = 0; i < most; i++) {
		struct book *b = &sc->book[i];

		FUZZ_CHECK(b->times <= 1);
		for (unsigned d = 0; d < DIR_NDIRS; d++) {
			FUZZ_CHECK(b->heard[d].n == b->said[d].n);
			FUZZ_CHECK(b->heard[d].sum == b->said[d].sum);
			FUZZ_CHECK(b->heard[d].gap <= b->said[d].gap);
		}
	}
}

static struct savefile_feed_opts
feed_opts(struct source_numbers *numbers)
{
	return (struct savefile_feed_opts){
		.source = "read",
		.place = { .input = "read", .numbers = numbers },
		.dissect = {
			.flow = {
				.reasm = {
					.hold = REASM_HOLD_DEFAULT,
					.hold_total = REASM_HOLD_TOTAL_DEFAULT,
					.hold_ns = REASM_HOLD_NS_DEFAULT,
					.history = 4096,
				},
				.max_concurrent = 100,
			},
			.decap = DISSECT_DECAP_DEFAULT,
		},
	};
}

static void
read_back(struct scene *sc, size_t block)
{
	struct source_numbers numbers = { .sessions = 0 };
	const struct savefile_feed_opts o = feed_opts(&numbers);
	struct savefile_feed f;
	struct err err = { "" };
	struct filter *filter = filter_new(NULL, &err);

	if (filter == NULL || !listener_init(&sc->listener)) {
		filter_free(filter);
		return;
	}
	sc->listener.events_ops.open = on_heard_open;
	sc->listener.events_ops.data = on_heard;
	sc->listener.events_ops.gap = on_heard_gap;
	savefile_feed_init(&f, &o, filter);
	if (savefile_feed_attach(&f, sc->listener.fan, &err) == 0) {
		feed(&f, &sc->file, block);
		savefile_feed_stop(&f);
		check(sc);
	}
	savefile_feed_done(&f);
	listener_done(&sc->listener);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	unsigned how = fuzz_u8(&in);
	struct scene sc = { .is_log = (how & 3) == 3 };

	sc.join = sc.is_log ? 0 : fuzz_u8(&in) % 32;
	/* A log begins with its session. */
	if (record(&sc, &in) && sc.file.len > 0)
		read_back(&sc, 64 + 16 * (size_t)(how >> 2));
	obuf_done(&sc.file);
	obuf_done(&sc.words);
	return 0;
}
