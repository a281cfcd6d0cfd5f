#ifndef RUN_SERVICE_H
#define RUN_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attr.h"

/*
 * service.h - the run, seen by a service manager (net/notify.h): ready,
 * reading its configuration again, stopping, and alive in between.
 *
 * The sign of life is one of every worker, not of the main thread alone: a
 * letter goes to each, and only when all have come back the manager is told
 * so.  Whoever hangs, in a loop or in the kernel, is found out.
 *
 *	timer ─► letters to all workers ─► back ─► "WATCHDOG=1"
 *	  └─ while one is missing: nothing
 *
 * Without a manager that listens, every call does nothing.  Main thread.
 */

struct err;
struct input;
struct mainloop;
struct service_letter;
struct sheet;

/* Longest status, with its end: three numbers and a few words. */
#define SERVICE_STATUS_MAX 256

/**
 * struct service_opts - What it looks after
 * @loop:	Open; outlives it until service_close()
 * @inputs:	@ninputs of them, with their workers; they outlive it until
 *		service_close()
 * @take:	The figures of this moment, for a line that people read; asked
 *		every few seconds.  Return: 0 or -errno: there is none now
 * @self:	Passed to it
 */
struct service_opts {
	struct mainloop *loop;
	const struct input *inputs;
	size_t ninputs;
	int (*take)(void *self, struct sheet *sh);
	void *self;
};

/**
 * struct service - Private; zeroed, it is one of no manager
 * @letters:	One for each of @n workers
 * @missing:	Letters that have not come back
 * @is_deaf:	The main loop takes no letters any more
 * @said:	The status that the manager knows
 */
struct service {
	struct service_opts opts;
	struct service_letter *letters;
	size_t n;
	size_t missing;
	_Atomic bool is_deaf;
	bool is_open;
	bool is_stopping;
	uv_timer_t pulse;
	uv_timer_t glance;
	char said[SERVICE_STATUS_MAX];
};

/**
 * service_open() - Prepare for the workers that there are
 * @s:		Where it is until service_free()
 *
 * Return: 0 or -ENOMEM with @err
 */
int service_open(struct service *s, const struct service_opts *o,
    struct err *err) ATTR_WUNRES;

/**
 * service_ready() - Traffic can come: from now on there are signs of life
 *
 * Also when a configuration has been read again.
 */
void service_ready(struct service *s);

/** service_reloading() - ... it is being read; then service_ready() again. */
void service_reloading(struct service *s);

/**
 * service_stopping() - The end has begun: no more signs of life
 * @within_ns:	How long it may take
 */
void service_stopping(struct service *s, uint64_t within_ns);

/** service_close() - When the main loop runs no more; before it is closed. */
void service_close(struct service *s);

/** service_free() - When the workers are gone; idempotent. */
void service_free(struct service *s);

#endif /* RUN_SERVICE_H */
