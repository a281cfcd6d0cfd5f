#ifndef SINK_STREAMS_H
#define SINK_STREAMS_H

#include "base/attr.h"
#include "core/dir.h"
#include "core/locals.h"
#include "core/news.h"

/*
 * streams.h - which direction of a session are the requests.
 *
 * Those of the client, unless a key says otherwise.  Where the local end is
 * named, role says what that end is, whoever opened the connection.
 */

struct err;
struct session;
struct sink_spec;

/** struct streams - role=, local= and remote-port= */
struct streams {
	bool is_server;
	struct locals locals;
};

/** streams_read_keys() - 0, or -EINVAL with @err. */
int streams_read_keys(struct streams *st, const struct sink_spec *spec,
    struct err *err) ATTR_WUNRES;

/** streams_read_locals() - local= and remote-port= alone; the same. */
int streams_read_locals(struct locals *l, const struct sink_spec *spec,
    struct err *err) ATTR_WUNRES;

/** streams_dir() - Whose bytes are this stream. */
enum dir streams_dir(
    const struct streams *st, const struct session *s, enum news_stream stream);

/* The rows of these keys in a kind's table. */
#define STREAMS_LOCAL_KEYS                                                     \
	{ "local", "ADDRESS...",                                               \
		"the local end: addresses and networks, blanks between" },     \
	{                                                                      \
		"remote-port", "PORT",                                         \
		    "of the other end, where addresses do not tell"            \
	}

#define STREAMS_KEYS                                                           \
	{ "role", "client|server",                                             \
		"what the local end, or else the client, is: its bytes are "   \
		"the requests, or the responses (default: client)" },          \
	    STREAMS_LOCAL_KEYS

#endif /* SINK_STREAMS_H */
