#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../core/fake_sink.h"
#include "../wire/packet_rig.h"

#include "base/err.h"

#include "core/fanout.h"
#include "core/tally.h"

#include "source/dissect.h"

#define MS UINT64_C(1000000)

static const struct packet_iface wire = { .linktype = 1 };

/*
 * A dissector with two sinks: one that keeps packets, one that hears streams.
 * After each packet the sums are checked, and that it came out once.
 */
struct scene {
	struct fake keeper;
	struct fake ear;
	struct sink *sinks[2];
	struct fanout *fan;
	struct dissect *d;
	uint64_t last_id;
	uint64_t now_ns;
	uint64_t kept;
};

static uint64_t
next_id(void *self)
{
	struct scene *s = self;

	return ++s->last_id;
}

static void
scene_init(struct scene *s, unsigned decap)
{
	const struct dissect_opts o = {
		.flow = {
			.source = "read",
			.reasm = {
				.hold = REASM_HOLD_DEFAULT,
				.hold_total = REASM_HOLD_TOTAL_DEFAULT,
				.hold_ns = REASM_HOLD_NS_DEFAULT,
				.history = REASM_HISTORY_DEFAULT,
			},
			.max_concurrent = 1000,
			.next_id = next_id,
			.self = s,
		},
		.decap = decap,
	};
	struct err err;

	memset(s, 0, sizeof(*s));
	fake_init(&s->keeper, NEED_NOTHING, ON_FULL_DROP);
	fake_keep_packets(&s->keeper);
	fake_init(&s->ear, NEED_MEMORY, ON_FULL_DROP);
	s->sinks[0] = &s->keeper.sink;
	s->sinks[1] = &s->ear.sink;
	s->fan = fanout_new(s->sinks, 2, NULL, &err);
	assert_non_null(s->fan);
	s->d = dissect_new(&o, s->fan, &err);
	assert_non_null(s->d);
	s->now_ns = 1000 * MS;
}

static void
scene_done(struct scene *s)
{
	dissect_stop(s->d);
	assert_int_equal(dissect_live(s->d), 0);
	dissect_free(s->d);
	fanout_free(s->fan);
}

static struct tally
scene_tally(const struct scene *s)
{
	struct tally t;
	uint64_t bad = 0;

	memset(&t, 0, sizeof(t));
	dissect_tally(s->d, &t);
	assert_int_equal(t.nreasons, DECODE_NBADS);
	for (size_t i = 0; i < t.nreasons; i++) {
		assert_non_null(t.undecodable[i].name);
		bad += t.undecodable[i].packets;
	}
	assert_int_equal(
	    t.received, t.sessions + t.not_tcp + t.strays + t.fragments + bad);
	return t;
}

/* How often something stands in a log. */
static unsigned
occurrences(const char *log, const char *word)
{
	unsigned n = 0;

	for (const char *p = log; (p = strstr(p, word)) != NULL; p++)
		n++;
	return n;
}

static void
give_cut(struct scene *s, const struct rig *r, uint32_t len)
{
	struct rig copy = *r;
	uint8_t *exact = malloc(len + 1);
	struct packet p = {
		.iface = &wire,
		.ts_ns = s->now_ns += MS,
		.data = exact + 1,
		.len = len,
		.wire_len = (uint32_t)r->len,
	};

	assert_non_null(exact);
	exact[0] = 0;
	memcpy(exact + 1, rig_data(&copy), len);
	s->keeper.log[0] = '\0';
	dissect_packet(s->d, &p);
	free(exact);
	/* Closing sessions may be told of too; packets only once. */
	assert_int_equal(occurrences(s->keeper.log, "packet ") +
			     occurrences(s->keeper.log, "stray "),
	    1);
	s->kept++;
	assert_int_equal(scene_tally(s).received, s->kept);
}

static void
give(struct scene *s, const struct rig *r)
{
	give_cut(s, r, (uint32_t)r->len);
}

