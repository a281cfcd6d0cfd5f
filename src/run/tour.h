#ifndef RUN_TOUR_H
#define RUN_TOUR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "net/mail.h"

/*
 * tour.h - something is to be done on the thread of each worker of a run.
 *
 * A letter goes to each stop that takes part, and one comes back from it; when
 * the last is back, the main thread hears of it.  One tour at a time.
 */

struct err;
struct fanout;
struct input;
struct mainloop;
struct tour;
struct worker;

/**
 * struct tour_stop - A worker; but for the last two, private or read-only
 * @input:	Name of the input that it belongs to
 * @takes_part:	In the next tour; set by the owner
 * @prepared:	The owner's
 */
struct tour_stop {
	struct tour *tour;
	const char *input;
	struct worker *worker;
	struct fanout *fan;
	struct mail go;
	struct mail back;
	bool takes_part;
	bool prepared;
};

/**
 * tour_visit - What is done at a stop, on its worker's thread
 *
 * Between two events.  Return: it is done; else tour_back() will be called
 */
typedef bool tour_visit(void *self, struct tour_stop *stop);

/**
 * struct tour - The stops, @n of them; the other fields are private
 *
 * @away:	Letters that are not back
 */
struct tour {
	struct tour_stop *stop;
	size_t n;
	struct mainloop *loop;
	size_t away;
	bool ended;
	tour_visit *visit;
	void (*over)(void *self);
	void *self;
};

/**
 * tour_init() - Stop at all workers of some inputs
 * @inputs:	@n of them; the workers were made, and outlive the tours
 *
 * Return: 0 or -ENOMEM with @err
 */
int tour_init(struct tour *t, const struct input *inputs, size_t n,
    struct mainloop *loop, struct err *err) ATTR_WUNRES;

/** tour_done() - After the main loop's last letter; zeroed is fine. */
void tour_done(struct tour *t);

/**
 * tour_start() - Visit the stops that take part, at least one
 * @over:	On the main thread: all are back; not from within this call
 * @self:	Passed to both
 */
void tour_start(
    struct tour *t, tour_visit *visit, void (*over)(void *self), void *self);

/** tour_back() - What was begun at a stop is done; on its worker's thread. */
void tour_back(struct tour_stop *stop);

/** tour_end() - over() is not called any more; the workers have ended. */
void tour_end(struct tour *t);

#endif /* RUN_TOUR_H */
