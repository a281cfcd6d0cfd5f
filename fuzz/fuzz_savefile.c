#include "base/err.h"
#include "listener.h"
#include "source/filter.h"
#include "source/prefetch.h"
#include "source/savefile_feed.h"

/*
 * What "teeline read" does with a file (source/savefile_feed.h): byte 0 is the
 * size of the blocks that it comes in, byte 1 the options, the rest is the
 * file: a capture or a netrecord log.
 *
 * From its packets follow sessions; the sums of core/tally.h hold at the end.
 */

static void
feed(struct savefile_feed *f, struct fuzz_in *in, size_t block)
{
	enum savefile_feed_state state = SAVEFILE_FEED_USED;
	struct prefetch_block b = { .first = true };
	struct err err = { "" };
	uint8_t *data = NULL;
	int rc = 0;

	while (rc == 0 && in->left > 0 && state == SAVEFILE_FEED_USED) {
		free(data);
		data = fuzz_bytes(in, block, &b.len);
		b.data = data;
		savefile_feed_begin(f, &b);
		do {
			rc = savefile_feed_some(f, &state, &err);
		} while (rc == 0 && state == SAVEFILE_FEED_GO_ON);
		b.first = false;
	}
	if (rc == 0 && state == SAVEFILE_FEED_USED)
		rc = savefile_feed_end(f, &err);
	FUZZ_CHECK(rc == 0 || err.text[0] != '\0');
	free(data);
}

static void
check_tally(const struct listener *l, const struct savefile_feed *f)
{
	struct tally t = { .received = 0 };
	uint64_t bad = 0;

	savefile_feed_tally(f, &t);
	for (size_t i = 0; i < t.nreasons; i++)
		bad += t.undecodable[i].packets;
	FUZZ_CHECK(t.received ==
		   t.sessions + t.not_tcp + bad + t.fragments + t.strays);
	for (unsigned i = 0; i < DIR_NDIRS; i++)
		FUZZ_CHECK(t.payload[i].received ==
			   l->bytes[i] + t.payload[i].duplicate +
			       t.payload[i].differing + t.payload[i].late +
			       t.payload[i].strays + t.payload[i].held);
}

static struct savefile_feed_opts
draw_opts(struct source_numbers *numbers, unsigned how)
{
	return (struct savefile_feed_opts){
		.source = "read",
		.place = { .input = "read", .numbers = numbers },
		.max_packets = how & 1 ? 20 : 0,
		.max_sessions = how & 2 ? 2 : 0,
		.dissect = {
			.flow = {
				.reasm = {
					.hold = how & 4 ? 1000 : 100000,
					.hold_total = 200000,
					.hold_ns = REASM_HOLD_NS_DEFAULT,
					.history = 4096,
				},
				.max_concurrent = how & 8 ? 2 : 100,
				.max_bytes = how & 16 ? 500 : 0,
			},
			.decap = how >> 5,
		},
	};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	size_t block = 64 + 16 * (size_t)fuzz_u8(&in);
	struct source_numbers numbers = { .sessions = 0 };
	struct savefile_feed_opts o = draw_opts(&numbers, fuzz_u8(&in));
	struct savefile_feed f;
	struct listener l;
	struct err err = { "" };
	struct filter *filter = filter_new(NULL, &err);

	if (filter == NULL || !listener_init(&l)) {
		filter_free(filter);
		return 0;
	}
	savefile_feed_init(&f, &o, filter);
	if (savefile_feed_attach(&f, l.fan, &err) == 0) {
		feed(&f, &in, block);
		savefile_feed_stop(&f);
		check_tally(&l, &f);
	} else {
		FUZZ_CHECK(memory_is_short() && err.text[0] != '\0');
	}
	savefile_feed_done(&f);
	listener_done(&l);
	return 0;
}