/* A segment of RIG_PAYLOAD, or one without payload. */
static void
segment(struct rig *r, uint32_t seq, uint8_t flags, bool payload)
{
	uint8_t header[20];
	uint8_t *tcp;

	rig_tcp(r);
	memcpy(header, rig_data(r), sizeof(header));
	if (!payload) {
		r->len = 0;
		memcpy(rig_before(r, sizeof(header)), header, sizeof(header));
	}
	tcp = rig_data(r);
	bytes_put_be32(tcp + 4, seq);
	tcp[13] = flags;
}

/* The checksum of a segment as it lies there, between the rig's addresses. */
static void
seal(struct rig *r)
{
	uint64_t sum = checksum_add16(0, IP_PROTO_TCP);

	sum = checksum_add16(sum, (uint16_t)r->len);
	sum = checksum_add(sum, rig_v4_src, 4);
	sum = checksum_add(sum, rig_v4_dst, 4);
	bytes_put_be16(rig_data(r) + 16,
	    checksum_finish(checksum_add(sum, rig_data(r), r->len)));
}

static void
give_v4(struct scene *s, struct rig *r)
{
	rig_ipv4(r, IP_PROTO_TCP);
	rig_ethernet(r, 0x0800);
	give(s, r);
}

/* The client's SYN, and the first of its bytes. */
static void
begin(struct scene *s)
{
	struct rig r;

	segment(&r, RIG_SEQ - 1, 0x02, false);
	seal(&r);
	give_v4(s, &r);
	assert_int_equal(dissect_live(s->d), 1);
}

/*
 * Bytes @from to @to of what @r holds, as a fragment with id @id; the ends of
 * all but the last are multiples of 8.
 */
static void
fragment(
    const struct rig *r, size_t from, size_t to, uint8_t id, struct rig *out)
{
	struct rig copy = *r;
	uint8_t *ip;

	out->len = 0;
	memcpy(rig_before(out, to - from), rig_data(&copy) + from, to - from);
	rig_ipv4(out, IP_PROTO_TCP);
	ip = rig_data(out);
	ip[5] = id;
	bytes_put_be16(
	    ip + 6, (uint16_t)(from / 8 | (to < r->len ? 0x2000U : 0U)));
}

static void
a_conversation(void **state)
{
	struct scene s;
	struct rig r;
	struct tally t;

	(void)state;
	scene_init(&s, RIG_DEPTH);
	begin(&s);
	segment(&r, RIG_SEQ, 0x18, true);
	seal(&r);
	give_v4(&s, &r);
	assert_string_equal(s.ear.log, "open;c2s 0+12;");
	assert_int_equal(occurrences(s.keeper.log, "packet "), 1);
	t = scene_tally(&s);
	assert_int_equal(t.sessions, 2);
	assert_int_equal(t.bad_checksums, 0);
	assert_int_equal(t.payload[DIR_CLIENT].received, 12);
	/* Accepted, and counted. */
	segment(&r, RIG_SEQ + 12, 0x18, true);
	give_v4(&s, &r);
	assert_string_equal(s.ear.log, "open;c2s 0+12;c2s 12+12;");
	assert_int_equal(scene_tally(&s).bad_checksums, 1);
	scene_done(&s);
}

static void
each_class(void **state)
{
	struct scene s;
	struct rig r;
	struct tally t;

	(void)state;
	scene_init(&s, RIG_DEPTH);
	segment(&r, RIG_SEQ, 0x04, false); /* RST of nothing known */
	give_v4(&s, &r);
	rig_tcp(&r);
	rig_ethernet(&r, 0x0806);
	give(&s, &r);
	rig_tcp_ipv4(&r);
	rig_put(&r, 9, 50);
	rig_ethernet(&r, 0x0800);
	give(&s, &r);
	r.len = 0;
	give(&s, &r);
	t = scene_tally(&s);
	assert_int_equal(t.strays, 1);
	assert_int_equal(t.not_tcp, 1);
	assert_int_equal(t.undecodable[DECODE_ENCRYPTED].packets, 1);
	assert_string_equal(t.undecodable[DECODE_ENCRYPTED].name, "encrypted");
	assert_int_equal(t.undecodable[DECODE_TRUNCATED_LINK].packets, 1);
	assert_int_equal(t.sessions, 0);
	/* Workers are added up. */
	dissect_tally(s.d, &t);
	assert_int_equal(t.received, 8);
	assert_int_equal(t.undecodable[DECODE_ENCRYPTED].packets, 2);
	assert_int_equal(t.nreasons, DECODE_NBADS);
	scene_done(&s);
}

