#ifndef RUN_OUTPUTS_REQUEST_H
#define RUN_OUTPUTS_REQUEST_H

#include "base/attr.h"
#include "base/err.h"
#include "base/list.h"
#include "core/sink_spec.h"
#include "run/outputs.h"

/*
 * outputs_request.h - a change that somebody has asked for, as it waits.
 *
 * What is wrong with it is kept, to be told when its turn has come.
 */

/** enum outputs_what - What was asked for. */
enum outputs_what {
	OUTPUTS_WHAT_FAILED, /* nothing that could be done */
	OUTPUTS_WHAT_ADD,
	OUTPUTS_WHAT_REMOVE,
	OUTPUTS_WHAT_ROTATE,
};

/**
 * struct outputs_request - See above
 * @node:	The owner's
 * @spec:	ADD: owned
 * @name:	REMOVE, ROTATE, and ADD once it is known: owned
 * @rc, @err:	FAILED: why
 * @done:	Called when all is over, with @self
 */
struct outputs_request {
	struct list node;
	enum outputs_what what;
	struct sink_spec spec;
	char *name;
	int rc;
	struct err err;
	outputs_done *done;
	void *self;
};

/** outputs_request_new() - With no details yet; NULL without memory. */
struct outputs_request *outputs_request_new(
    enum outputs_what what, outputs_done *done, void *self) ATTR_WUNRES;

/** outputs_request_read() - ADD: what, as KIND:ARG[,key=value...]. */
void outputs_request_read(struct outputs_request *r, const char *text);

/** outputs_request_name() - Which output it is about. */
void outputs_request_name(struct outputs_request *r, const char *name);

/** outputs_request_free() - Nobody is told. */
void outputs_request_free(struct outputs_request *r);

#endif /* RUN_OUTPUTS_REQUEST_H */
