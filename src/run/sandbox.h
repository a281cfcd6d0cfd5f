#ifndef RUN_SANDBOX_H
#define RUN_SANDBOX_H

#include "base/attr.h"

/*
 * sandbox.h - what a run can no longer do once everything is open that it
 * needs rights for (--sandbox).
 *
 *	capabilities	all but two gone		net/capability.h
 *	no new ones	by programs either
 *	files		those of the outputs' folders,	net/sandbox_landlock.h
 *			and what names and times need
 *	system calls	those of a run			net/sandbox_seccomp.h
 *
 * Each part is said with -v.  What the system does not have is said and left
 * out; with "strict" it is an error.
 */

struct err;
struct plan;
struct sandbox_landlock;
struct sink_spec;

/**
 * struct sandbox - Around the process
 * @landlock:	Where it may write; NULL: wherever its user may
 * @self:	Keeps /proc/self what it was, or -1
 */
struct sandbox {
	struct sandbox_landlock *landlock;
	int self;
};

/**
 * sandbox_enter() - For good
 * @b:		Set in any case; sandbox_done() is right after both
 * @p:		Folders of its outputs are made here, if they are missing
 *
 * When the user is who it is to be, before any thread and any output.
 *
 * Return: 0 or -errno with @err
 */
int sandbox_enter(
    struct sandbox *b, const struct plan *p, struct err *err) ATTR_WUNRES;

/**
 * sandbox_check() - May an output be added?
 * @b:		NULL: any
 *
 * Return: 0, -ENOMEM, or -EACCES: it would write elsewhere; with @err
 */
int sandbox_check(const struct sandbox *b, const struct sink_spec *spec,
    struct err *err) ATTR_WUNRES;

/** sandbox_done() - Its memory alone is released: it stays. */
void sandbox_done(struct sandbox *b);

#endif /* RUN_SANDBOX_H */