static void
unknown_link_type(void **state)
{
	struct scene s;
	struct rig r;
	const struct packet_iface other = { .linktype = 147 };
	struct packet p = { .iface = &other, .ts_ns = 1 };

	(void)state;
	scene_init(&s, RIG_DEPTH);
	rig_tcp_ipv4(&r);
	p.data = rig_data(&r);
	p.len = p.wire_len = (uint32_t)r.len;
	dissect_packet(s.d, &p);
	assert_int_equal(
	    scene_tally(&s).undecodable[DECODE_LINK_TYPE].packets, 1);
	assert_string_equal(s.keeper.log, "stray 52 @1;");
	scene_done(&s);
}

static void
fragments_move_to_the_class_of_the_whole(void **state)
{
	struct scene s;
	struct rig r, part;
	struct tally t;

	(void)state;
	scene_init(&s, RIG_DEPTH);
	begin(&s);
	segment(&r, RIG_SEQ, 0x18, true);
	seal(&r);
	fragment(&r, 24, r.len, 7, &part);
	rig_ethernet(&part, 0x0800);
	give(&s, &part);
	fragment(&r, 0, 16, 7, &part);
	rig_ethernet(&part, 0x0800);
	give(&s, &part);
	t = scene_tally(&s);
	assert_int_equal(t.fragments, 2);
	assert_int_equal(t.sessions, 1);
	assert_string_equal(s.ear.log, "open;");
	fragment(&r, 16, 24, 7, &part);
	rig_ethernet(&part, 0x0800);
	give(&s, &part);
	t = scene_tally(&s);
	assert_int_equal(t.fragments, 0);
	assert_int_equal(t.sessions, 4);
	assert_int_equal(t.bad_checksums, 0);
	assert_string_equal(s.ear.log, "open;c2s 0+12;");
	/* One that waits in vain. */
	fragment(&r, 0, 16, 8, &part);
	rig_ethernet(&part, 0x0800);
	give(&s, &part);
	assert_int_equal(scene_tally(&s).fragments, 1);
	scene_done(&s);
}

static void
fragments_of_other_classes(void **state)
{
	struct scene s;
	struct rig r, part;
	struct tally t;

	(void)state;
	scene_init(&s, RIG_DEPTH);
	for (uint8_t protocol = 6; protocol <= 17; protocol += 11) {
		for (size_t from = 0; from < 32; from += 16) {
			rig_tcp(&r);
			rig_put(&r, 12, 0x40); /* of TCP: too short */
			fragment(
			    &r, from, from == 0 ? 16 : r.len, protocol, &part);
			rig_put(&part, 9, protocol);
			rig_ethernet(&part, 0x0800);
			give(&s, &part);
		}
	}
	t = scene_tally(&s);
	assert_int_equal(t.fragments, 0);
	assert_int_equal(t.not_tcp, 2);
	assert_int_equal(t.undecodable[DECODE_BAD_TCP_HEADER].packets, 2);
	scene_done(&s);
}

/* A tunnel whose packets are cut, and what it carries was cut before. */
static void
fragments_within_fragments(void **state)
{
	struct scene s;
	struct rig segm, inner, outer;
	struct tally t;

	(void)state;
	scene_init(&s, RIG_DEPTH);
	begin(&s);
	segment(&segm, RIG_SEQ, 0x18, true);
	seal(&segm);
	for (uint8_t i = 0; i < 2; i++) {
		fragment(
		    &segm, i == 0 ? 0 : 16, i == 0 ? 16 : segm.len, 1, &inner);
		for (uint8_t k = 0; k < 2; k++) {
			fragment(&inner, k == 0 ? 0 : 24,
			    k == 0 ? 24 : inner.len, 2 + i, &outer);
			rig_put(&outer, 9, 4); /* IP within IP */
			rig_ethernet(&outer, 0x0800);
			give(&s, &outer);
			t = scene_tally(&s);
			assert_int_equal(
			    t.fragments, i + k < 2 ? i * 2 + k + 1 : 0);
		}
	}
	assert_int_equal(t.sessions, 5);
	assert_string_equal(s.ear.log, "open;c2s 0+12;");
	scene_done(&s);
}

