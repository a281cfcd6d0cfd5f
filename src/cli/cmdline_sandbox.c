#include <errno.h>

#include "base/err.h"
#include "cli/cmdline.h"
#include "cli/cmdline_sandbox.h"

int
cmdline_sandbox_mode(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	((struct cmdline *)self)->plan.sandbox = (enum plan_sandbox)v->number;
	return 0;
}

int
cmdline_sandbox_writable(
    void *self, const struct option_value *v, struct err *err)
{
	struct cmdline *c = self;

	if (plan_add_writable(&c->plan, v->text) == 0)
		return 0;
	return err_set(err, -ENOMEM, "out of memory");
}
