#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "core/event.h"
#include "core/fanout.h"
#include "core/session.h"

#include "scenario.h"

#define WORDS_MAX    32
#define SESSIONS_MAX 64

/*
 * A word, its escapes undone; the bytes may contain NUL.  One that begins with
 * a quote is never an option, whatever it says.
 */
struct word {
	char *text;
	size_t len;
	bool is_bytes;
};

/* Everything a line allocates lives until the scenario is over. */
struct piece {
	struct piece *next;
	char data[];
};

/* A session, with all that one can have. */
struct whole {
	struct session s;
	struct session_more more;
};

struct player {
	const struct scenario_hooks *hooks;
	struct fanout *fan;
	struct err *err;
	uint64_t now;
	struct piece *pieces;
	struct whole *sessions[SESSIONS_MAX];
	size_t nsessions;
	struct word words[WORDS_MAX];
	size_t nwords;
};

struct command {
	const char *name;
	size_t nwords; /* the name included, the options not */
	int (*play)(struct player *p);
};

static char *
keep(struct player *p, size_t n)
{
	struct piece *piece = calloc(1, sizeof(*piece) + n + 1);

	if (piece == NULL)
		return NULL;
	piece->next = p->pieces;
	p->pieces = piece;
	return piece->data;
}

static int
digits(const char **in, unsigned base, unsigned most)
{
	unsigned value = 0;

	for (; most > 0; most--, (*in)++) {
		char c = (char)tolower((unsigned char)**in);
		unsigned digit =
		    c >= 'a' ? (unsigned)(c - 'a') + 10 : (unsigned)(c - '0');

		if (!isxdigit((unsigned char)c) || digit >= base)
			break;
		value = value * base + digit;
	}
	return (int)value;
}

/* The byte that an escape stands for; @in is behind the backslash. */
static char
escape(const char **in)
{
	static const char letter[] = "nrtabfv";
	static const char value[] = "\n\r\t\a\b\f\v";
	const char *at = strchr(letter, **in);

	if (**in >= '0' && **in <= '7')
		return (char)digits(in, 8, 3);
	if (**in == 'x') {
		(*in)++;
		return (char)digits(in, 16, 2);
	}
	if (**in == '\0')
		return '\\';
	(*in)++;
	if (at == NULL)
		return (*in)[-1];
	return value[at - letter];
}

/* The next word of a line, whose escapes only count within quotes. */
static int
next_word(struct player *p, const char **in)
{
	struct word *w = &p->words[p->nwords];
	bool quoted = false;
	char *out = keep(p, strlen(*in));

	if (out == NULL || p->nwords == WORDS_MAX)
		return -ENOMEM;
	w->text = out;
	w->is_bytes = **in == '"';
	for (; **in != '\0' && (quoted || !isspace((unsigned char)**in));) {
		char c = *(*in)++;

		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\')
			*out++ = escape(in);
		else
			*out++ = c;
	}
	w->len = (size_t)(out - w->text);
	p->nwords++;
	return quoted ? -EINVAL : 0;
}

static int
split(struct player *p, const char *line)
{
	int rc = 0;

	p->nwords = 0;
	for (;;) {
		while (isspace((unsigned char)*line))
			line++;
		if (*line == '\0' || *line == '#' || rc != 0)
			return rc;
		rc = next_word(p, &line);
	}
}

/* The value of KEY=VALUE behind the command's own words; NULL if absent. */
static const char *
option(const struct player *p, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 1; i < p->nwords; i++) {
		const char *text = p->words[i].text;

		if (!p->words[i].is_bytes && strncmp(text, key, n) == 0 &&
		    text[n] == '=')
			return text + n + 1;
	}
	return NULL;
}

static uint64_t
number(const char *text)
{
	return text == NULL ? 0 : strtoull(text, NULL, 10);
}

/* The session of a command that has one; NULL with an error. */
static struct session *
session_of(struct player *p)
{
	uint64_t id = number(p->words[1].text);

	for (size_t i = 0; i < p->nsessions; i++) {
		if (p->sessions[i]->s.id == id)
			return &p->sessions[i]->s;
	}
	(void)err_set(p->err, -EINVAL, "no session %s", p->words[1].text);
	return NULL;
}

static void
whole_free(struct whole *w)
{
	free(w->s.slots);
	free(w);
}

static void
forget(struct player *p, const struct session *s)
{
	for (size_t i = 0; i < p->nsessions; i++) {
		struct whole *w = p->sessions[i];

		if (&w->s != s)
			continue;
		p->sessions[i] = p->sessions[--p->nsessions];
		whole_free(w);
		return;
	}
}

/* Which of @n names @text is; the names are those that records use. */
static int
lookup(struct player *p, const char *text, int n, const char *(*name)(int))
{
	for (int i = 0; i < n; i++) {
		if (strcmp(name(i), text) == 0)
			return i;
	}
	return err_set(p->err, -EINVAL, "what is \"%s\"?", text);
}