static void
snapshot_length(void **state)
{
	struct scene s;
	struct rig r;

	(void)state;
	scene_init(&s, RIG_DEPTH);
	begin(&s);
	segment(&r, RIG_SEQ, 0x18, true);
	rig_ipv4(&r, IP_PROTO_TCP);
	rig_ethernet(&r, 0x0800);
	give_cut(&s, &r, (uint32_t)r.len - 7);
	segment(&r, RIG_SEQ + 12, 0x18, true);
	seal(&r);
	give_v4(&s, &r);
	dissect_stop(s.d);
	assert_non_null(strstr(s.ear.log, "open;c2s 0+5;gap c2s 5+7 snaplen"));
	assert_non_null(strstr(s.ear.log, ";c2s 12+12;"));
	/* A checksum over what is not there says nothing. */
	assert_int_equal(scene_tally(&s).bad_checksums, 0);
	scene_done(&s);
}

static void
tunnels_are_opened_as_deep_as_asked(void **state)
{
	struct scene s;
	struct rig r;

	(void)state;
	for (unsigned decap = 0; decap < 3; decap++) {
		scene_init(&s, decap);
		segment(&r, RIG_SEQ - 1, 0x02, false);
		rig_ipv4(&r, IP_PROTO_TCP);
		rig_ipv4(&r, 4);
		rig_ipv4(&r, 4);
		rig_ethernet(&r, 0x0800);
		give(&s, &r);
		assert_int_equal(scene_tally(&s).sessions, decap / 2);
		assert_int_equal(
		    scene_tally(&s).undecodable[DECODE_TOO_DEEP].packets,
		    1 - decap / 2);
		scene_done(&s);
	}
}

/* Whatever comes, the sums hold: give() checks them. */
static void
mangled_packets(void **state)
{
	struct scene s;
	uint32_t random = 3;

	(void)state;
	scene_init(&s, RIG_DEPTH);
	for (uint32_t i = 0; i < 20000; i++) {
		struct rig r, part;

		random = random * 1664525 + 1013904223;
		segment(&r, RIG_SEQ + (random >> 8) % 64,
		    (uint8_t)(random >> 16), true);
		if (i % 3 == 0) {
			size_t at = (random >> 24) % 4 * 8;

			fragment(&r, at, at == 24 ? r.len : at + 8,
			    (uint8_t)(random >> 29), &part);
			r = part;
		} else {
			rig_ipv4(&r, IP_PROTO_TCP);
		}
		if (i % 5 == 0)
			rig_ipv4(&r, 4);
		rig_ethernet(&r, 0x0800);
		if (i % 4 == 0)
			rig_put(&r, 14 + (random >> 12) % (r.len - 14),
			    (uint8_t)(random >> 20));
		s.ear.log[0] = '\0';
		give_cut(&s, &r, (uint32_t)r.len - (i % 7 == 0 ? i % 30 : 0));
	}
	assert_true(scene_tally(&s).sessions > 1000);
	assert_true(scene_tally(&s).fragments > 100);
	scene_done(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_conversation),
		cmocka_unit_test(each_class),
		cmocka_unit_test(unknown_link_type),
		cmocka_unit_test(fragments_move_to_the_class_of_the_whole),
		cmocka_unit_test(fragments_of_other_classes),
		cmocka_unit_test(fragments_within_fragments),
		cmocka_unit_test(snapshot_length),
		cmocka_unit_test(tunnels_are_opened_as_deep_as_asked),
		cmocka_unit_test(mangled_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
