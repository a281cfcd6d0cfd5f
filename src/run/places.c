#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include "core/sink_spec.h"
#include "run/kinds.h"
#include "run/places.h"
#include "run/sinks.h"

/* Visits what stands before the last slash; @path is cut there. */
static int
visit_folder(char *path, places_visit *visit, void *self)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL)
		return visit(self, ".");
	slash[slash == path ? 1 : 0] = '\0';
	return visit(self, path);
}

/* Where a link leads; what is not there leads nowhere. */
static int
visit_real(const char *path, places_visit *visit, void *self)
{
	char *real = realpath(path, NULL);
	int rc = 0;

	if (real != NULL)
		rc = visit_folder(real, visit, self);
	free(real);
	return rc;
}

int
places_of_file(const char *path, places_visit *visit, void *self)
{
	struct stat st;
	char *copy;
	int rc = 0;

	if (stat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
			return visit(self, path);
		rc = visit_real(path, visit, self);
	}
	copy = strdup(path);
	if (rc == 0)
		rc = copy != NULL ? visit_folder(copy, visit, self) : -ENOMEM;
	free(copy);
	return rc;
}

/*
 * Cuts a template at its first field, and undoes the doubled braces before
 * that.  Return: there was a field
 */
static bool
cut_template(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		bool is_brace = *from == '{' || *from == '}';

		if (is_brace && from[1] != *from) {
			*to = '\0';
			return true;
		}
		if (is_brace)
			from++;
		*to++ = *from;
	}
	*to = '\0';
	return false;
}

static int
visit_template(const char *text, places_visit *visit, void *self)
{
	char *path = strdup(text);
	int rc;

	if (path == NULL)
		return -ENOMEM;
	if (cut_template(path))
		rc = visit_folder(path, visit, self);
	else
		rc = places_of_file(path, visit, self);
	free(path);
	return rc;
}

/* One that listens makes its socket anew, as often as it comes. */
static int
visit_socket(const char *arg, places_visit *visit, void *self)
{
	static const char unix_word[] = "unix:";
	char *path;
	int rc;

	if (strncmp(arg, unix_word, sizeof(unix_word) - 1) != 0)
		return 0;
	path = strdup(arg + sizeof(unix_word) - 1);
	rc = path != NULL ? visit_folder(path, visit, self) : -ENOMEM;
	free(path);
	return rc;
}

static bool
is_arg(const struct sink_kind *kind, const char *arg)
{
	return kind->arg != NULL && strcmp(kind->arg, arg) == 0;
}

int
places_of_output(const struct sink_spec *spec, places_visit *visit, void *self)
{
	const struct sink_kind *kind = kinds_find(spec->kind);
	const char *closed = sink_spec_get(spec, "closed");
	int rc = 0;

	if (kind == NULL || spec->arg[0] == '\0' || sinks_is_stdout(spec))
		return 0;
	if (is_arg(kind, "DIR"))
		return visit(self, spec->arg);
	if (is_arg(kind, "ADDR:PORT"))
		return visit_socket(spec->arg, visit, self);
	if (is_arg(kind, "ROOT"))
		return places_of_file(spec->arg, visit, self);
	if (is_arg(kind, "FILE"))
		rc = visit_template(spec->arg, visit, self);
	if (rc == 0 && closed != NULL)
		rc = visit_template(closed, visit, self);
	return rc;
}