static const char *
dir_text(int i)
{
	return dir_name((enum dir)i);
}

static const char *
how_text(int i)
{
	return event_how_name((enum how)i);
}

static const char *
party_text(int i)
{
	return event_party_name((enum party)i);
}

static const char *
why_text(int i)
{
	return event_gap_name((enum gap_why)i);
}

static int
dir_of(struct player *p)
{
	return lookup(p, p->words[2].text, DIR_NDIRS, dir_text);
}

static int
read_addr(struct player *p, const char *key, struct addr *a)
{
	const char *text = option(p, key);
	const char *port = text == NULL ? NULL : strrchr(text, ':');
	char ip[ADDR_TEXT_MAX];
	size_t n;

	if (text == NULL)
		return 0;
	if (strncmp(text, "unix:", 5) == 0) {
		*a = (struct addr){ .family = AF_UNIX, .path = text + 5 };
		return 0;
	}
	n = port == NULL ? 0 : (size_t)(port - text);
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	(void)snprintf(ip, sizeof(ip), "%.*s", (int)n, text);
	if (port == NULL || addr_parse_ip(a, ip) != 0)
		return err_set(p->err, -EINVAL, "no address: %s", text);
	a->port = (uint16_t)number(port + 1);
	return 0;
}

static int
read_addrs(struct player *p, struct session *s)
{
	int rc = read_addr(p, "client", &s->client);

	if (rc == 0)
		rc = read_addr(p, "server", &s->server);
	if (rc == 0)
		rc = read_addr(p, "listen", &s->more->listen);
	if (rc == 0)
		rc = read_addr(p, "local", &s->more->local);
	return rc;
}

static int
play_open(struct player *p)
{
	struct whole *w = calloc(1, sizeof(*w));
	void *slots = calloc(1, fanout_session_size(p->fan));
	const char *source = option(p, "source");
	struct session *s;

	if (w == NULL || slots == NULL || p->nsessions == SESSIONS_MAX) {
		free(w);
		free(slots);
		return -ENOMEM;
	}
	s = &w->s;
	session_init(s, p->fan, slots);
	session_use_more(s, &w->more);
	p->sessions[p->nsessions++] = w;
	s->id = number(p->words[1].text);
	s->source = source == NULL ? "proxy" : source;
	s->more->target = option(p, "target");
	s->more->error = option(p, "error");
	s->more->name[DIR_CLIENT].host = option(p, "client_host");
	s->more->name[DIR_CLIENT].service = option(p, "client_service");
	s->more->name[DIR_SERVER].host = option(p, "server_host");
	s->more->name[DIR_SERVER].service = option(p, "server_service");
	s->midstream = option(p, "midstream") != NULL;
	s->open_ns = p->now;
	if (read_addrs(p, s) != 0)
		return -EINVAL;
	session_open(s);
	return 0;
}

static int
play_bytes(struct player *p, const void *data, size_t len)
{
	struct session *s = session_of(p);
	int dir = dir_of(p);

	if (s == NULL || dir < 0)
		return -EINVAL;
	session_data(s, &(struct chunk){
			    .dir = (enum dir)dir,
			    .off = s->off[dir],
			    .ts_ns = p->now,
			    .data = data,
			    .len = len,
			});
	return 0;
}

