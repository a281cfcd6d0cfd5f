#ifndef CORE_SINK_SPEC_H
#define CORE_SINK_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/sink.h"

/*
 * sink_spec.h - KIND:ARG[,key=value...] as values.
 *
 * config/sink_text.c reads the text, personalities fill in the struct, a sink
 * kind makes a sink of it.  Keys that every sink knows (on-full, queue, name,
 * input, port, client, server) are fields; the kind's own keys are pairs,
 * checked against the kind's table before it sees them.
 */

struct err;
struct news;
struct packet_iface;

/** struct sink_pair - One key=value that belongs to the kind. */
struct sink_pair {
	char *key;
	char *value;
};

/**
 * struct sink_rotation - When a file is finished and another begun
 *
 * Files that rotate are written to NAME.tmp and renamed when finished; the
 * counter stands before the extension (decision 23).
 *
 * @bytes:	-C: before a record would make it longer; 0: any length
 * @span_ns:	-G: after so long, on a timer, traffic or not; 0: never
 * @keep:	-W: so many finished files of this run are kept, the oldest
 *		deleted; 0: all
 */
struct sink_rotation {
	uint64_t bytes;
	uint64_t span_ns;
	unsigned keep;
};

/** enum sink_past - Has a sink of this run, now gone, had the same argument? */
enum sink_past {
	SINK_PAST_NONE,
	SINK_PAST_SAME,  /* the same kind: its file may be gone on with */
	SINK_PAST_OTHER, /* another: its file must stay as it is */
};

/**
 * struct sink_spec - A sink that is wanted
 * @kind:	"flows", "pcapng", ...; owned
 * @arg:	Text after the colon, escapes undone; owned; "" if none
 * @name:	name=, or NULL: the kind, numbered if needed; owned
 * @text:	All of it as its user wrote it; owned; NULL: it was not written
 * @has_on_full: @on_full was given
 * @queue:	queue= in bytes; 0: the default of the kind
 * @match:	port=, client=, server=
 * @inputs:	Names of the @ninputs inputs that it hears; owned; none: all
 * @pairs:	The kind's own keys, @npairs of them; owned
 * @overwrite:	A file that exists may be cut to nothing (-w, personalities)
 * @mode:	Mode of new files, less the umask; 0: 0600
 * @rotation:	-C, -G and -W, for what -w writes; all 0 otherwise
 * @past:	What is known of a file that exists; goes before @overwrite
 * @optional:	A folder that cannot be written to is a warning, and there is
 *		no such sink
 */
struct sink_spec {
	char *kind;
	char *arg;
	char *name;
	char *text;
	bool has_on_full;
	enum on_full on_full;
	size_t queue;
	struct sink_match match;
	char **inputs;
	size_t ninputs;
	struct sink_pair *pairs;
	size_t npairs;
	bool overwrite;
	unsigned mode;
	struct sink_rotation rotation;
	enum sink_past past;
	bool optional;
};

/** sink_spec_get() - Value of the kind's own key @key; NULL if not given. */
const char *sink_spec_get(const struct sink_spec *spec, const char *key);

/**
 * sink_spec_set() - Add or replace a pair
 *
 * Return: 0 or -ENOMEM
 */
int sink_spec_set(
    struct sink_spec *spec, const char *key, const char *value) ATTR_WUNRES;

/**
 * sink_spec_hear() - It hears the input @name too, and no more all of them
 *
 * Said again it makes no difference.  Return: 0 or -ENOMEM
 */
int sink_spec_hear(struct sink_spec *spec, const char *name) ATTR_WUNRES;

/** sink_spec_hears() - Does it hear the input @name? */
bool sink_spec_hears(const struct sink_spec *spec, const char *name);

/**
 * sink_spec_init() - A specification with nothing but kind and argument
 *
 * Return: 0 or -ENOMEM
 */
int sink_spec_init(
    struct sink_spec *spec, const char *kind, const char *arg) ATTR_WUNRES;

/** sink_spec_done() - Release everything; idempotent. */
void sink_spec_done(struct sink_spec *spec);

/**
 * struct sink_env - What surrounds a sink
 * @source:	"proxy", "tap" or "read": the one among the inputs it hears
 *		that can wait least; sets the default of on-full
 * @packets:	One of them gives packets as captured (sink_ops.packet).
 *		Sessions of the others say so (session.no_packets).
 * @ifaces:	@nifaces interfaces that are known from the start, of all of
 *		them; borrowed as long as the sink lives.  Others may follow,
 *		on any worker.
 * @inputs:	Records say by which input a session was heard
 * @overwrite:	--overwrite: files that exist may be cut to nothing
 * @utf8:	Standard output can show UTF-8 (arrows, control pictures)
 * @color:	Standard output wants colour
 * @only:	--only N: a console shows just this session; 0: all
 * @start_ns:	Event time that relative times count from
 * @notice:	Tells the user once about trouble; any thread
 * @remark:	Tells the user what is worth knowing only with -v; any thread
 * @stdout_gone: Whoever read standard output has closed it (EPIPE); any thread
 * @tell:	Hears when consumers, and the ports for them, come and go, on
 *		the worker's thread (core/news.h); NULL: nobody does
 * @tallies:	... and wants figures of each session (news.tally)
 * @self:	Passed to these
 * @max_open:	Most files a sink may keep open; 0: let it choose
 * @max_linger:	Most connections of sessions that are over, of a sink that
 *		sends; 0: any number
 */
struct sink_env {
	const char *source;
	bool packets;
	const struct packet_iface *ifaces;
	size_t nifaces;
	bool inputs;
	bool overwrite;
	bool utf8;
	bool color;
	uint64_t only;
	uint64_t start_ns;
	void (*notice)(void *self, const char *text);
	void (*remark)(void *self, const char *text);
	void (*stdout_gone)(void *self);
	void (*tell)(void *self, const struct news *n);
	bool tallies;
	void *self;
	unsigned max_open;
	unsigned max_linger;
};

/** struct sink_key - A key=value that a kind understands. */
struct sink_key {
	const char *key;
	const char *values; /* for messages: "yes|no", "c2s|s2c|both" */
	const char *help;   /* one line for the manual */
};

/**
 * struct sink_kind - A kind of sink, a line of run/kinds.c
 * @name:	Before the colon
 * @arg:	What follows it, for messages and help: "FILE", "DIR"
 * @help:	One line
 * @keys:	Its own keys, ended by a NULL key; may be NULL
 * @queue:	Default limit of its queue in bytes
 * @make:	Make the sink: 0, or -errno with @err.  -EINVAL and -EEXIST
 *		mean that the text is wrong (exit 2), anything else that the
 *		surroundings are (exit 1).  Sets sink->ops and sink->self; the
 *		caller has set name, on_full, queue and match.
 * @live:	A socket: on-full defaults to drop whatever the source
 * @whole:	... to close: a record with a hole is worth nothing
 * @check:	Is the text right, as far as can be told without opening
 *		anything or starting a thread?  0, or -EINVAL or -ENOMEM with
 *		@err.  What it refuses make() refuses in the same words.  Only
 *		@env's source is settled.  NULL: make() itself opens nothing
 *		and starts no thread, so that it can be tried out.
 */
struct sink_kind {
	const char *name;
	const char *arg;
	const char *help;
	const struct sink_key *keys;
	size_t queue;
	int (*make)(struct sink *sink, const struct sink_spec *spec,
	    const struct sink_env *env, struct err *err);
	int (*check)(const struct sink_spec *spec, const struct sink_env *env,
	    struct err *err);
	bool live;
	bool whole;
};

#endif /* CORE_SINK_SPEC_H */
