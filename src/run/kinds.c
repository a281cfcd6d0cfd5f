#include <assert.h>
#include <string.h>

#include "base/attr.h"
#include "run/kinds.h"
#include "sink/capture.h"
#include "sink/connect.h"
#include "sink/flows.h"
#include "sink/formats.h"
#include "sink/gotcpspy.h"
#include "sink/listen.h"
#include "sink/netrecord.h"
#include "sink/null.h"
#include "sink/payload.h"
#include "sink/pcapng_listen.h"
#include "sink/stream.h"
#include "sink/syslog.h"
#include "sink/tee.h"

static const struct sink_kind *const kinds[] = {
	&flows_kind,
	&gotcpspy_kind,
	&netrecord_kind,
	&capture_pcapng_kind,
	&capture_pcap_kind,
	&tee_kind,
	&connect_kind,
	&listen_kind,
	&pcapng_listen_kind,
	&payload_kind,
	&syslog_kind,
	&null_kind,
};

/* Room for the kinds that are formats; checked when they are made. */
#define MAX_FORMATS 64

/* Recordings may fall this far behind the traffic. */
#define FILE_QUEUE ((size_t)64 << 20)

static struct sink_kind format_kinds[MAX_FORMATS];
static const struct sink_kind *all[MAX_FORMATS + ATTR_COUNT(kinds)];
static size_t nall;

/* Every format is a sink of its name, made by the stream sink. */
static void
fill_in(void)
{
	const struct format *f;

	for (; (f = formats_at(nall)) != NULL; nall++) {
		assert(nall < MAX_FORMATS);
		format_kinds[nall] = (struct sink_kind){
			.name = f->name,
			.arg = "FILE",
			.help = f->help,
			.keys = stream_keys,
			.queue = FILE_QUEUE,
			.make = stream_make,
			.check = stream_check,
		};
		all[nall] = &format_kinds[nall];
	}
	for (size_t i = 0; i < ATTR_COUNT(kinds); i++)
		all[nall++] = kinds[i];
}

const struct sink_kind *const *
kinds_all(size_t *n)
{
	/* The first call is made before there are threads. */
	if (nall == 0)
		fill_in();
	*n = nall;
	return all;
}

const struct sink_kind *
kinds_find(const char *name)
{
	const struct sink_kind *const *k;
	size_t n;

	k = kinds_all(&n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(k[i]->name, name) == 0)
			return k[i];
	return NULL;
}