static int
play_data(struct player *p)
{
	const char *times = option(p, "times");
	size_t n = times == NULL ? 1 : (size_t)number(times);
	const struct word *w = &p->words[3];
	/* Exactly as long, so that a sanitizer sees who reads beyond. */
	char *data = malloc(n * w->len);
	int rc;

	if (data == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		memcpy(data + i * w->len, w->text, w->len);
	rc = play_bytes(p, data, n * w->len);
	free(data);
	return rc;
}

static int
play_all(struct player *p)
{
	uint8_t data[256];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	return play_bytes(p, data, sizeof(data));
}

static int
play_gap(struct player *p)
{
	struct session *s = session_of(p);
	int dir = dir_of(p);
	int why = lookup(p, p->words[4].text, GAP_NWHYS, why_text);

	if (s == NULL || dir < 0 || why < 0)
		return -EINVAL;
	session_gap(s, &(struct gap){
			   .dir = (enum dir)dir,
			   .off = s->off[dir],
			   .ts_ns = p->now,
			   .len = number(p->words[3].text),
			   .why = (enum gap_why)why,
		       });
	return 0;
}

static int
play_conflict(struct player *p)
{
	struct session *s = session_of(p);
	int dir = dir_of(p);

	if (s == NULL || dir < 0)
		return -EINVAL;
	if (p->words[4].len != p->words[5].len)
		return err_set(p->err, -EINVAL, "copies of two lengths");
	session_conflict(s, &(struct conflict){
				.dir = (enum dir)dir,
				.off = number(p->words[3].text),
				.ts_ns = p->now,
				.kept = (const uint8_t *)p->words[4].text,
				.other = (const uint8_t *)p->words[5].text,
				.len = p->words[4].len,
			    });
	return 0;
}

static int
play_end(struct player *p)
{
	struct session *s = session_of(p);
	int dir = dir_of(p);
	int how = lookup(p, p->words[3].text, HOW_NHOWS, how_text);
	int by = lookup(p, p->words[4].text, PARTY_NPARTIES, party_text);

	if (s == NULL || dir < 0 || how < 0 || by < 0)
		return -EINVAL;
	session_end(s, (enum dir)dir, p->now, (enum how)how, (enum party)by);
	return 0;
}

static int
play_close(struct player *p)
{
	struct session *s = session_of(p);
	int how = lookup(p, p->words[2].text, HOW_NHOWS, how_text);
	int by = lookup(p, p->words[3].text, PARTY_NPARTIES, party_text);

	if (s == NULL || how < 0 || by < 0)
		return -EINVAL;
	s->more->error = option(p, "error");
	s->more->lost_bytes[DIR_CLIENT] = number(option(p, "lost_c2s"));
	s->more->lost_bytes[DIR_SERVER] = number(option(p, "lost_s2c"));
	s->packets[DIR_CLIENT] = number(option(p, "packets_c2s"));
	s->packets[DIR_SERVER] = number(option(p, "packets_s2c"));
	s->retransmitted[DIR_CLIENT] = number(option(p, "again_c2s"));
	s->retransmitted[DIR_SERVER] = number(option(p, "again_s2c"));
	session_close(s, p->now, (enum how)how, (enum party)by);
	forget(p, s);
	return 0;
}

static int
play_wait(struct player *p)
{
	char *unit;
	uint64_t n = strtoull(p->words[1].text, &unit, 10);

	p->now +=
	    n * (strcmp(unit, "ms") == 0 ? CLOCK_NS_PER_MS : CLOCK_NS_PER_S);
	p->hooks->time(p->hooks->self, p->now);
	return 0;
}

static int
play_full(struct player *p)
{
	p->hooks->full(p->hooks->self, strcmp(p->words[1].text, "yes") == 0);
	return 0;
}

/* at=1.25; all nine digits count. */
static void
set_time(struct player *p, const char *text)
{
	char *rest;
	uint64_t ns = strtoull(text, &rest, 10) * CLOCK_NS_PER_S;
	uint64_t unit = CLOCK_NS_PER_S / 10;

	for (rest += *rest == '.'; isdigit((unsigned char)*rest); rest++) {
		ns += (uint64_t)(*rest - '0') * unit;
		unit /= 10;
	}
	p->now = SCENARIO_START_NS + ns;
	p->hooks->time(p->hooks->self, p->now);
}

static int
play_line(struct player *p, const char *line)
{
	static const struct command commands[] = {
		{ "open", 2, play_open },
		{ "data", 4, play_data },
		{ "all", 3, play_all },
		{ "gap", 5, play_gap },
		{ "conflict", 6, play_conflict },
		{ "end", 5, play_end },
		{ "close", 4, play_close },
		{ "wait", 2, play_wait },
		{ "full", 2, play_full },
	};
	int rc = split(p, line);

	if (rc != 0 || p->nwords == 0)
		return rc;
	if (option(p, "at") != NULL)
		set_time(p, option(p, "at"));
	for (size_t i = 0; i < ATTR_COUNT(commands); i++) {
		if (strcmp(commands[i].name, p->words[0].text) != 0)
			continue;
		if (p->nwords < commands[i].nwords)
			return err_set(p->err, -EINVAL, "words are missing");
		rc = commands[i].play(p);
		p->hooks->event(p->hooks->self);
		return rc;
	}
	return err_set(p->err, -EINVAL, "no command \"%s\"", p->words[0].text);
}

static void
player_done(struct player *p)
{
	while (p->nsessions > 0)
		whole_free(p->sessions[--p->nsessions]);
	while (p->pieces != NULL) {
		struct piece *next = p->pieces->next;

		free(p->pieces);
		p->pieces = next;
	}
}

int
scenario_play(const char *path, struct fanout *fan,
    const struct scenario_hooks *hooks, struct err *err)
{
	struct player p = { .hooks = hooks, .fan = fan, .err = err };
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	unsigned row = 0;
	int rc = 0;

	if (f == NULL)
		return err_set(err, -errno, "%s: cannot be read", path);
	p.now = SCENARIO_START_NS;
	while (rc == 0 && getline(&line, &cap, f) >= 0) {
		row++;
		rc = play_line(&p, line);
	}
	if (rc != 0)
		err_prefix(err, "%s:%u: ", path, row);
	else if (p.nsessions > 0)
		rc = err_set(err, -EINVAL, "%s: session %llu is left open",
		    path, (unsigned long long)p.sessions[0]->s.id);
	free(line);
	(void)fclose(f); /* only read */
	player_done(&p);
	return rc;
}
