#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/obuf.h"
#include "config/plan.h"
#include "config/sink_text.h"
#include "core/sink.h"
#include "run/outputs.h"
#include "run/reload.h"
#include "run/reload_fixed.h"
#include "run/sinks.h"

/*
 * Outputs are told apart by what they say, all of it, as one text.  What is in
 * the fresh plan and not here comes; what is here and not there goes.  First
 * everything goes that has to: its name, its file or its port may be wanted by
 * what comes.
 */

/**
 * struct entry - An output that came from the configuration
 * @name:	What the run calls it
 * @says:	All that its user wrote about it
 * @stays:	The fresh plan has it
 */
struct entry {
	char *name;
	char *says;
	bool stays;
};

/**
 * struct reload - See reload.h
 * @entries:	@n of them
 * @fresh:	The plan that is being carried out, while @busy; its sinks are
 *		those that are new
 * @next:	The one of them to be added next
 * @coming:	What the one says that is being added; owned
 * @added, @removed: So far
 * @again:	Asked for once more meanwhile
 */
struct reload {
	struct reload_opts o;
	struct entry *entries;
	size_t n;
	struct plan fresh;
	size_t next;
	char *coming;
	bool busy;
	bool again;
	size_t added;
	size_t removed;
};

static void step(struct reload *r);

/* --- outputs as texts ---------------------------------------------------- */

/* NULL without memory. */
static char *
all_of(const struct sink_spec *spec)
{
	struct obuf out = { .data = NULL };
	char *text = NULL;

	sink_text_format(spec, &out);
	obuf_printf(&out, "|%d|%o|%" PRIu64 "|%" PRIu64 "|%u", spec->overwrite,
	    spec->mode, spec->rotation.bytes, spec->rotation.span_ns,
	    spec->rotation.keep);
	obuf_putc(&out, '\0');
	if (!out.failed)
		text = strdup((char *)out.data);
	obuf_done(&out);
	return text;
}

static void
entry_done(struct entry *e)
{
	free(e->name);
	free(e->says);
}

/* Takes @says over; 0 or -1 without memory. */
static int
remember(struct reload *r, const char *name, char *says_take)
{
	struct entry *more = realloc(r->entries, (r->n + 1) * sizeof(*more));
	char *copy = strdup(name);

	if (more != NULL)
		r->entries = more;
	if (more == NULL || copy == NULL || says_take == NULL) {
		free(copy);
		free(says_take);
		return -1;
	}
	more[r->n++] = (struct entry){ .name = copy, .says = says_take };
	return 0;
}

static void
forget(struct reload *r, struct entry *e)
{
	entry_done(e);
	r->n--;
	memmove(e, e + 1, (size_t)(&r->entries[r->n] - e) * sizeof(*e));
}

/* One that says this and has not been found yet; NULL: none. */
static struct entry *
find(struct reload *r, const char *says)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->entries[i].stays &&
		    strcmp(r->entries[i].says, says) == 0)
			return &r->entries[i];
	return NULL;
}

/* Takes the sinks that are here already out of the fresh plan. */
static int
compare(struct reload *r)
{
	struct plan *p = &r->fresh;
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++)
		r->entries[i].stays = false;
	for (size_t i = 0; i < p->nsinks; i++) {
		char *says = all_of(&p->sinks[i]);
		struct entry *e = says != NULL ? find(r, says) : NULL;

		free(says);
		if (says == NULL)
			return -1;
		if (e != NULL) {
			e->stays = true;
			sink_spec_done(&p->sinks[i]);
		} else {
			struct sink_spec spec = p->sinks[i];

			p->sinks[i] = (struct sink_spec){ .kind = NULL };
			p->sinks[kept++] = spec;
		}
	}
	p->nsinks = kept;
	return 0;
}

/* --- one change after the other ------------------------------------------ */

static void
finish(struct reload *r)
{
	bool again = r->again;

	log_info("%s was read again: %zu outputs added, %zu removed",
	    r->o.plan->config, r->added, r->removed);
	plan_done(&r->fresh);
	r->busy = false;
	r->again = false;
	if (again)
		reload_now(r);
	else
		r->o.done(r->o.self);
}

