#ifndef CONTROL_BACKEND_H
#define CONTROL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/*
 * backend.h - what the control plane can have done by the running program.
 *
 * app/ fills it in; control/ knows nothing else of app/.  Everything is called
 * on the main thread and answers there.
 */

struct err;
struct ports;
struct roster;
struct uv_loop_s;
struct watch;

/**
 * backend_done - An output was added, removed or rotated, or could not be
 * @error:	0 or a negative errno: -EINVAL the text is wrong, -EEXIST the
 *		name is taken, or a file that must not be overwritten is there,
 *		-ENOENT there is no such output, -EBUSY another one keeps it
 *		from that, or it hangs, -ENOTSUP it cannot be rotated, -EACCES
 *		the sandbox forbids it, -E2BIG there are as many as can be,
 *		-EAGAIN too many changes are under way, -ESHUTDOWN the run ends;
 *		else the surroundings.  control/api_status.h has their names in
 *		HTTP
 * @text:	The name of the output that was added, or one sentence about
 *		what is wrong
 */
typedef void backend_done(void *self, int error, const char *text);

/**
 * struct backend - See above; outlives whoever serves it
 * @loop:	The main thread's
 * @watch:	To follow and end sessions
 * @roster:	To list them
 * @ports:	Where consumers of them may connect to; NULL: nowhere
 * @start_ns:	Event time when the program started
 * @self:	Passed to the functions
 */
struct backend {
	struct uv_loop_s *loop;
	struct watch *watch;
	struct roster *roster;
	struct ports *ports;
	uint64_t start_ns;
	void *self;

	/** sheet() - The balance sheet, as --stats has it; NULL: no memory. */
	json_t *(*sheet)(void *self);
	/**
	 * inputs() - [{"name","kind","state","workers","listening":[...],
	 * "targets":[...],"interface","filter","files":[...]}]
	 *
	 * NULL: no memory.
	 */
	json_t *(*inputs)(void *self);
	/**
	 * outputs() - [{"name","kind","text","state","on_full","queue",
	 * "inputs":[...], and the sheet's figures}]
	 *
	 * @text is the specification as its user wrote it.  NULL: no memory.
	 */
	json_t *(*outputs)(void *self);
	/**
	 * output_add() - KIND:ARG[,key=value...]
	 *
	 * @done is called once: later, or at once if it is not even tried.
	 */
	void (*output_add)(
	    void *self, const char *text, backend_done *done, void *done_self);
	/** output_remove() - Drain it, then let go of it. */
	void (*output_remove)(
	    void *self, const char *name, backend_done *done, void *done_self);
	/** output_rotate() - Begin new files, as SIGHUP does for all. */
	void (*output_rotate)(
	    void *self, const char *name, backend_done *done, void *done_self);
	/** drain() - As SIGTERM: stop accepting, end, drain, leave. */
	void (*drain)(void *self);
};

#endif /* CONTROL_BACKEND_H */
