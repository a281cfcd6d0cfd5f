#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/attr.h"
#include "core/news.h"

static const char *const cat_names[] = {
	[NEWS_SESSION] = "session",
	[NEWS_PORTS] = "ports",
	[NEWS_OUTPUT] = "output",
	[NEWS_CONTROL] = "control",
	[NEWS_FLOW] = "flow",
	[NEWS_STATS] = "stats",
	[NEWS_DEBUG] = "debug",
	[NEWS_NCATS] = NULL,
};
static_assert(
    ATTR_COUNT(cat_names) == NEWS_NCATS + 1, "a name for each category");

const char *const *
news_cat_names(void)
{
	return cat_names;
}

const char *
news_stream_name(enum news_stream s)
{
	return s == NEWS_REQUESTS ? "requests" : "responses";
}

struct news_tally *
news_tally_new(void)
{
	struct news_tally *t = calloc(1, sizeof(*t));

	if (t != NULL)
		atomic_init(&t->refs, 1);
	return t;
}

struct news_tally *
news_tally_ref(struct news_tally *t)
{
	if (t != NULL)
		(void)atomic_fetch_add(&t->refs, 1); /* its value is no news */
	return t;
}

void
news_tally_unref(struct news_tally *t)
{
	if (t != NULL && atomic_fetch_sub(&t->refs, 1) == 1)
		free(t);
}