static struct entry *
next_to_go(struct reload *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (!r->entries[i].stays)
			return &r->entries[i];
	return NULL;
}

/* Gone, or it was before: somebody else has removed it by its name. */
static void
on_removed(void *self, int error, const char *text)
{
	struct reload *r = self;
	struct entry *e = next_to_go(r);

	assert(e != NULL);
	if (error == 0)
		r->removed++;
	else
		log_warn("output %s: %s", e->name, text);
	forget(r, e);
	step(r);
}

/* @text is the name that it was given. */
static void
on_added(void *self, int error, const char *text)
{
	struct reload *r = self;
	char *says = r->coming;

	r->coming = NULL;
	if (error != 0) {
		log_error("an output was not added: %s", text);
		free(says);
	} else if (remember(r, text, says) != 0) {
		log_error("no memory: output %s stays for good", text);
	} else {
		r->entries[r->n - 1].stays = true;
		r->added++;
	}
	step(r);
}

/* Return: it will call back */
static bool
remove_one(struct reload *r, struct entry *e)
{
	int rc = outputs_remove(r->o.outputs, e->name, on_removed, r);

	if (rc == 0)
		return true;
	log_error("output %s cannot be removed: %s", e->name, strerror(-rc));
	e->stays = true;
	return false;
}

static bool
add_one(struct reload *r, struct sink_spec *spec)
{
	int rc;

	r->coming = all_of(spec);
	rc = r->coming != NULL ? outputs_add(r->o.outputs, spec, on_added, r)
			       : -ENOMEM;
	if (rc == 0)
		return true;
	log_error("an output was not added: %s", strerror(-rc));
	free(r->coming);
	r->coming = NULL;
	return false;
}

static void
step(struct reload *r)
{
	struct entry *e;

	while ((e = next_to_go(r)) != NULL)
		if (remove_one(r, e))
			return;
	while (r->next < r->fresh.nsinks)
		if (add_one(r, &r->fresh.sinks[r->next++]))
			return;
	finish(r);
}

/* --- the rest ------------------------------------------------------------ */

static void
apply_log(const struct plan_log *l)
{
	struct err err = { "" };

	log_set_level(l->level);
	log_set_stamps(l->timestamps);
	if (log_open_file(l->file, l->file_level, &err) != 0)
		log_error("%s", err.text);
}

void
reload_now(struct reload *r)
{
	const struct plan *p = r->o.plan;

	if (r->busy) {
		r->again = true;
		return;
	}
	plan_init(&r->fresh);
	if (p->reread(p, &r->fresh) != 0 || compare(r) != 0) {
		log_error("%s was not taken over: everything stays as it is",
		    p->config);
		plan_done(&r->fresh);
		r->o.done(r->o.self);
		return;
	}
	r->busy = true;
	r->next = 0;
	r->added = 0;
	r->removed = 0;
	apply_log(&r->fresh.log);
	reload_fixed_warn(p, &r->fresh);
	r->o.limit(r->o.self, &r->fresh);
	step(r);
}

bool
reload_removes(const struct reload *r, const char *name)
{
	for (size_t i = 0; r->busy && i < r->n; i++)
		if (!r->entries[i].stays &&
		    strcmp(r->entries[i].name, name) == 0)
			return true;
	return false;
}

struct reload *
reload_new(const struct reload_opts *o, struct err *err)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		(void)err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	r->o = *o;
	plan_init(&r->fresh);
	for (size_t i = 0; i < o->plan->nsinks; i++) {
		const struct sink_spec *spec = &o->plan->sinks[i];

		if (remember(r, o->sinks->v[i]->name, all_of(spec)) != 0) {
			(void)err_set(err, -ENOMEM, "out of memory");
			reload_free(r);
			return NULL;
		}
	}
	return r;
}

void
reload_free(struct reload *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		entry_done(&r->entries[i]);
	free(r->entries);
	free(r->coming);
	plan_done(&r->fresh);
	free(r);
}
