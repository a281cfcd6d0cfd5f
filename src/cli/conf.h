#ifndef CLI_CONF_H
#define CLI_CONF_H

#include <stddef.h>

#include "base/attr.h"
#include "config/findings.h"
#include "config/schema.h"

/*
 * conf.h - from a configuration file to a plan.
 *
 * A file is written in one of several dialects; each is a reader of its own
 * that looks at the tree and says whether it is meant.  Ours is the last: what
 * nobody else wants to read.
 *
 *	{
 *		inputs:  [{type: "proxy", listen: 8081, target: "web:80"}],
 *		outputs: [{type: "jsonl", to: "/var/log/web.jsonl"}],
 *		control: {listen: "127.0.0.1:7070"},
 *		logging: {level: "info"},
 *		runtime: {user: "teeline"},
 *	}
 */

struct err;
struct plan;

/**
 * conf_load() - Read a file into a tree
 * @root:	Set on success; release with jsonish_done()
 * @f:		Gets what is wrong with the text
 * @err:	Filled in for all but -EINVAL
 *
 * Return: 0; -EINVAL with a finding; -ENOMEM; another -errno when the file
 *	   cannot be read
 */
int conf_load(struct jsonish *root, const char *path, struct findings *f,
    struct err *err) ATTR_WUNRES;

/**
 * conf_read() - Read a file into a plan
 * @p:		Fresh from plan_init(); filled in on success, and then its
 *		@config is @path.  plan_done() is right in any case.
 * @f:		Gets what is wrong, and warnings on success too
 * @err:	Filled in for all but -EINVAL
 *
 * Nothing that the plan names is opened.  Return: as conf_load()
 */
int conf_read(struct plan *p, const char *path, struct findings *f,
    struct err *err) ATTR_WUNRES;

/**
 * conf_read_or_say() - The same, and what is wrong is printed
 *
 * On standard error, a line for each finding.  Return: an exit code
 * (run/run.h)
 */
int conf_read_or_say(struct plan *p, const char *path) ATTR_WUNRES;

/** conf_read_or_log() - The same, and what is wrong is logged. */
int conf_read_or_log(struct plan *p, const char *path) ATTR_WUNRES;

/**
 * struct conf_dialect - A way to write a configuration
 * @name:	For messages
 * @is:		Is a file that begins like this one meant for it?
 * @read:	Fill in the plan; what is wrong goes to the findings.  Return:
 *0, -EINVAL or -ENOMEM
 */
struct conf_dialect {
	const char *name;
	bool (*is)(const struct jsonish *root);
	int (*read)(
	    struct plan *p, const struct jsonish *root, struct findings *f);
};

/** conf_table() - The keys of a file of ours. */
const struct schema_table *conf_table(void);

#endif /* CLI_CONF_H */
