#ifndef HTTP_HTTP_ROUTE_H
#define HTTP_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

struct http_request;
struct obuf;

/*
 * http_route.h - which function answers a request.
 */

/** enum http_method - Bits, since a route may have several. */
enum http_method {
	HTTP_GET = 1, /* and HEAD */
	HTTP_POST = 2,
	HTTP_PUT = 4,
	HTTP_DELETE = 8,
};
#define HTTP_METHODS_ALL (HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_DELETE)

/* Most names of parameters that a route knows. */
#define HTTP_ROUTE_PARAMS 6

/* Longest segment of a path that "{}" stands for. */
#define HTTP_ROUTE_ARG_MAX 128

/**
 * struct http_route - A row of the table
 * @method:	The one method that it answers
 * @pattern:	A path; "{}" is any one segment that is not empty
 * @is_open:	No token is asked for
 * @params:	What may stand in the query; others are refused
 * @handle:	Answers, or holds the request and answers later
 */
struct http_route {
	enum http_method method;
	const char *pattern;
	bool is_open;
	const char *params[HTTP_ROUTE_PARAMS + 1];
	void (*handle)(struct http_request *rq);
};

/**
 * struct http_route_match - What was found
 * @route:	NULL: none that has this path and this method
 * @allow:	Methods that this path has; 0: it is no path of ours
 * @arg:	What stands for "{}"; "" if there is none
 */
struct http_route_match {
	const struct http_route *route;
	unsigned allow;
	char arg[HTTP_ROUTE_ARG_MAX + 1];
};

/** http_route_method() - "GET", ...; 0 for one that we never answer. */
unsigned http_route_method(const char *name);

/** http_route_find() - Look @path up for a method; see the match. */
void http_route_find(const struct http_route *routes, size_t n, unsigned method,
    const char *path, struct http_route_match *m);

/** http_route_knows() - May @param stand in the query of this route? */
bool http_route_knows(const struct http_route *r, const char *param);

/**
 * http_route_unescape() - Undo %XX in place
 *
 * What stands for no byte, or for NUL, stays as it is: no text ends before its
 * end.  Return: the new length
 */
size_t http_route_unescape(char *text);

/** http_route_allow_put() - Append "GET, HEAD, DELETE". */
void http_route_allow_put(struct obuf *o, unsigned allow);

#endif /* HTTP_HTTP_ROUTE_H */
