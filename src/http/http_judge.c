#include "http/http_judge.h"

static void
find(const struct http_judge *j, const struct http_asked *a,
    struct http_route_match *m)
{
	unsigned method = http_route_method(a->method);

	if (j->files != NULL && j->has_file(a->path)) {
		*m = (struct http_route_match){ .allow = HTTP_GET };
		if (method == HTTP_GET)
			m->route = j->files;
		return;
	}
	http_route_find(j->routes, j->nroutes, method, a->path, m);
}

unsigned
http_judge(struct http_judge *j, const struct http_asked *a,
    struct http_route_match *m, const char **why)
{
	const struct http_host_us us = { j->name, a->local, j->any };
	bool is_friend = http_token_fits(&j->token, a->authorization);

	*why = "Host, Origin and Authorization may be given once";
	if (a->repeats)
		return 400;
	*why = "Host is none of the names of this server";
	if (!http_host_fits(&us, a->host))
		return 421;
	*why = "pages of other origins may not ask here";
	if (!http_host_is_origin(a->origin, a->host))
		return 403;
	*why = "too many requests";
	if (!http_rate_take(&j->rate[is_friend ? HTTP_FRIENDS : HTTP_STRANGERS],
		a->mono_ns))
		return 429;
	find(j, a, m);
	*why = "there is nothing of this name";
	if (m->allow == 0)
		return 404;
	*why = "not possible with what this is";
	if (m->route == NULL)
		return 405;
	*why = "a token is needed, as in \"Authorization: Bearer TOKEN\"";
	if (!m->route->is_open && !is_friend)
		return 401;
	return 0;
}
