#ifndef CONTROL_FILES_H
#define CONTROL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * files.h - the files of the page, which are part of the program.
 *
 * scripts/embed writes the list when the program is built, from all that is in
 * web/: what is web/app.js there is /app.js here, and index.html is its folder.
 */

struct http_request;

/**
 * struct files_file - A file
 * @path:	As it is asked for: "/app.js"
 * @type:	For Content-Type
 * @etag:	Of its content, with quotes
 * @data:	@len bytes
 */
struct files_file {
	const char *path;
	const char *type;
	const char *etag;
	const uint8_t *data;
	size_t len;
};

/* The list; the last has no path.  Generated. */
extern const struct files_file files_all[];

/** files_find() - The file at @path; NULL: there is none. */
const struct files_file *files_find(const char *path) ATTR_WUNRES;

/** files_has() - Is there one? */
bool files_has(const char *path);

/** files_handle() - GET of a path that files_has() */
void files_handle(struct http_request *rq);

#endif /* CONTROL_FILES_H */
