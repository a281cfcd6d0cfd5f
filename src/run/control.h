#ifndef RUN_CONTROL_H
#define RUN_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "core/news.h"
#include "run/manage.h"
#include "run/steer.h"

/*
 * control.h - who watches a run from outside, and may steer it.
 *
 *	watch ──► roster ──┬── manage	HTTP
 *	                   └── steer	lines of JSON
 *
 * Both see the same sessions, and hear the news of sinks; of these manage
 * keeps the ports of open sessions (control/ports.h).  Without either there is
 * nothing to watch for, and every call does nothing.
 *
 *	control_open()	listens		before privileges are given up
 *	control_make()	watches		before sinks and workers are made
 *	control_start()	serves		before traffic comes
 *	control_close()			on the main loop, which is about to end
 *	control_free()			after the workers
 */

struct err;
struct mainloop;
struct plan;
struct ports;
struct roster;
struct sink;
struct watch;

/** struct control - Private; embedded, and zeroed before control_open(). */
struct control {
	const struct plan *plan;
	struct watch *watch;
	struct roster *roster;
	struct ports *ports;
	struct manage manage;
	struct steer steer;
};

/**
 * control_open() - Listen, where the plan wants it
 *
 * Return: 0; -EINVAL: what the plan says is wrong; another -errno; with @err
 */
int control_open(
    struct control *c, const struct plan *p, struct err *err) ATTR_WUNRES;

/** control_make() - The loop is there; 0 or -errno with @err. */
int control_make(
    struct control *c, struct mainloop *loop, struct err *err) ATTR_WUNRES;

/** control_sink() - A sink for every input, beside its own; NULL: none. */
struct sink *control_sink(const struct control *c);

/** control_descriptors() - How many it may need at once. */
size_t control_descriptors(const struct control *c);

/** control_wants_news() - Is there anybody to tell news to? */
bool control_wants_news(const struct control *c);

/** control_wants_tallies() - ... who wants figures of each session? */
bool control_wants_tallies(const struct control *c);

/** control_tell() - See line_tell(). */
void control_tell(const struct control *c, const struct news *n);

/** control_start() - Serve; 0 or -errno with @err. */
int control_start(struct control *c, struct mainloop *loop,
    const struct manage_run *run, struct err *err) ATTR_WUNRES;

/** control_announce() - The traffic may come: say where control is. */
void control_announce(struct control *c);

/** control_stopping() - The run is about to end. */
void control_stopping(struct control *c);

/** control_close() - Before mainloop_end(); idempotent. */
void control_close(struct control *c);

/** control_free() - After mainloop_close() and the workers; idempotent. */
void control_free(struct control *c);

#endif /* RUN_CONTROL_H */
