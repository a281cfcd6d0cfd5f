#ifndef RUN_STEER_H
#define RUN_STEER_H

#include <stddef.h>

#include <uv.h>

#include "base/attr.h"
#include "core/news.h"

/*
 * steer.h - control by lines of JSON (control/line.h) in a run.
 *
 * Without plan.lines there is none of it, and every call does nothing.
 *
 *	steer_open()	listens		before privileges are given up
 *	steer_make()	hears news	before sinks and workers are made
 *	steer_serve()	serves		before traffic comes
 *	steer_close()			on the main loop, which is about to end
 *	steer_free()			after the workers
 */

struct err;
struct line;
struct mainloop;
struct plan;
struct roster;
struct sheet;
struct sink;
struct watch;

/**
 * struct steer - Private; embedded, and zeroed before steer_open()
 * @fd:		Listening, while @is_listening; then the server has it
 * @take_sheet:	The run's figures; 0 or -ENOMEM
 */
struct steer {
	const struct plan *plan;
	int fd;
	bool is_listening;
	bool has_timer;
	struct line *line;
	uv_timer_t timer;
	int (*take_sheet)(void *self, struct sheet *sh);
	void *self;
};

/** steer_open() - Listen, if the plan wants it; 0 or -errno with @err. */
int steer_open(
    struct steer *l, const struct plan *p, struct err *err) ATTR_WUNRES;

/** steer_is_wanted() - Does it listen? */
bool steer_is_wanted(const struct steer *l);

/**
 * steer_make() - The loop is there; 0 or -errno with @err
 * @watch:	Outlives it, as does @roster
 */
int steer_make(struct steer *l, struct mainloop *loop, struct watch *watch,
    struct roster *roster, struct err *err) ATTR_WUNRES;

/**
 * steer_serve() - The run is complete, and the loop may run
 * @take_sheet:	Fills in the figures of the run, to be released
 * @self:	Passed to it
 */
void steer_serve(struct steer *l,
    int (*take_sheet)(void *self, struct sheet *sh), void *self);

/** steer_descriptors() - How many it may need at once. */
size_t steer_descriptors(const struct steer *l);

/** steer_wants_news() - Is there anybody to tell news to? */
bool steer_wants_news(const struct steer *l);

/** steer_tell() - See line_tell(). */
void steer_tell(const struct steer *l, const struct news *n);

/** steer_started() - The traffic may come. */
void steer_started(struct steer *l);

/** steer_stopping() - The run is about to end. */
void steer_stopping(const struct steer *l);

/** steer_close() - Before mainloop_end(); idempotent. */
void steer_close(struct steer *l);

/** steer_free() - After mainloop_close() and the workers; idempotent. */
void steer_free(struct steer *l);

#endif /* RUN_STEER_H */
