#ifndef SINK_CAPTURE_FILE_H
#define SINK_CAPTURE_FILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include "base/attr.h"
#include "base/obuf.h"

#include "core/locals.h"
#include "core/packet.h"

#include "sink/recorder.h"
#include "sink/template.h"

/*
 * capture_file.h - the files of a capture sink: what they begin with, which
 * interfaces they describe, and what is said at their end.
 *
 * pcapng: an interface is described when its first packet is put into a file,
 * and has its number there by that order.  Those that are known from the start
 * stand in the head of the one file for all.  Others are numbered there under a
 * lock, and their description goes to the writer before anybody can use the
 * number: so all workers agree, and it stands before its first packet.
 *
 * pcap: a file has one link type, that of its first packet (or, in the file
 * for all, of the first interface that is known).
 */

struct err;
struct frame;
struct news;
struct session;
struct sink_count;
struct sink_env;
struct sink_spec;
struct writer_file;
struct writer_port;

/**
 * struct capture_files - What all workers share; read-only in flight, but for
 *		what @lock guards
 * @rec:	First: recorder_ops.h wants it there
 * @pcapng:	Else pcap
 * @packets:	Packets as captured are kept, not streams
 * @replay:	What is captured lies in the past: its clock is that of the
 *		packets
 * @names:	What the files are called
 * @closed:	What they are called when they are over; NULL: as before
 * @extra:	For both
 * @timeout:	Private, and @locals: what @extra points to; owned
 * @tell:	Hears of files, with @tell_self; NULL: nobody does
 * @shared:	The one file; NULL: a file for each session
 * @mode:	Of new files
 * @start_ns:	Event time when capturing began
 * @made:	Where packets come from that are made for streams
 * @known:	Interfaces that stand in the head of @shared, @nknown of them
 * @section:	What each file begins with; nothing in pcap
 * @told:	The user knows that packets of other link types are left out
 * @lock:	For the next three, which are about @shared
 * @ids:	Its interfaces by number, @nids of them
 * @linktype:	pcap: its one, or CAPTURE_FILE_NO_LINKTYPE
 */
struct capture_files {
	struct recorder rec;
	bool pcapng;
	bool packets;
	bool replay;
	struct template *names;
	struct template *closed;
	struct template_extra extra;
	char *timeout;
	struct locals locals;
	void (*tell)(void *self, const struct news *n);
	void *tell_self;
	struct writer_file *shared;
	mode_t mode;
	uint64_t start_ns;
	struct packet_iface made;
	const struct packet_iface *known;
	size_t nknown;
	struct obuf section;
	_Atomic bool told;
	pthread_mutex_t lock;
	uint32_t *ids;
	uint32_t nids;
	int32_t linktype;
};

/**
 * struct capture_iface - An interface in a file; private
 * @known:	It was met; else the number is that of one met by others
 * @id:		As struct packet_iface has it
 * @packets:	Put into the file,
 * @first_ns:	the first
 * @last_ns:	and the last of them; valid if there are any
 */
struct capture_iface {
	bool known;
	uint32_t id;
	uint64_t packets;
	uint64_t first_ns;
	uint64_t last_ns;
};

/* struct capture_file.linktype: no packet has decided on it yet. */
#define CAPTURE_FILE_NO_LINKTYPE (-1)

/* struct capture_file.dropped */
#define CAPTURE_FILE_UNKNOWN UINT64_MAX

/**
 * struct capture_file - A file as the one who writes to it sees it
 *
 * Its own one, or, for each worker, its part of the shared one.  All zeros:
 * closed.
 *
 * @file:	Where records go; read-only
 * @dropped:	Packets that were left out, for its statistics;
 *		CAPTURE_FILE_UNKNOWN: not known.  The user's.
 * @linktype:	Private, and the rest: its own pcap's, or
 *		CAPTURE_FILE_NO_LINKTYPE
 * @iface:	[number] @n of them, room for @cap
 * @last:	The one used last
 */
struct capture_file {
	struct writer_file *file;
	uint64_t dropped;
	int32_t linktype;
	uint32_t last;
	uint32_t n;
	uint32_t cap;
	struct capture_iface *iface;
};

/**
 * struct capture_lane - What each worker has
 * @rec:	First, likewise
 * @count:	Of its lane
 * @shared:	Its part of the one file; zeros if there is none
 * @words:	Where comments are put together
 */
struct capture_lane {
	struct recorder_lane rec;
	const struct sink_count *count;
	struct capture_file shared;
	struct obuf words;
};

/**
 * capture_file_check() - Is the text right?
 *
 * Opens nothing.  Return: 0, -EINVAL or -ENOMEM, with @err as
 * capture_file_init() would have it
 */
int capture_file_check(
    const struct sink_spec *spec, struct err *err) ATTR_WUNRES;

/**
 * capture_file_init() - Names, heads and, unless each session has its own, the
 * file
 * @packets:	What is captured are packets, from @env->ifaces, not streams
 *
 * The file is opened, so that its user sees a failure.  Return: 0 or -errno
 * with @err; in either case capture_file_done() releases it.
 */
int capture_file_init(struct capture_files *files, const struct sink_spec *spec,
    const struct sink_env *env, bool packets, struct err *err) ATTR_WUNRES;

/** capture_file_start() - The recorder is there: files that rotate are its. */
void capture_file_start(
    struct capture_files *files, const struct sink_spec *spec);

/** capture_file_done() - The recorder is done. */
void capture_file_done(struct capture_files *files);

/** capture_file_share() - A worker's part of the shared file; 0 or -ENOMEM. */
int capture_file_share(
    const struct capture_files *files, struct capture_file *f) ATTR_WUNRES;

/** capture_file_open() - A file for @s alone; 0 or -errno. */
int capture_file_open(const struct capture_files *files, struct capture_file *f,
    const struct session *s) ATTR_WUNRES;

/**
 * capture_file_iface() - The number of an interface in a file
 *
 * One that is new there is described; so this comes before writer_begin().
 *
 * Return: 0; -ENOMEM; -EMEDIUMTYPE when a pcap file has another link type,
 *	   which its user is then told about, once
 */
int capture_file_iface(struct capture_files *files, struct writer_port *port,
    struct capture_file *f, const struct packet_iface *iface,
    uint32_t *number) ATTR_WUNRES;

/** capture_file_put() - Append a packet from interface @number to a record. */
void capture_file_put(const struct capture_files *files, struct capture_file *f,
    struct obuf *out, uint32_t number, const struct frame *frame);

/**
 * capture_file_close() - Finish a session's own file; @f is closed then
 * @s:		NULL: it goes on elsewhere, and the file keeps its name
 */
void capture_file_close(const struct capture_files *files,
    struct writer_port *port, struct capture_file *f, const struct session *s);

/**
 * capture_file_finish() - The last words in the shared file, if there is one
 *
 * All workers have ended: their lanes may be read, and one of them used.
 */
void capture_file_finish(const struct capture_files *files);

/** capture_file_unshare() - Free what capture_file_share() has made. */
void capture_file_unshare(struct capture_file *f);

#endif /* SINK_CAPTURE_FILE_H */
