#ifndef RUN_INPUT_H
#define RUN_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/source.h"
#include "net/mail.h"

/*
 * input.h - an input of a run: a source, its workers, and on each of them the
 * sinks that hear it.
 *
 *	source ─┬─ worker ── fan-out ─┬─ sink
 *	        └─ worker ── fan-out ─┴─ sink
 *
 * Its workers go on when it is over, until the run ends: what its sinks have
 * yet to send goes out meanwhile, and their lanes can still be changed.
 *
 * All calls come from the main thread.  What the source tells on its own
 * threads comes to the run there, by letter.
 */

struct err;
struct fanout;
struct input;
struct mainloop;
struct plan_source;
struct sink;
struct worker;

/**
 * enum input_state - How far an input is
 * @INPUT_NEW:	 Being made.  Leaves by input_start() or input_close().
 * @INPUT_HEARS: Traffic comes.  Leaves by input_stop() alone.
 * @INPUT_STOPS: No more sessions are taken.  Leaves when none is left, and all
 *		 that sinks have told of them by letter has arrived.
 * @INPUT_OVER:	 Nothing will come.
 */
enum input_state {
	INPUT_NEW,
	INPUT_HEARS,
	INPUT_STOPS,
	INPUT_OVER,
};

/**
 * struct input_opts - What the run gives to each of its inputs
 * @pipes:	See struct sources_opts
 * @names:	--names
 * @numbers:	Of sessions and interfaces; outlive the input
 * @loop:	Where letters are delivered; outlives the workers
 * @finished:	The source has come to its own end; input_stop() is the answer.
 *		At most once, not after input_stop()
 * @over:	INPUT_OVER was reached, once
 * @self:	Passed to these two, which run on the main thread
 */
struct input_opts {
	unsigned pipes;
	bool names;
	struct source_numbers *numbers;
	struct mainloop *loop;
	void (*finished)(void *self, struct input *in);
	void (*over)(void *self, struct input *in);
	void *self;
};

/**
 * struct input_life - Whose fan-out begins and ends with a worker; private
 * @turn:	Letter to the worker: sinks are to tell what they know
 * @turned:	... and back: they have
 */
struct input_life {
	struct input *input;
	struct fanout *fan;
	struct mail turn;
	struct mail turned;
};

/**
 * struct input - Embedded, and where it is until input_free(); to be read
 * @plan:	What it was made from; borrowed
 * @source:	NULL before input_open()
 * @workers:	@nworkers of them
 * @fans:	The fan-out of each
 * @opts:	Private, and the rest
 * @deadline_ns: When its sinks must have ended, monotonic
 * @is_told:	Somebody wants the end
 * @turning:	Workers whose sinks have yet to tell what they know
 */
struct input {
	const struct plan_source *plan;
	struct source *source;
	struct worker **workers;
	struct fanout **fans;
	size_t nworkers;
	enum input_state state;
	struct input_opts opts;
	struct input_life *lives;
	size_t nstarted;
	uint64_t deadline_ns;
	bool is_told;
	struct mail finished;
	struct mail stopped;
	size_t turning;
};

/**
 * input_open() - Open its listeners, its interface or its files
 *
 * With whatever privileges that takes.  Return: 0; -EINVAL with @err: the text
 * is wrong (a filter); another -errno: the surroundings.  input_free() is right
 * after each, and for a zeroed input.
 */
int input_open(struct input *in, const struct plan_source *plan,
    const struct input_opts *o, struct err *err) ATTR_WUNRES;

/**
 * input_attach() - Make its workers, and the lanes of the sinks that hear it
 * @sinks:	@n of them; they outlive the input
 *
 * Return: 0 or -errno with @err
 */
int input_attach(struct input *in, struct sink *const *sinks, size_t n,
    struct err *err) ATTR_WUNRES;

/** input_run() - Start its workers; 0 or -errno with @err. */
int input_run(struct input *in, struct err *err) ATTR_WUNRES;

/** input_start() - Hear. */
void input_start(struct input *in);

/**
 * input_stop() - Hear no more, end every session
 * @linger_ns:	See source_ops.stop
 *
 * Nothing happens unless it is INPUT_HEARS.
 */
void input_stop(struct input *in, uint64_t linger_ns);

/**
 * input_end() - Ask its workers to end: their sinks send what they have
 * @deadline_ns: Monotonic; when whatever is left is dropped
 * @is_told:	See fanout_finish()
 *
 * After INPUT_OVER, or when it was never started.
 */
void input_end(struct input *in, uint64_t deadline_ns, bool is_told);

/** input_join() - Wait for the workers; after input_end(). */
void input_join(struct input *in);

/** input_close() - It will never hear: let go of listeners; after the join. */
void input_close(struct input *in);

/** input_free() - After the join, and the draining of the sinks; idempotent. */
void input_free(struct input *in);

#endif /* RUN_INPUT_H */
