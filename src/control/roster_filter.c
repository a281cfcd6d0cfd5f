#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

#include "control/roster_filter.h"
#include "control/watch.h"

/*
 * What a session is known by, blank after blank; room for all its addresses and
 * two host names, and for a path or target of any sensible length.
 */
#define KNOWN_MAX 2048

/** struct known - See above; what does not fit is cut. */
struct known {
	char text[KNOWN_MAX];
	size_t len;
};

static char
lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int
roster_filter_init(struct roster_filter *f, const char *text)
{
	size_t n = 0;

	f->words = NULL;
	if (text == NULL)
		return 0;
	f->words = malloc(strlen(text) + 2);
	if (f->words == NULL)
		return -ENOMEM;
	for (; *text != '\0'; text++) {
		if (!is_blank(*text))
			f->words[n++] = lower(*text);
		else if (n > 0 && f->words[n - 1] != '\0')
			f->words[n++] = '\0';
	}
	f->words[n] = '\0';
	f->words[n + 1] = '\0';
	return 0;
}

void
roster_filter_done(struct roster_filter *f)
{
	free(f->words);
	f->words = NULL;
}

bool
roster_filter_takes_all(const struct roster_filter *f)
{
	return f->words == NULL || f->words[0] == '\0';
}

static void
add(struct known *k, const char *text)
{
	if (text == NULL)
		return;
	while (*text != '\0' && k->len < KNOWN_MAX - 1)
		k->text[k->len++] = lower(*text++);
	if (k->len < KNOWN_MAX - 1)
		k->text[k->len++] = ' ';
	k->text[k->len] = '\0';
}

static void
add_addr(struct known *k, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	if (a->family != AF_UNSPEC)
		add(k, addr_format(a, text));
}

bool
roster_filter_takes(
    const struct roster_filter *f, const struct watch_session *ws, bool is_over)
{
	struct known k = { .len = 0 };
	char number[32];

	if (roster_filter_takes_all(f))
		return true;
	(void)snprintf(
	    number, sizeof(number), "#%llu", (unsigned long long)ws->id);
	add(&k, number);
	add(&k, is_over ? "closed" : "open");
	add_addr(&k, &ws->client);
	add_addr(&k, &ws->server);
	add_addr(&k, &ws->listen);
	add_addr(&k, &ws->local);
	add(&k, ws->host[DIR_CLIENT]);
	add(&k, ws->host[DIR_SERVER]);
	add(&k, ws->target);
	add(&k, ws->input);
	for (const char *w = f->words; *w != '\0'; w += strlen(w) + 1)
		if (strstr(k.text, w) == NULL)
			return false;
	return true;
}
