#ifndef SINK_RECORDER_H
#define SINK_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * recorder.h - what sinks that write files have in common: a writer, and a
 * port of it for each worker.
 *
 * A kind embeds struct recorder in what all threads share and struct
 * recorder_lane in what each worker has; its ops pass turn, full, drain and
 * reopen on to here.
 */

struct err;
struct recorder_lane;
struct sink;
struct sink_env;
struct sink_lane;
struct worker;
struct writer;
struct writer_file;
struct writer_port;

/**
 * struct recorder - The shared part
 * @lanes:	All of them, for what is said at the end; read-only
 * @writer:	Private
 * @name:	The sink's, for messages
 * @notice:	Private, and the next two: from struct sink_env
 */
struct recorder {
	struct recorder_lane *lanes;
	struct writer *writer;
	char name[64];
	void (*notice)(void *self, const char *text);
	void (*stdout_gone)(void *self);
	void *notice_self;
};

/**
 * struct recorder_lane - The part of one worker
 * @port:	Where its records go
 * @next:	Of the list of lanes; read-only
 */
struct recorder_lane {
	struct writer_port *port;
	struct recorder_lane *next;
};

/**
 * recorder_init() - Start a writer for @sink, whose name and queue are set
 *
 * Return: 0 or -errno with @err
 */
int recorder_init(struct recorder *r, const struct sink *sink,
    const struct sink_env *env, struct err *err) ATTR_WUNRES;

/** recorder_rotate() - See writer_rotate(). */
void recorder_rotate(struct recorder *r, struct writer_file *f);

/** recorder_done() - All lanes are done; a recorder of zeros is fine. */
void recorder_done(struct recorder *r);

/** recorder_lane_init() - Open a port for @w; 0 or -errno with @err. */
int recorder_lane_init(struct recorder *r, struct recorder_lane *l,
    struct sink_lane *lane, struct worker *w, struct err *err) ATTR_WUNRES;

/** recorder_lane_done() - Close the port, after the worker has ended. */
void recorder_lane_done(struct recorder *r, struct recorder_lane *l);

/**
 * recorder_tell() - Tell the user something; from any thread
 * @text:	Without newline; the sink's name is put before it
 */
void recorder_tell(const struct recorder *r, const char *text);

/** recorder_turn() - As sink_ops.turn wants it. */
uint64_t recorder_turn(struct recorder_lane *l, uint64_t mono_ns);

/** recorder_full() - As sink_ops.full wants it. */
bool recorder_full(const struct recorder_lane *l);

/** recorder_drain() - As sink_ops.drain wants it. */
int recorder_drain(struct recorder *r, uint64_t deadline_ns);

/** recorder_reopen() - As sink_ops.reopen wants it. */
void recorder_reopen(struct recorder *r);

#endif /* SINK_RECORDER_H */
