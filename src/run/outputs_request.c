#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/sink_text.h"
#include "run/kinds.h"
#include "run/outputs_request.h"

struct outputs_request *
outputs_request_new(enum outputs_what what, outputs_done *done, void *self)
{
	struct outputs_request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	list_init(&r->node);
	r->what = what;
	r->done = done;
	r->self = self;
	return r;
}

void
outputs_request_read(struct outputs_request *r, const char *text)
{
	struct sink_text_kinds kinds;

	kinds.kinds = kinds_all(&kinds.n);
	r->rc = sink_text_parse(&r->spec, text, &kinds, &r->err);
	if (r->rc != 0)
		r->what = OUTPUTS_WHAT_FAILED;
}

void
outputs_request_name(struct outputs_request *r, const char *name)
{
	r->name = strdup(name);
	if (r->name != NULL)
		return;
	r->what = OUTPUTS_WHAT_FAILED;
	r->rc = err_set(&r->err, -ENOMEM, "out of memory");
}

void
outputs_request_free(struct outputs_request *r)
{
	sink_spec_done(&r->spec);
	free(r->name);
	free(r);
}
