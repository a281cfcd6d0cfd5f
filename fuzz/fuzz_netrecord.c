#include <errno.h>

#include "base/err.h"
#include "core/tally.h"
#include "listener.h"
#include "source/netrecord_log.h"
#include "wire/capfile_item.h"
#include "wire/netrecord.h"

/*
 * netrecord's logs (wire/netrecord.h, source/netrecord_log.h): byte 0 is how
 * much more of the file comes into view at a time, byte 1 the limit of the
 * session; the rest is the log.
 *
 * A head that was read is written as it stood, or means the same; a log read in
 * pieces gives the bytes and the end that it gives as a whole.
 */

struct outcome {
	uint64_t bytes[DIR_NDIRS];
	int rc;
};

/* Front of the file: what is read is what is written. */
static void
check_head(const struct fuzz_in *in)
{
	char text[NETRECORD_HEAD_MAX];
	struct netrecord r, again;
	size_t used, len;

	if (netrecord_decode(&r, &used, in->p, in->left) != 0)
		return;
	FUZZ_CHECK(used > 0 && used <= in->left);
	FUZZ_CHECK(r.what == NETRECORD_DATA || r.len == 0);
	len = netrecord_encode(text, &r);
	FUZZ_CHECK(len <= sizeof(text));
	FUZZ_CHECK(
	    netrecord_decode(&again, &used, (const uint8_t *)text, len) == 0);
	FUZZ_CHECK(used == len && again.side == r.side &&
		   again.what == r.what && again.time_us == r.time_us &&
		   again.len == r.len);
}

/* One more item out of the @len bytes in view; what was used up. */
static size_t
next(
    struct netrecord_log *l, const uint8_t *data, size_t len, struct outcome *o)
{
	/* Of exactly this size: what is not in view is not to be read. */
	uint8_t *view = memory_own(len);
	struct capfile_item item;
	struct err err = { "" };
	size_t used = 0;

	memcpy(view, data, len);
	o->rc = netrecord_log_next(l, view, len, &item, &err);
	FUZZ_CHECK(o->rc == 0 || err.text[0] != '\0');
	if (o->rc == 0 && item.what == CAPFILE_ITEM_MORE) {
		FUZZ_CHECK(item.need > len);
	} else if (o->rc == 0) {
		FUZZ_CHECK(item.what == CAPFILE_ITEM_PASS && item.used > 0);
		used = item.used;
	}
	free(view);
	return used;
}

static void
read_log(struct netrecord_log *l, const struct fuzz_in *in, size_t step,
    struct outcome *o)
{
	size_t at = 0, end = 0;
	struct err err = { "" };

	while (o->rc == 0 && end < in->left) {
		size_t used = 1;

		end = step < in->left - end ? end + step : in->left;
		while (o->rc == 0 && used > 0 && at < end) {
			used = next(l, in->p + at, end - at, o);
			at += used;
		}
	}
	if (o->rc == 0)
		o->rc = netrecord_log_end(
		    l, at < in->left ? in->left - at : 0, &err);
}

static bool
play(const struct fuzz_in *in, size_t step, uint64_t max, struct outcome *o)
{
	struct payload_count payload[DIR_NDIRS] = { 0 };
	struct netrecord_log_opts opts = {
		.source = "read",
		.input = "read",
		.id = 1,
		.start_ns = UINT64_C(1) << 60,
		.max_bytes = max,
		.payload = payload,
	};
	struct netrecord_log *l;
	struct listener listener;

	*o = (struct outcome){ .rc = 0 };
	if (!listener_init(&listener))
		return false;
	opts.fan = listener.fan;
	l = netrecord_log_new(&opts);
	FUZZ_CHECK(l != NULL || memory_is_short());
	if (l != NULL)
		read_log(l, in, step, o);
	netrecord_log_free(l);
	listener_check_sums(&listener, payload);
	memcpy(o->bytes, listener.bytes, sizeof(o->bytes));
	listener_done(&listener);
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	size_t step = 1 + fuzz_u8(&in);
	uint64_t max = fuzz_u8(&in) % 4 == 0 ? 10 : 0;
	struct outcome whole, parts;

	check_head(&in);
	if (!play(&in, in.left, max, &whole) || !play(&in, step, max, &parts))
		return 0;
	if (memory_is_short())
		return 0;
	FUZZ_CHECK(whole.rc == parts.rc);
	FUZZ_CHECK(memcmp(whole.bytes, parts.bytes, sizeof(whole.bytes)) == 0 ||
		   whole.rc != 0);
	return 0;
}
