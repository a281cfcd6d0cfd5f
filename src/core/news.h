#ifndef CORE_NEWS_H
#define CORE_NEWS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/attr.h"
#include "core/count.h"

/*
 * news.h - what sinks with consumers have to tell the control plane.
 *
 * A sink tells it where it happens, on its worker's thread (sink_env.tell);
 * whoever listens copies what it needs and sends it on.
 */

/** enum news_cat - Kinds of news that clients of control subscribe to. */
enum news_cat {
	NEWS_SESSION,
	NEWS_PORTS,
	NEWS_OUTPUT,
	NEWS_CONTROL,
	NEWS_FLOW,
	NEWS_STATS,
	NEWS_DEBUG,
};
#define NEWS_NCATS (NEWS_DEBUG + 1)

/** news_cat_names() - [NEWS_NCATS] and NULL: "session", ... */
const char *const *news_cat_names(void);

/** enum news_stream - Which of the two streams of a session. */
enum news_stream {
	NEWS_REQUESTS,
	NEWS_RESPONSES,
};
#define NEWS_NSTREAMS (NEWS_RESPONSES + 1)

/** news_stream_name() - "requests" or "responses". */
const char *news_stream_name(enum news_stream s);

/**
 * struct news_tally - What became of the bytes of one session at one sink
 * @refs:	See news_tally_ref()
 * @chunks:	[stream] that were offered
 * @count:	[stream] written, and dropped by reason
 *
 * Written by the session's worker, read by any thread.
 */
struct news_tally {
	_Atomic unsigned refs;
	struct count chunks[NEWS_NSTREAMS];
	struct sink_count count[NEWS_NSTREAMS];
};

/** news_tally_new() - With one reference; NULL without memory. */
struct news_tally *news_tally_new(void) ATTR_WUNRES;

/** news_tally_ref() - One more holder; NULL stays NULL. */
struct news_tally *news_tally_ref(struct news_tally *t);

/** news_tally_unref() - One less; the last frees it.  NULL: a no-op. */
void news_tally_unref(struct news_tally *t);

/** enum news_type - What happened. */
enum news_type {
	NEWS_OPENED, /* the sink watches the session; it may have ports */
	NEWS_CAME,   /* a consumer of a stream is there */
	NEWS_GONE,   /* ... is lost, or has all it gets */
	NEWS_LEFT,   /* the sink has let go of a session it had ports for */
	NEWS_FILE_OPENED,
	NEWS_FILE_CLOSED,
};

/**
 * struct news - News; borrowed until the callee returns
 * @kind:	Of the sink: "listen", "connect"; static
 * @output:	OPENED with ports, LEFT: the sink's name; else NULL
 * @session:	Its number
 * @tally:	OPENED: its figures from now on; NULL: not counted
 * @port:	OPENED: [stream] where consumers connect to; 0: it calls them
 * @stream:	CAME, GONE: which one
 * @peer:	CAME, GONE: the consumer
 * @local:	CAME, GONE: our end of the connection to it
 * @ended:	GONE: since the stream has ended
 * @retry_ns:	GONE: when it is called again; 0: it is not
 */
struct news {
	enum news_type type;
	const char *kind;
	const char *output;
	uint64_t session;
	struct news_tally *tally;
	uint16_t port[NEWS_NSTREAMS];
	enum news_stream stream;
	struct addr peer;
	struct addr local;
	bool ended;
	uint64_t retry_ns;
};

#endif /* CORE_NEWS_H */
