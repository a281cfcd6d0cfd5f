#ifndef RUN_OUTPUTS_H
#define RUN_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "core/sink_spec.h"

/*
 * outputs.h - the sinks of a run as they come and go while traffic flows.
 *
 * Everything is called on the main thread and answers there, later.  One change
 * is made at a time, in the order asked for; up to OUTPUTS_WAITING more wait.
 *
 *	add	made		on a thread of its own: it may open files and
 *				look names up; its lanes too
 *		added		by each worker, between two events
 *	remove	removed		by each worker: its sessions end for this sink,
 *				its handles close, until the deadline
 *		drained		on a thread of its own
 *		forgotten	its lanes are freed, its figures kept
 *
 * Traffic waits for none of it.
 *
 * What asks for a change returns 0: @done will be called, never from within
 * the call; or -ENOMEM, -EAGAIN (too many wait), -ESHUTDOWN (outputs_stop() was
 * called), and it will not.
 */

struct err;
struct input;
struct mainloop;
struct outputs;
struct sandbox;
struct sheet;
struct sheet_from;
struct sinks;
struct sinks_from;

/* Changes that may wait for the one under way. */
#define OUTPUTS_WAITING 64

/**
 * outputs_done - A change was made, or could not be
 * @error:	0 or a negative errno, as backend_done (control/backend.h) has
 * it
 * @text:	The name of the output, or one sentence about what is wrong
 */
typedef void outputs_done(void *self, int error, const char *text);

/**
 * struct outputs_opts - What it is made from; all of it outlives the outputs
 * @sinks:	Those of the run; changed here, and here alone
 * @from:	What they are made from
 * @inputs:	@ninputs of them, in the order of the plan.  Their workers run
 *		until outputs_stop()
 * @figures:	Where their figures are, in the same order
 * @loop:	The main thread's
 * @drain_ns:	How long a sink that is removed may take
 * @sandbox:	What decides where those that come may write; NULL: nothing
 */
struct outputs_opts {
	struct sinks *sinks;
	const struct sinks_from *from;
	const struct input *inputs;
	size_t ninputs;
	const struct sheet_from *figures;
	struct mainloop *loop;
	uint64_t drain_ns;
	const struct sandbox *sandbox;
};

/** outputs_new() - The workers are made; NULL with @err without memory. */
struct outputs *outputs_new(
    const struct outputs_opts *o, struct err *err) ATTR_WUNRES;

/**
 * outputs_add() - Have one more sink
 * @spec:	Its contents are moved from it, whatever comes of it
 *
 * It watches the sessions that open from then on.  A name that was asked for
 * and is taken is -EEXIST; two sinks cannot share standard output (-EBUSY); one
 * that the sandbox keeps from its folder is -EACCES.
 */
int outputs_add(struct outputs *o, struct sink_spec *spec, outputs_done *done,
    void *self) ATTR_WUNRES;

/** outputs_add_text() - As outputs_add(), from KIND:ARG[,key=value...]. */
int outputs_add_text(struct outputs *o, const char *text, outputs_done *done,
    void *self) ATTR_WUNRES;

/**
 * outputs_remove() - Let go of a sink
 *
 * To its record the sessions that are open end here, as HOW_STOP.  What is
 * queued is brought out, but what is left at the deadline is DROP_CLOSING.
 * -ENOENT: there is none of that name.
 */
int outputs_remove(struct outputs *o, const char *name, outputs_done *done,
    void *self) ATTR_WUNRES;

/** outputs_rotate() - Begin new files; -ENOENT, -ENOTSUP: it has none. */
int outputs_rotate(struct outputs *o, const char *name, outputs_done *done,
    void *self) ATTR_WUNRES;

/** enum outputs_state - Where a sink is. */
enum outputs_state {
	OUTPUTS_HERE,
	OUTPUTS_LEAVING, /* it is being removed */
	OUTPUTS_STUCK,   /* a thread of it hangs: it stays until the end */
};

/** outputs_state() - Of sink @i of those of the run. */
enum outputs_state outputs_state(const struct outputs *o, size_t i);

/**
 * outputs_complete() - Add to a sheet the figures of those that are gone
 *
 * A line stands for all sinks of its name, so that its counters never go back;
 * what there is no room for is in one line; see run/outputs_gone.h.
 *
 * Return: 0 or -ENOMEM.  The sheet may be used as long as the outputs live.
 */
int outputs_complete(const struct outputs *o, struct sheet *sh) ATTR_WUNRES;

/**
 * outputs_stop() - No change is made any more
 *
 * When all workers have ended and before sinks are drained.  Waits for the
 * thread of a change that is under way.  Nobody is told what becomes of those
 * that wait.
 */
void outputs_stop(struct outputs *o);

/**
 * outputs_drain() - Drain all sinks of the run; see drain_all()
 *
 * After outputs_stop().  Return: 0 or -ETIMEDOUT, also if that was so before
 */
int outputs_drain(
    struct outputs *o, uint64_t deadline_ns, bool is_told) ATTR_WUNRES;

/** outputs_free() - After the main loop has delivered its last letter. */
void outputs_free(struct outputs *o);

#endif /* RUN_OUTPUTS_H */
