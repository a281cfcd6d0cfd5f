#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "base/log.h"
#include "cli/folder.h"
#include "cli/optional.h"
#include "config/plan.h"

/* Up to the last slash, the doubled braces of a template undone. */
static char *
folder_of(const char *arg)
{
	const char *slash = strrchr(arg, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - arg) + 1;
	char *folder = malloc(n + sizeof("./"));
	size_t k = 0;

	if (folder == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		folder[k++] = arg[i];
		if ((arg[i] == '{' || arg[i] == '}') && arg[i + 1] == arg[i])
			i++;
	}
	if (k == 0)
		folder[k++] = '.';
	folder[k] = '\0';
	return folder;
}

static bool
is_there(const struct sink_spec *spec)
{
	char *folder = folder_of(spec->arg);
	int rc = folder == NULL ? -ENOMEM : folder_make(folder);

	if (rc == 0 && access(folder, W_OK | X_OK) != 0)
		rc = -errno;
	if (rc != 0)
		log_warn("%s: %s cannot be written to (%s): nothing is "
			 "recorded there",
		    spec->kind, folder != NULL ? folder : "its folder",
		    strerror(-rc));
	free(folder);
	return rc == 0;
}

void
optional_settle(struct plan *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->nsinks; i++) {
		if (p->sinks[i].optional && !is_there(&p->sinks[i])) {
			sink_spec_done(&p->sinks[i]);
			continue;
		}
		p->sinks[kept++] = p->sinks[i];
	}
	p->nsinks = kept;
}
