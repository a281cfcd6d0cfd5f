#ifndef HTTP_HTTP_JUDGE_H
#define HTTP_HTTP_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http_host.h"
#include "http/http_rate.h"
#include "http/http_route.h"
#include "http/http_token.h"

/*
 * http_judge.h - may this be asked, and who answers it?
 *
 * Values in, a verdict out.  Those who know the token and those who do not are
 * counted apart, so that the second kind cannot use up what the first may ask.
 */

/** enum http_crowd - Who shares a rate. */
enum http_crowd {
	HTTP_STRANGERS,
	HTTP_FRIENDS,
};
#define HTTP_NCROWDS (HTTP_FRIENDS + 1)

/**
 * struct http_judge - What is known beforehand; @rate is its own
 * @routes:	@nroutes of them
 * @files:	The route of all paths for which @has_file is true; NULL: none
 */
struct http_judge {
	struct http_token token;
	const char *name;
	bool any;
	const struct http_route *routes;
	size_t nroutes;
	const struct http_route *files;
	bool (*has_file)(const char *path);
	struct http_rate rate[HTTP_NCROWDS];
};

/**
 * struct http_asked - The head of a request; headers are NULL if not there
 * @repeats:	One of these headers came more than once
 * @local:	Our end of the connection
 * @mono_ns:	Now
 */
struct http_asked {
	const char *method;
	const char *path;
	const char *host;
	const char *origin;
	const char *authorization;
	bool repeats;
	const struct addr *local;
	uint64_t mono_ns;
};

/**
 * http_judge() - Look at a request
 * @m:		The route; set for 0 and 405
 * @why:	One sentence, static; set unless the result is 0
 *
 * Return: 0: it may be asked; else the status of the refusal
 */
unsigned http_judge(struct http_judge *j, const struct http_asked *a,
    struct http_route_match *m, const char **why);

#endif /* HTTP_HTTP_JUDGE_H */
