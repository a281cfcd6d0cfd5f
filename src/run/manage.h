#ifndef RUN_MANAGE_H
#define RUN_MANAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "control/backend.h"

/*
 * manage.h - control over HTTP in a run: who serves it, and what it can have
 * done.
 *
 *	HTTP ──► backend ──► sheet, inputs, outputs, end of the run
 *	  └────► roster, watch ──► sessions
 *
 * Without --control there is none of it, and every call does nothing.
 *
 *	manage_open()	listens		before privileges are given up
 *	manage_start()	serves		before traffic comes
 *	manage_close()			on the main loop, which is about to end
 *	manage_free()			after the workers
 */

struct api;
struct err;
struct http_server;
struct input;
struct mainloop;
struct outputs;
struct plan;
struct ports;
struct roster;
struct sheet;
struct sink;
struct sinks;
struct watch;

/**
 * struct manage_run - The run, as it is managed; all of it outlives the calls
 * @inputs:	@ninputs of them
 * @take_sheet:	0, or -ENOMEM; released with sheet_done()
 * @drain:	As SIGTERM
 * @self:	Passed to both
 */
struct manage_run {
	const struct plan *plan;
	const struct input *inputs;
	size_t ninputs;
	const struct sinks *sinks;
	struct outputs *outputs;
	int (*take_sheet)(void *self, struct sheet *sh);
	void (*drain)(void *self);
	void *self;
};

/** struct manage_parts - What it shares with others; outlives it, but for @run.
 */
struct manage_parts {
	const struct manage_run *run;
	struct watch *watch;
	struct roster *roster;
	struct ports *ports;
};

/** struct manage - Private; embedded, and zeroed before manage_open(). */
struct manage {
	struct http_server *server;
	struct api *api;
	struct backend backend;
	struct manage_run run;
	bool stopping;
};

/**
 * manage_open() - Listen, if the plan wants it
 *
 * Return: 0; -EINVAL: the text, or what the token's file holds, is wrong;
 *	   another -errno; with @err
 */
int manage_open(
    struct manage *m, const struct plan *p, struct err *err) ATTR_WUNRES;

/** manage_is_wanted() - Does it listen? */
bool manage_is_wanted(const struct manage *m);

/** manage_descriptors() - How many it may need at once. */
size_t manage_descriptors(const struct manage *m);

/** manage_start() - Serve; 0 or -errno with @err. */
int manage_start(struct manage *m, struct mainloop *loop,
    const struct manage_parts *parts, struct err *err) ATTR_WUNRES;

/** manage_announce() - Say where it is, and what to know about that. */
void manage_announce(const struct manage *m, bool quiet);

/** manage_stopping() - The run is about to end: outputs change no more. */
void manage_stopping(struct manage *m);

/** manage_close() - Before mainloop_end(); idempotent. */
void manage_close(struct manage *m);

/** manage_free() - After mainloop_close() and the workers; idempotent. */
void manage_free(struct manage *m);

#endif /* RUN_MANAGE_H */
