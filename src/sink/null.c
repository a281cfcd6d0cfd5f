#include <errno.h>
#include <stddef.h>

#include "base/err.h"

#include "sink/null.h"

static int
null_lane_new(struct sink_lane *lane, struct worker *w, struct err *err)
{
	(void)lane;
	(void)w;
	(void)err;
	return 0;
}

static void
null_lane_free(struct sink_lane *lane)
{
	(void)lane;
}

static void
null_free(struct sink *sink)
{
	(void)sink;
}

static int
null_open(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
	return 0;
}

static void
null_close(struct sink_lane *lane, void *st, const struct session *s)
{
	(void)lane;
	(void)st;
	(void)s;
}

static const struct sink_ops null_ops = {
	.kind = "null",
	.need = NEED_NOTHING,
	.lane_new = null_lane_new,
	.lane_free = null_lane_free,
	.free = null_free,
	.open = null_open,
	.close = null_close,
};

static int
null_make(struct sink *sink, const struct sink_spec *spec,
    const struct sink_env *env, struct err *err)
{
	(void)env;
	if (spec->arg[0] != '\0')
		return err_set(err, -EINVAL,
		    "null:%s: null writes nothing, so it takes no argument",
		    spec->arg);
	sink->ops = &null_ops;
	sink->self = NULL;
	return 0;
}

const struct sink_kind null_kind = {
	.name = "null",
	.arg = "",
	.help = "nothing; counts what it was offered",
	.queue = 1,
	.make = null_make,
};
