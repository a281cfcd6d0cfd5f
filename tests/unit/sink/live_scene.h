#ifndef LIVE_SCENE_H
#define LIVE_SCENE_H

#include "../net/loopback.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/obuf.h"
#include "core/fanout.h"
#include "core/packet.h"
#include "core/session.h"
#include "core/sink_spec.h"
#include "net/worker.h"
#include "sink/pcapng_listen.h"

/*
 * A live capture on two workers, whose loops the test turns itself, and
 * clients that read it.
 */

#define WORKERS 2

/** struct scene - See above; @told is what the user was told. */
struct scene {
	struct worker *w[WORKERS];
	struct fanout *fan[WORKERS];
	struct sink_env env;
	struct sink_spec spec;
	struct sink sink;
	unsigned before;
	char told[512];
	struct addr at;
	size_t nworkers;
	bool running;
};

/**
 * struct reader - A client
 * @got:	All that it has read
 * @seen:	Of it, by lines()
 * @ended:	1: FIN, -1: RST
 */
struct reader {
	int fd;
	struct obuf got;
	size_t seen;
	int ended;
};

static inline void
scene_tell(void *self, const char *text)
{
	struct scene *sc = self;

	(void)snprintf(sc->told, sizeof(sc->told), "%s", text);
}

static inline int
scene_set_up(void **state)
{
	struct scene *sc = calloc(1, sizeof(*sc));

	assert_non_null(sc);
	sc->before = loopback_fds();
	sc->env.source = "proxy";
	sc->env.notice = scene_tell;
	sc->env.remark = scene_tell;
	sc->env.self = sc;
	sc->sink.queue = 1 << 20;
	sc->nworkers = WORKERS;
	*state = sc;
	return 0;
}

static inline int
scene_try(struct scene *sc, const char *arg, struct err *err)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s", arg);
	sc->spec.kind = (char *)(uintptr_t) "pcapng-listen";
	sc->spec.arg = text;
	sc->sink.name = sc->spec.kind;
	err->text[0] = '\0';
	return pcapng_listen_kind.make(&sc->sink, &sc->spec, &sc->env, err);
}

/* All but that the workers run. */
static inline void
scene_prepare(struct scene *sc)
{
	struct sink *list = &sc->sink;
	struct err err;

	if (scene_try(sc, "127.0.0.1:0", &err) != 0)
		fail_msg("%s", err.text);
	sc->at = loopback_addr(AF_INET);
	assert_non_null(strrchr(sc->told, ':'));
	sc->at.port = (uint16_t)atoi(strrchr(sc->told, ':') + 1);
	for (size_t i = 0; i < sc->nworkers; i++) {
		sc->w[i] = worker_new((unsigned)i, &err);
		assert_non_null(sc->w[i]);
		sc->fan[i] = fanout_new(&list, 1, sc->w[i], &err);
		assert_non_null(sc->fan[i]);
	}
}

static inline void
scene_start(struct scene *sc)
{
	scene_prepare(sc);
	for (size_t i = 0; i < sc->nworkers; i++)
		fanout_start(sc->fan[i]);
	sc->running = true;
}

/* One turn of worker @i, with what comes at its end. */
static inline void
scene_turn_one(struct scene *sc, size_t i)
{
	(void)fanout_turn(sc->fan[i], clock_mono_ns());
	loopback_step(sc->w[i]);
}

static inline void
scene_turn(struct scene *sc)
{
	for (size_t i = 0; i < sc->nworkers; i++)
		scene_turn_one(sc, i);
}

