#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/addr.h"
#include "base/attr.h"

/*
 * dial.h - connect to the first of several addresses that answers.
 *
 * The addresses are tried one after the other, each for at most the timeout.
 */

struct dial;

/**
 * struct dial_opts - Where and how to connect
 * @addrs:	To be tried in this order; 1 to SOCKET_MAX_ADDRS; copied
 * @naddrs:	Their number
 * @timeout_ns:	For each address
 * @source:	Our address; AF_UNSPEC or another family: the kernel chooses
 * @bound:	Called for each address before the first packet goes to it,
 *		with our end (its address may still be a wildcard) and the
 *		other; NULL: no interest, and more connections fit
 * @bound_self:	Passed to it
 */
struct dial_opts {
	const struct addr *addrs;
	size_t naddrs;
	uint64_t timeout_ns;
	struct addr source;
	void (*bound)(
	    void *self, const struct addr *local, const struct addr *remote);
	void *bound_self;
};

/**
 * dial_done - Told the outcome, once, on the loop's thread
 * @fd:		>= 0: connected, owned by the callee; else the negative errno
 *		of the last address tried (-ETIMEDOUT for a timeout)
 * @to:		The address that @fd is connected to, or that failed last
 *
 * The dial is gone when this is called.
 */
typedef void dial_done(void *self, int fd, const struct addr *to);

/**
 * dial_start() - Begin
 * @out:	The pending dial; set only when the result is -EINPROGRESS
 * @o:		Copied
 * @to:		Set when connected at once or failed at once
 *
 * Return: a descriptor >= 0: connected at once, @done is not called;
 *	   -EINPROGRESS: @done comes later; else -errno of the last address
 */
int dial_start(struct dial **out, uv_loop_t *loop, const struct dial_opts *o,
    struct addr *to) ATTR_WUNRES;

/** dial_on_done() - Right after -EINPROGRESS: whom to tell. */
void dial_on_done(struct dial *d, dial_done *done, void *self);

/** dial_cancel() - Give up; nobody is told. */
void dial_cancel(struct dial *d);

#endif /* NET_DIAL_H */
