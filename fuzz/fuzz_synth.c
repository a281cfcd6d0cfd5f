#include "base/err.h"
#include "base/obuf.h"
#include "core/packet.h"
#include "listener.h"
#include "source/dissect.h"
#include "wire/capfile.h"
#include "wire/capfile_item.h"
#include "wire/checksum.h"
#include "wire/pcap.h"
#include "wire/pcapng.h"
#include "wire/synth.h"

/*
 * Packets made for streams (wire/synth.h), written into a capture file
 * (wire/pcapng.h, wire/pcap.h), read back (wire/capfile.h) and put together
 * again (source/dissect.h): out come the bytes and gaps that went in.
 *
 * Byte 0 is the kind of file and of addresses; then follow the events.
 */

struct scene {
	struct synth synth;
	struct obuf file;
	struct listener listener;
	struct dissect *dissect;
	uint64_t ids;
	uint64_t now_ns;
	uint64_t said[SYNTH_NSIDES];
	uint64_t sum[SYNTH_NSIDES];
	uint64_t heard[DIR_NDIRS];
	bool is_pcap;
	bool has_gap;
};

static uint64_t
mix(uint64_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ p[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static void
emit(void *self, const struct frame *f)
{
	struct scene *sc = self;

	FUZZ_CHECK(f->head_len + f->data_len == f->wire_len);
	if (sc->is_pcap)
		pcap_put_packet(&sc->file, f);
	else
		pcapng_put_packet(&sc->file, 0, f);
}

static void
say(struct scene *sc, const struct synth_out *out, struct fuzz_in *in,
    enum synth_side side)
{
	/* Longer than a segment, now and then. */
	size_t times = fuzz_u8(in) == 255 ? 3000 : 1, len;
	uint8_t *piece = fuzz_bytes(in, 1 + fuzz_u8(in) % 64, &len), *data;

	if (len > 0) {
		data = memory_own(len * times);
		for (size_t i = 0; i < times; i++)
			memcpy(data + i * len, piece, len);
		synth_data(&sc->synth, out, side, data, len * times);
		sc->said[side] += len * times;
		sc->sum[side] = mix(sc->sum[side], data, len * times);
		free(data);
	}
	free(piece);
}

/* What a session does, in the order in which it can. */
static void
converse(struct scene *sc, struct fuzz_in *in)
{
	bool over[SYNTH_NSIDES] = { false };

	while (in->left > 0) {
		unsigned op = fuzz_u8(in);
		enum synth_side side = op & 1 ? SYNTH_SERVER : SYNTH_CLIENT;
		struct synth_out out = { emit, sc, ++sc->now_ns };

		if (over[side])
			continue;
		switch (op >> 1 & 7) {
		case 0:
			synth_gap(&sc->synth, &out, side, 1 + fuzz_u8(in));
			sc->has_gap = true;
			break;
		case 1:
			synth_fin(&sc->synth, &out, side);
			over[side] = true;
			break;
		case 2:
			synth_abort(&sc->synth, &out, side,
			    op & 16 ? SYNTH_SERVER : SYNTH_CLIENT);
			over[side] = true;
			break;
		default:
			say(sc, &out, in, side);
		}
	}
	synth_close(&sc->synth, &(struct synth_out){ emit, sc, sc->now_ns });
}

static void
on_data(struct sink_lane *lane, void *st, const struct session *s,
    const struct chunk *c)
{
	struct listener *l = lane->self;
	struct scene *sc = ATTR_CONTAINER(l, struct scene, listener);

	listener_data(lane, st, s, c);
	sc->heard[c->dir] = mix(sc->heard[c->dir], c->data, c->len);
}

static uint64_t
next_id(void *self)
{
	struct scene *sc = self;

	return ++sc->ids;
}

static void
dissect(struct scene *sc, const struct capfile_item_packet *ip)
{
	static const struct packet_iface iface = {
		.linktype = PCAPNG_LINKTYPE_RAW,
	};
	struct packet p = {
		.iface = &iface,
		.ts_ns = ip->ts_ns,
		.data = ip->data,
		.len = ip->len,
		.wire_len = ip->wire_len,
	};

	FUZZ_CHECK(ip->ts_ns <= sc->now_ns && ip->len == ip->wire_len);
	dissect_packet(sc->dissect, &p);
}

static void
read_back(struct scene *sc)
{
	struct capfile_item item;
	struct capfile c;
	struct err err = { "" };
	size_t at = 0;

	FUZZ_CHECK(capfile_sniff(sc->file.data, sc->file.len) ==
		   (sc->is_pcap ? CAPFILE_PCAP : CAPFILE_PCAPNG));
	capfile_init(&c, sc->is_pcap ? CAPFILE_PCAP : CAPFILE_PCAPNG);
	while (at < sc->file.len) {
		int rc = capfile_next(
		    &c, sc->file.data + at, sc->file.len - at, &item, &err);

		if (rc != 0 && memory_is_short())
			break;
		FUZZ_CHECK(rc == 0 && item.what != CAPFILE_ITEM_MORE);
		if (item.what == CAPFILE_ITEM_PACKET)
			dissect(sc, &item.packet);
		at += item.used;
	}
	FUZZ_CHECK(at == sc->file.len || memory_is_short());
	capfile_done(&c);
}

static void
check(const struct scene *sc)
{
	struct tally t = { .received = 0 };

	dissect_tally(sc->dissect, &t);
	FUZZ_CHECK(t.bad_checksums == 0 && t.not_tcp == 0);
	if (memory_is_short())
		return;
	FUZZ_CHECK(t.received == t.sessions);
	FUZZ_CHECK(sc->listener.opened == 1);
	for (unsigned i = 0; i < DIR_NDIRS; i++) {
		FUZZ_CHECK(sc->listener.bytes[i] == sc->said[i]);
		FUZZ_CHECK(sc->heard[i] == sc->sum[i]);
	}
}

static bool
start(struct scene *sc, struct err *err)
{
	const struct dissect_opts o = {
		.flow = {
			.source = "read",
			.input = "read",
			.reasm = {
				.hold = REASM_HOLD_DEFAULT,
				.hold_total = REASM_HOLD_TOTAL_DEFAULT,
				.hold_ns = REASM_HOLD_NS_DEFAULT,
				.history = 4096,
			},
			.max_concurrent = 10,
			.next_id = next_id,
			.self = sc,
		},
		.decap = DISSECT_DECAP_DEFAULT,
	};

	if (!listener_init(&sc->listener))
		return false;
	sc->listener.events_ops.data = on_data;
	sc->dissect = dissect_new(&o, sc->listener.fan, err);
	FUZZ_CHECK(sc->dissect != NULL || memory_is_short());
	return sc->dissect != NULL;
}

static struct addr
end(unsigned how, unsigned port)
{
	static const uint16_t families[] = { AF_INET, AF_INET6, AF_UNIX,
		AF_UNSPEC };
	struct addr a = { .family = families[how & 3] };

	if (a.family == AF_UNIX) {
		a.path = "/run/x";
		return a;
	}
	a.ip[0] = 0x20;
	a.ip[3] = (uint8_t)port;
	a.port = (uint16_t)(a.family == AF_UNSPEC ? 0 : port);
	return a;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	unsigned how = fuzz_u8(&in);
	struct scene sc = { .now_ns = UINT64_C(1) << 60 };
	struct addr client = end(how, 40000), server = end(how >> 2, 80);
	const struct synth_out out = { emit, &sc, sc.now_ns };
	struct err err = { "" };

	sc.is_pcap = (how & 16) != 0;
	if (start(&sc, &err)) {
		const struct pcapng_interface iface = { PCAPNG_LINKTYPE_RAW, 0,
			"fuzz", NULL };

		if (sc.is_pcap) {
			pcap_put_file(
			    &sc.file, PCAPNG_LINKTYPE_RAW, PCAPNG_SNAPLEN);
		} else {
			pcapng_put_section(&sc.file,
			    &(struct pcapng_section){ NULL, "x", NULL });
			pcapng_put_interface(&sc.file, &iface);
		}
		synth_init(&sc.synth, &client, &server, 1 + fuzz_u32(&in));
		synth_open(&sc.synth, &out);
		synth_accept(&sc.synth, &out);
		converse(&sc, &in);
		FUZZ_CHECK(!sc.file.failed || memory_is_short());
		if (!sc.file.failed)
			read_back(&sc);
		dissect_stop(sc.dissect);
		if (!sc.file.failed)
			check(&sc);
	}
	dissect_free(sc.dissect);
	if (sc.listener.fan != NULL)
		listener_done(&sc.listener);
	obuf_done(&sc.file);
	return 0;
}
