#ifndef CONTROL_API_JSON_H
#define CONTROL_API_JSON_H

#include <jansson.h>

#include "base/attr.h"

/*
 * api_json.h - trees of JSON that come and go.
 */

struct http_request;

/** api_json_reply() - Answer with @tree, which is released; NULL: 503. */
void api_json_reply(struct http_request *rq, json_t *tree);

/**
 * api_json_body() - The one text that a body has to hold
 * @key:	{"key": "text"}, and nothing else
 * @text:	Lives as long as what is returned
 *
 * Return: to be released; NULL: it is not there, and the request has its
 *	   answer (400)
 */
json_t *api_json_body(
    struct http_request *rq, const char *key, const char **text) ATTR_WUNRES;

#endif /* CONTROL_API_JSON_H */
