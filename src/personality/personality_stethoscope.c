#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/conf.h"
#include "cli/folder.h"
#include "cli/optional.h"
#include "config/plan.h"
#include "config/word.h"
#include "personality/personality.h"
#include "personality/personality_stethoscope.h"
#include "run/run.h"

/**
 * struct flags - Its command line
 * @config:	NULL: it was not given, as with ""
 * @has_level:	@level overrules that of the file, for the console
 */
struct flags {
	const char *config;
	bool has_level;
	enum log_level level;
};

/* For reread(), which comes with SIGHUP. */
static struct flags flags;

/* --- flags --------------------------------------------------------------- */

static int
set_config(void *self, const struct option_value *v, struct err *err)
{
	(void)err;
	((struct flags *)self)->config = v->text;
	return 0;
}

/* The original ignores one that it does not know, without a word. */
static int
set_level(void *self, const struct option_value *v, struct err *err)
{
	static const char *const words[] = { "ERROR", "WARNING", "INFO",
		"DEBUG", "WARN", NULL };
	static const enum log_level levels[] = { LOG_LEVEL_ERROR,
		LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG,
		LOG_LEVEL_WARN };
	struct flags *f = self;
	uint64_t i;
	int rc = word_find(words, true, v->text, &i, err);

	if (rc != 0)
		return rc;
	f->level = levels[i];
	f->has_level = true;
	return 0;
}

/* In the order of the alphabet, as Go prints them. */
static const struct option_row rows[] = {
	{
	    .name = "config",
	    .arg = "string",
	    .type = OPTION_STRING,
	    .help = "path to the configuration (required)",
	    .complete = OPTION_COMPLETE_FILE,
	    .set = set_config,
	},
	{ .name = "h", .type = OPTION_FLAG, .set = personality_help },
	{ .name = "help", .type = OPTION_FLAG, .set = personality_help },
	{
	    .name = "log-level",
	    .arg = "string",
	    .type = OPTION_STRING,
	    .help = "how much is said on the console (DEBUG, INFO, WARNING, "
		    "ERROR), whatever the configuration says",
	    .set = set_level,
	},
};

static const struct option_table table = { .rows = rows,
	.nrows = ATTR_COUNT(rows) };

const struct option_table *
personality_stethoscope_options(void)
{
	return &table;
}

/* --- the run ------------------------------------------------------------- */

static void
apply_flags(struct plan *p)
{
	if (flags.has_level)
		p->log.level = flags.level;
}

/* SIGHUP; the run goes on with what it has when this fails. */
static int
reread(const struct plan *now, struct plan *fresh)
{
	if (conf_read_or_log(fresh, now->config) != RUN_OK)
		return -EINVAL;
	apply_flags(fresh);
	optional_settle(fresh);
	return 0;
}

static void
on_ready(const struct plan *p, const struct addr *listening, size_t n)
{
	(void)listening;
	(void)n;
	log_info("listening at %s for %s", p->sources[0].capture.iface,
	    p->sources[0].capture.filter);
}

static int
carry_out(struct plan *p)
{
	struct err err = { "" };

	apply_flags(p);
	log_init("stethoscope", p->log.level);
	log_set_leveled(STDOUT_FILENO);
	if (p->log.file != NULL && folder_make_for(p->log.file) == 0 &&
	    log_open_file(p->log.file, p->log.file_level, &err) != 0) {
		log_error("%s", err.text);
		return RUN_FAIL;
	}
	optional_settle(p);
	p->reread = reread;
	/* Inputs of our own dialect say for themselves what they are. */
	if (p->lines.host != NULL)
		p->ready = on_ready;
	return run_plan(p);
}

int
personality_stethoscope(int argc, char **argv)
{
	struct plan p;
	int status = RUN_FAIL;

	clock_init();
	if (!personality_flags(&table, &argc, argv, &flags, &status))
		return status;
	if (flags.config == NULL || flags.config[0] == '\0') {
		log_print("--config is needed");
		personality_defaults(&table);
		return RUN_USAGE;
	}
	plan_init(&p);
	log_init("stethoscope", LOG_LEVEL_WARN);
	status = conf_read_or_say(&p, flags.config);
	if (status == RUN_OK)
		status = carry_out(&p);
	plan_done(&p);
	/* Its own convention: whatever is wrong behind the flags is 1. */
	return status == RUN_USAGE ? RUN_FAIL : status;
}
