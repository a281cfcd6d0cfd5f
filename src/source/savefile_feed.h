#ifndef SOURCE_SAVEFILE_FEED_H
#define SOURCE_SAVEFILE_FEED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/list.h"
#include "core/count.h"
#include "core/source.h"
#include "core/tally.h"
#include "source/dissect.h"
#include "source/window.h"
#include "wire/capfile.h"

/*
 * savefile_feed.h - from blocks of files to packets and sessions: the part of
 * read (source/savefile.h) that knows neither files nor threads.
 *
 *	block ── window ─┬─ capture file ── filter ── dissect ──► sinks
 *	                 └─ netrecord log ── session ───────────► sinks
 *
 * Used on the worker's thread; the counters may be read from any.
 */

struct err;
struct fanout;
struct filter;
struct name_cache;
struct netrecord_log;
struct packet_iface;
struct prefetch_block;
struct savefile_feed_iface;
struct session;

/**
 * struct savefile_feed_opts - What it is made from
 * @source:	session.source
 * @place:	See core/source.h
 * @max_packets: 0: no limit
 * @max_sessions: 0: no limit
 * @names:	Look names up
 * @dissect:	Its input, next_id, opening and self are set here
 */
struct savefile_feed_opts {
	const char *source;
	struct source_place place;
	uint64_t max_packets;
	uint64_t max_sessions;
	bool names;
	struct dissect_opts dissect;
};

/**
 * struct savefile_feed - Private; embedded
 * @fan:	Where everything goes
 * @filter:	Owned
 * @format:	Of this file; CAPFILE_SHORT: not told yet
 * @head:	Its first @head_len bytes, to show what it is if it is nothing
 * @file:	... PCAP and PCAPNG: its reader
 * @log:	... NETRECORD: its session, NULL when there may be none
 * @here:	Interfaces of this file by number, @nhere in room for @room
 * @all:	Of all files; they live as long as this
 * @start_ns:	prefetch_block.start_ns
 * @last_ns:	Latest time stamp
 * @opened:	Sessions, so far
 * @passed:	Packets that passed the filter
 * @packets:	All
 */
struct savefile_feed {
	struct savefile_feed_opts o;
	struct fanout *fan;
	struct filter *filter;
	struct dissect *dissect;
	struct name_cache *names;
	struct window window;
	enum capfile_format format;
	uint8_t head[4];
	size_t head_len;
	struct capfile file;
	struct netrecord_log *log;
	struct savefile_feed_iface **here;
	size_t nhere;
	size_t room;
	struct list all;
	uint64_t start_ns;
	uint64_t last_ns;
	uint64_t opened;
	uint64_t passed;
	struct count packets;
	struct count filtered;
	struct count kernel_received;
	struct count kernel_dropped;
	struct count interface_dropped;
	_Atomic bool has_kernel;
	struct payload_count payload[DIR_NDIRS];
};

/** savefile_feed_init() - Before all else; takes @filter_take over. */
void savefile_feed_init(struct savefile_feed *f,
    const struct savefile_feed_opts *o, struct filter *filter_take);

/**
 * savefile_feed_attach() - It has a worker
 *
 * Return: 0 or -errno with @err
 */
int savefile_feed_attach(
    struct savefile_feed *f, struct fanout *fan, struct err *err) ATTR_WUNRES;

/** savefile_feed_stop() - End every session; once, and after attach. */
void savefile_feed_stop(struct savefile_feed *f);

/** savefile_feed_end_session() - See source_ops.end_session. */
void savefile_feed_end_session(struct savefile_feed *f, struct session *s);

/** savefile_feed_done() - Release; after stop, if it was attached. */
void savefile_feed_done(struct savefile_feed *f);

/** savefile_feed_begin() - A block; its file begins if it is the first. */
void savefile_feed_begin(
    struct savefile_feed *f, const struct prefetch_block *b);

/** enum savefile_feed_state - What has become of a block. */
enum savefile_feed_state {
	SAVEFILE_FEED_GO_ON, /* there is more in it: call again */
	SAVEFILE_FEED_USED,  /* it is used up: begin another */
	SAVEFILE_FEED_OVER,  /* as many packets, or sessions, as wanted */
};

/**
 * savefile_feed_some() - Take a slice of the block
 * @state:	Set on success
 *
 * Return: 0, or -errno with @err: there is nothing more to be had of this
 *	   file
 */
int savefile_feed_some(struct savefile_feed *f, enum savefile_feed_state *state,
    struct err *err) ATTR_WUNRES;

/**
 * savefile_feed_end() - The file has ended
 *
 * Return: 0, or -EBADMSG with @err: not where it should
 */
int savefile_feed_end(struct savefile_feed *f, struct err *err) ATTR_WUNRES;

/** savefile_feed_drop() - The file is left as it is. */
void savefile_feed_drop(struct savefile_feed *f);

/** savefile_feed_tick() - A block is done: time has passed. */
void savefile_feed_tick(struct savefile_feed *f);

/** savefile_feed_is_over() - Have as many sessions as wanted ended? */
bool savefile_feed_is_over(const struct savefile_feed *f);

/** savefile_feed_tally() - Add what was counted; from any thread. */
void savefile_feed_tally(const struct savefile_feed *f, struct tally *t);

#endif /* SOURCE_SAVEFILE_FEED_H */
