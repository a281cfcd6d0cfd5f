#include <string.h>

#include <microhttpd.h>

#include "control/files.h"
#include "http/http_reply.h"
#include "http/http_request.h"

const struct files_file *
files_find(const char *path)
{
	for (const struct files_file *f = files_all; f->path != NULL; f++)
		if (strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

bool
files_has(const char *path)
{
	return files_find(path) != NULL;
}

/* If-None-Match is "*" or a list (RFC 9110, section 13.1.2). */
static bool
is_known(struct http_request *rq, const char *etag)
{
	const char *list = MHD_lookup_connection_value(
	    rq->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);

	return list != NULL &&
	       (strcmp(list, "*") == 0 || strstr(list, etag) != NULL);
}

void
files_handle(struct http_request *rq)
{
	const struct files_file *f = files_find(rq->path);

	if (f == NULL) {
		http_reply_problem(rq, 404, "there is nothing of this name");
		return;
	}
	if (is_known(rq, f->etag))
		http_reply_empty(rq, 304);
	else
		http_reply_static(rq, f->type, f->data, f->len);
	http_reply_header(rq, MHD_HTTP_HEADER_ETAG, f->etag);
	/* It may be kept, but another program may answer here tomorrow. */
	http_reply_header(rq, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
}