#define SCENE_UNTIL(sc, condition)                                             \
	do {                                                                   \
		uint64_t late_ = clock_mono_ns() + LOOPBACK_DEADLINE_NS;       \
		while (!(condition)) {                                         \
			if (clock_mono_ns() > late_)                           \
				fail_msg("never happened: %s", #condition);    \
			scene_turn(sc);                                        \
		}                                                              \
	} while (0)

static inline uint64_t
scene_sum(const struct scene *sc, size_t off)
{
	uint64_t n = 0;

	for (size_t i = 0; i < sc->nworkers; i++)
		n += count_get((const struct count *)(const void
			*)((const char *)&fanout_lane(sc->fan[i], 0)->count +
			   off));
	return n;
}

#define SCENE_COUNT(sc, member)                                                \
	scene_sum(sc, offsetof(struct sink_count, member))

static inline uint64_t
scene_dropped(const struct scene *sc, enum drop_reason why)
{
	return scene_sum(sc, offsetof(struct sink_count, drop_bytes) +
				 (size_t)why * sizeof(struct count));
}

static inline uint64_t
scene_accounted(const struct scene *sc)
{
	uint64_t n = SCENE_COUNT(sc, written);

	for (int r = 0; r < DROP_NREASONS; r++)
		n += scene_dropped(sc, (enum drop_reason)r);
	return n;
}

/* The ports of all workers say that nothing more comes. */
static inline void
scene_finish(struct scene *sc, uint64_t span_ns)
{
	for (size_t i = 0; i < sc->nworkers; i++)
		fanout_finish(sc->fan[i], clock_mono_ns() + span_ns, true);
	sc->running = false;
}

static inline int
scene_tear_down(void **state)
{
	struct scene *sc = *state;

	if (sc->running)
		scene_finish(sc, 0);
	if (sc->w[0] != NULL) {
		for (int i = 0; i < 5; i++)
			scene_turn(sc);
		/* Nothing may have got lost between the counters. */
		assert_int_equal(scene_accounted(sc), SCENE_COUNT(sc, offered));
	}
	for (size_t i = 0; i < sc->nworkers; i++)
		worker_free(sc->w[i]);
	for (size_t i = 0; i < sc->nworkers; i++)
		fanout_free(sc->fan[i]);
	if (sc->sink.ops != NULL)
		sc->sink.ops->free(&sc->sink);
	assert_int_equal(loopback_fds(), sc->before);
	free(sc);
	return 0;
}

/* --- sessions ---------------------------------------------------------- */

static inline struct session *
scene_open(struct scene *sc, size_t worker, uint64_t id)
{
	struct {
		struct session s;
		struct session_more more;
	} *whole = malloc(sizeof(*whole));
	void *slots = calloc(1, fanout_session_size(sc->fan[worker]));
	struct session *s = &whole->s;

	assert_non_null(whole);
	assert_non_null(slots);
	session_init(s, sc->fan[worker], slots);
	session_use_more(s, &whole->more);
	s->id = id;
	s->source = sc->env.source;
	s->no_packets = true;
	s->open_ns = clock_event_ns();
	assert_int_equal(addr_parse_ip(&s->client, "127.0.0.1"), 0);
	assert_int_equal(addr_parse_ip(&s->server, "192.0.2.7"), 0);
	s->more->local = s->more->listen = s->client;
	s->client.port = (uint16_t)(40000 + id);
	s->server.port = 21;
	session_open(s);
	return s;
}

static inline void
scene_say(struct session *s, enum dir dir, size_t len)
{
	uint8_t *data = malloc(len);
	struct chunk c = {
		.dir = dir,
		.off = s->off[dir],
		.ts_ns = clock_event_ns(),
		.data = data,
		.len = len,
	};

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(c.off + i);
	session_data(s, &c);
	free(data);
}

static inline void
scene_shut(struct session *s)
{
	session_close(s, clock_event_ns(), HOW_FIN, PARTY_CLIENT);
	free(s->slots);
	free(s);
}

static inline void
scene_packet(struct scene *sc, const struct packet_iface *iface, size_t len)
{
	uint8_t *data = calloc(1, len);
	const struct packet p = {
		.iface = iface,
		.ts_ns = clock_event_ns(),
		.data = data,
		.len = (uint32_t)len,
		.wire_len = (uint32_t)len,
	};

	assert_non_null(data);
	fanout_packet(sc->fan[0], NULL, &p);
	free(data);
}

/* --- clients ----------------------------------------------------------- */

static inline struct reader
reader_new(const struct scene *sc)
{
	struct reader r = { .fd = loopback_connect(&sc->at) };

	loopback_nonblock(r.fd);
	return r;
}

/* One that soon has no room, and is quick once it reads. */
static inline struct reader
reader_slow(struct scene *sc)
{
	struct reader r = reader_new(sc);
	int size = 65536;

	assert_int_equal(
	    setsockopt(r.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	return r;
}

static inline void
reader_read(struct reader *r)
{
	uint8_t buf[65536];
	ssize_t n;

	while (r->ended == 0 && (n = read(r->fd, buf, sizeof(buf))) != 0) {
		if (n < 0) {
			r->ended = errno == EAGAIN ? 0 : -1;
			return;
		}
		obuf_put(&r->got, buf, (size_t)n);
	}
	if (r->ended == 0)
		r->ended = 1;
}

/* Whole blocks that have come; what follows them is part of one. */
static inline size_t
reader_blocks(const struct reader *r, size_t from, size_t *end)
{
	size_t n = 0, len;

	for (; r->got.len - from >= 12; from += len, n++) {
		len = bytes_get_le32(r->got.data + from + 4);
		if (len > r->got.len - from)
			break;
		assert_true(len >= 12 && len % 4 == 0);
		assert_int_equal(
		    bytes_get_le32(r->got.data + from + len - 4), len);
	}
	*end = from;
	return n;
}

/* Reads what there is; so many whole blocks have come in all. */
static inline size_t
reader_hears(struct reader *r)
{
	size_t end;

	reader_read(r);
	return reader_blocks(r, 0, &end);
}

/* Turns until so many whole blocks have come in all. */
static inline void
reader_wait(struct scene *sc, struct reader *r, size_t blocks)
{
	SCENE_UNTIL(sc, reader_hears(r) >= blocks);
}

static inline const uint8_t *
reader_option(const uint8_t *p, unsigned code)
{
	while (bytes_get_le16(p) != code && bytes_get_le16(p) != 0)
		p += 4 + (bytes_get_le16(p + 2) + 3U) / 4 * 4;
	assert_int_equal(bytes_get_le16(p), code);
	return p + 4;
}

/* "tcp flags len" of a packet that was made; the length of another. */
static inline void
reader_epb(struct obuf *text, const uint8_t *p)
{
	static const char letter[] = "FSRPA";
	unsigned len = bytes_get_le32(p + 20);
	const uint8_t *tcp = p + 28 + 20;

	obuf_printf(text, "EPB %u", (unsigned)bytes_get_le32(p + 8));
	if (p[28] != 0x45) {
		obuf_printf(text, " %u\n", len);
		return;
	}
	obuf_puts(text, bytes_get_be16(tcp) == 21 ? " S " : " C ");
	for (unsigned i = 0; i < 5; i++)
		if (tcp[13] & 1U << i)
			obuf_putc(text, letter[i]);
	obuf_printf(text, " %u\n", len - 20 - (unsigned)(tcp[12] >> 4) * 4);
}

static inline void
reader_line(struct obuf *text, const uint8_t *p)
{
	switch (bytes_get_le32(p)) {
	case 0x0a0d0d0a:
		obuf_puts(text, "SHB\n");
		break;
	case 1:
		obuf_printf(text, "IDB %u\n", bytes_get_le16(p + 8));
		break;
	case 5:
		obuf_printf(text, "ISB %u recv %u drop %u\n",
		    (unsigned)bytes_get_le32(p + 8),
		    (unsigned)bytes_get_le64(reader_option(p + 20, 4)),
		    (unsigned)bytes_get_le64(reader_option(p + 20, 5)));
		break;
	case 6:
		reader_epb(text, p);
		break;
	default:
		fail_msg("block of type %u", bytes_get_le32(p));
	}
}

/* What has come since the last time, a line per block; freed by the caller. */
static inline char *
reader_lines(struct reader *r)
{
	struct obuf text = { 0 };
	size_t end;

	(void)reader_blocks(r, r->seen, &end);
	for (; r->seen < end;
	     r->seen += bytes_get_le32(r->got.data + r->seen + 4))
		reader_line(&text, r->got.data + r->seen);
	obuf_putc(&text, '\0');
	return (char *)text.data;
}

static inline void
reader_expect(
    struct scene *sc, struct reader *r, size_t blocks, const char *want)
{
	char *lines;

	reader_wait(sc, r, blocks);
	lines = reader_lines(r);
	assert_string_equal(lines, want);
	free(lines);
}

/* It is a client from now on, on every worker. */
static inline struct reader
reader_come(struct scene *sc)
{
	struct reader r = reader_new(sc);

	reader_wait(sc, &r, 1);
	/* To the other worker and back. */
	for (int i = 0; i < 4; i++)
		scene_turn(sc);
	return r;
}

static inline void
reader_done(struct reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	obuf_done(&r->got);
}

#endif /* LIVE_SCENE_H */
