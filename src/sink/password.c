#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/base64.h"

#include "sink/password.h"

/**
 * enum expect - What the client's next line is
 *
 * COMMAND	A command or header.
 * PLAIN	The answer to AUTH PLAIN: one line; then COMMAND.
 * LOGIN_USER	The first answer to AUTH LOGIN; then LOGIN_WORD.
 * LOGIN_WORD	The second; then COMMAND.
 *
 * An answer that is not base64 (a "*" cancels) leads back to COMMAND, and so
 * does a gap.
 */
enum expect {
	EXPECT_COMMAND,
	EXPECT_PLAIN,
	EXPECT_LOGIN_USER,
	EXPECT_LOGIN_WORD,
};

/* A part of a line. */
struct span {
	const uint8_t *p;
	size_t n;
};

/* What base64 of a whole line may become. */
struct decoded {
	uint8_t data[PASSWORD_LINE_MAX];
	size_t len;
};

const char *
password_protocol_name(enum password_protocol p)
{
	static const char *const name[] = {
		[PASSWORD_UNKNOWN] = "UNKNOWN",
		[PASSWORD_FTP] = "FTP",
		[PASSWORD_POP3] = "POP3",
		[PASSWORD_IMAP] = "IMAP",
		[PASSWORD_SMTP] = "SMTP",
		[PASSWORD_HTTP] = "HTTP",
	};
	static_assert(
	    ATTR_COUNT(name) == PASSWORD_NPROTOCOLS, "a name per protocol");

	assert(p < PASSWORD_NPROTOCOLS);
	return name[p];
}

static void
bytes_done(struct password_bytes *b)
{
	free(b->data);
	b->data = NULL;
	b->len = 0;
}

/* Append; false without memory, then nothing has changed. */
static bool
bytes_add(struct password_bytes *b, const uint8_t *p, size_t n)
{
	uint8_t *data = realloc(b->data, b->len + n + 1);

	if (data == NULL)
		return false;
	memcpy(data + b->len, p, n);
	b->data = data;
	b->len += n;
	return true;
}

static void
tell(enum password_protocol protocol, struct span user, struct span word,
    const struct password_ear *ear)
{
	struct password_finding f = {
		.protocol = protocol,
		.user = user.p,
		.user_len = user.n,
		.word = word.p,
		.word_len = word.n,
	};

	ear->tell(ear->self, &f);
}

/* Take @word off the front of @s, whatever its case. */
static bool
skip_word(struct span *s, const char *word)
{
	size_t n = strlen(word);

	if (s->n < n || strncasecmp((const char *)s->p, word, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

static void
skip_spaces(struct span *s)
{
	while (s->n > 0 && (*s->p == ' ' || *s->p == '\t')) {
		s->p++;
		s->n--;
	}
}

static bool
decode(struct span text, struct decoded *out)
{
	while (text.n > 0 && text.p[text.n - 1] == ' ')
		text.n--;
	if (text.n > sizeof(out->data))
		return false;
	return base64_decode(
		   out->data, &out->len, (const char *)text.p, text.n) == 0;
}

/* RFC 4616: authorize-id NUL authenticate-id NUL password. */
static void
take_plain(
    const struct password *pw, struct span text, const struct password_ear *ear)
{
	struct decoded d;
	const uint8_t *user;
	const uint8_t *word;
	const uint8_t *end;

	if (!decode(text, &d))
		return;
	end = d.data + d.len;
	user = memchr(d.data, '\0', d.len);
	if (user == NULL)
		return;
	user++;
	word = memchr(user, '\0', (size_t)(end - user));
	if (word == NULL)
		return;
	tell((enum password_protocol)pw->protocol,
	    (struct span){ user, (size_t)(word - user) },
	    (struct span){ word + 1, (size_t)(end - word - 1) }, ear);
}

static void
take_login_user(struct password *pw, struct span text)
{
	struct decoded d;

	bytes_done(&pw->user);
	if (decode(text, &d) && bytes_add(&pw->user, d.data, d.len))
		pw->expect = EXPECT_LOGIN_WORD;
}

static void
take_login_word(
    struct password *pw, struct span text, const struct password_ear *ear)
{
	struct decoded d;

	if (decode(text, &d))
		tell((enum password_protocol)pw->protocol,
		    (struct span){ pw->user.data, pw->user.len },
		    (struct span){ d.data, d.len }, ear);
	bytes_done(&pw->user);
}

/*
 * What follows AUTH or AUTHENTICATE: a mechanism, maybe its first answer.  A
 * mechanism of ours tells the protocol; others may be anybody's (FTP has AUTH
 * TLS).
 */
static void
take_mechanism(struct password *pw, enum password_protocol protocol,
    struct span rest, const struct password_ear *ear)
{
	bool is_plain;

	skip_spaces(&rest);
	is_plain = skip_word(&rest, "PLAIN");
	if (!is_plain && !skip_word(&rest, "LOGIN"))
		return;
	if (rest.n > 0 && *rest.p != ' ')
		return;
	pw->protocol = (uint8_t)protocol;
	skip_spaces(&rest);
	if (rest.n == 0)
		pw->expect = is_plain ? EXPECT_PLAIN : EXPECT_LOGIN_USER;
	else if (is_plain)
		take_plain(pw, rest, ear);
	else
		take_login_user(pw, rest);
}

/* FNV-1a; never 0. */
static uint64_t
hash(struct span s)
{
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * 1099511628211ULL;
	return h | 1;
}

static bool
take_http(struct password *pw, struct span line, const struct password_ear *ear)
{
	struct decoded d;
	const uint8_t *colon;

	if (!skip_word(&line, "Authorization:") &&
	    !skip_word(&line, "Proxy-Authorization:"))
		return false;
	skip_spaces(&line);
	if (!skip_word(&line, "Basic "))
		return true;
	skip_spaces(&line);
	if (hash(line) == pw->told || !decode(line, &d))
		return true;
	colon = memchr(d.data, ':', d.len);
	if (colon == NULL)
		return true;
	pw->told = hash(line);
	tell(PASSWORD_HTTP, (struct span){ d.data, (size_t)(colon - d.data) },
	    (struct span){ colon + 1, (size_t)(d.data + d.len - colon - 1) },
	    ear);
	return true;
}

/* enum found - What a piece of an IMAP command is. */
enum found {
	FOUND_IT,
	FOUND_MORE, /* a literal goes on in the next line */
	FOUND_NOT,
};

/* "{5}" CRLF and five bytes; RFC 7888's "{5+}" too. */
static enum found
imap_literal(struct span *s, struct span *out)
{
	size_t len = 0;
	size_t i = 1;

	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
		len = len * 10 + (size_t)(s->p[i] - '0');
		if (len > PASSWORD_LINE_MAX)
			return FOUND_NOT;
	}
	if (i < s->n && s->p[i] == '+')
		i++;
	if (i == s->n || s->p[i] != '}')
		return FOUND_NOT;
	i++;
	if (i < s->n && s->p[i] == '\r')
		i++;
	if (i == s->n || s->p[i] != '\n')
		return FOUND_NOT;
	i++;
	if (s->n - i < len)
		return FOUND_MORE;
	*out = (struct span){ s->p + i, len };
	s->p += i + len;
	s->n -= i + len;
	/* The command goes on behind the literal, in a line still to come. */
	return s->n == 0 ? FOUND_MORE : FOUND_IT;
}

/* "..." with \" and \\; unescaped into @room, which is large enough. */
static enum found
imap_quoted(struct span *s, struct span *out, uint8_t *room)
{
	size_t n = 0;

	for (size_t i = 1; i < s->n; i++) {
		if (s->p[i] == '"') {
			*out = (struct span){ room, n };
			s->p += i + 1;
			s->n -= i + 1;
			return FOUND_IT;
		}
		if (s->p[i] == '\\' && i + 1 < s->n)
			i++;
		room[n++] = s->p[i];
	}
	return FOUND_NOT;
}

static enum found
imap_string(struct span *s, struct span *out, uint8_t *room)
{
	size_t n = 0;

	skip_spaces(s);
	if (s->n > 0 && *s->p == '{')
		return imap_literal(s, out);
	if (s->n > 0 && *s->p == '"')
		return imap_quoted(s, out, room);
	while (n < s->n && s->p[n] > ' ')
		n++;
	if (n == 0)
		return FOUND_NOT;
	*out = (struct span){ s->p, n };
	s->p += n;
	s->n -= n;
	return FOUND_IT;
}

/* @line with its line feed; FOUND_MORE: ask again when the next one is in. */
static enum found
take_imap(struct password *pw, struct span line, const struct password_ear *ear)
{
	uint8_t user_room[PASSWORD_LINE_MAX];
	uint8_t word_room[PASSWORD_LINE_MAX];
	struct span user;
	struct span word;
	enum found found;

	while (line.n > 0 && *line.p > ' ') {
		line.p++;
		line.n--;
	}
	skip_spaces(&line);
	if (skip_word(&line, "AUTHENTICATE ")) {
		while (line.n > 0 && line.p[line.n - 1] < ' ')
			line.n--;
		take_mechanism(pw, PASSWORD_IMAP, line, ear);
		return FOUND_IT;
	}
	if (!skip_word(&line, "LOGIN "))
		return FOUND_NOT;
	found = imap_string(&line, &user, user_room);
	if (found == FOUND_IT)
		found = imap_string(&line, &word, word_room);
	if (found == FOUND_IT)
		tell(PASSWORD_IMAP, user, word, ear);
	return found;
}

static void
take_user(struct password *pw, struct span name)
{
	bytes_done(&pw->user);
	/* Without memory the password has no user, and is not told. */
	(void)bytes_add(&pw->user, name.p, name.n);
}

static void
take_pass(struct password *pw, struct span word, const struct password_ear *ear)
{
	if (pw->user.data == NULL)
		return;
	tell((enum password_protocol)pw->protocol,
	    (struct span){ pw->user.data, pw->user.len }, word, ear);
	bytes_done(&pw->user);
}

/* @line without its end.  Return: false if it is none of these. */
static bool
take_command(
    struct password *pw, struct span line, const struct password_ear *ear)
{
	if (skip_word(&line, "USER ")) {
		take_user(pw, line);
	} else if (skip_word(&line, "PASS ")) {
		take_pass(pw, line, ear);
	} else if (skip_word(&line, "EHLO ") || skip_word(&line, "HELO ")) {
		pw->protocol = PASSWORD_SMTP;
	} else if (skip_word(&line, "AUTH ")) {
		take_mechanism(pw,
		    pw->protocol == PASSWORD_POP3 ? PASSWORD_POP3
						  : PASSWORD_SMTP,
		    line, ear);
	} else {
		return take_http(pw, line, ear);
	}
	return true;
}

/* A whole line of the client.  Return: false if more lines belong to it. */
static bool
take_line(struct password *pw, struct span line, const struct password_ear *ear)
{
	enum expect expect = (enum expect)pw->expect;
	struct span bare = line;

	while (bare.n > 0 &&
	       (bare.p[bare.n - 1] == '\n' || bare.p[bare.n - 1] == '\r'))
		bare.n--;
	pw->expect = EXPECT_COMMAND;
	switch (expect) {
	case EXPECT_COMMAND:
		if (take_command(pw, bare, ear))
			return true;
		return take_imap(pw, line, ear) != FOUND_MORE;
	case EXPECT_PLAIN:
		take_plain(pw, bare, ear);
		break;
	case EXPECT_LOGIN_USER:
		take_login_user(pw, bare);
		break;
	case EXPECT_LOGIN_WORD:
		take_login_word(pw, bare, ear);
		break;
	}
	return true;
}

/* Keep the beginning of a line, or give the line up. */
static void
keep(struct password *pw, struct span part)
{
	if (pw->skip)
		return;
	if (part.n > PASSWORD_LINE_MAX - pw->line.len ||
	    !bytes_add(&pw->line, part.p, part.n)) {
		bytes_done(&pw->line);
		pw->skip = true;
	}
}

/* A piece that ends with a line feed. */
static void
take_piece(
    struct password *pw, struct span piece, const struct password_ear *ear)
{
	if (pw->line.len == 0 && !pw->skip && piece.n <= PASSWORD_LINE_MAX) {
		if (!take_line(pw, piece, ear))
			keep(pw, piece);
		return;
	}
	keep(pw, piece);
	if (pw->skip) {
		pw->skip = false;
		pw->expect = EXPECT_COMMAND;
		return;
	}
	if (take_line(pw, (struct span){ pw->line.data, pw->line.len }, ear))
		bytes_done(&pw->line);
}

/* The server's first three bytes. */
static void
greet(struct password *pw, const uint8_t *p, size_t n)
{
	while (n > 0 && pw->greeting_len < sizeof(pw->greeting)) {
		pw->greeting[pw->greeting_len++] = *p++;
		n--;
		if (pw->greeting_len < sizeof(pw->greeting))
			continue;
		/* SMTP greets like FTP; its first command tells. */
		if (memcmp(pw->greeting, "220", 3) == 0)
			pw->protocol = PASSWORD_FTP;
		else if (memcmp(pw->greeting, "+OK", 3) == 0)
			pw->protocol = PASSWORD_POP3;
		else if (memcmp(pw->greeting, "* O", 3) == 0)
			pw->protocol = PASSWORD_IMAP;
	}
}

void
password_data(struct password *pw, enum dir dir, const uint8_t *p, size_t n,
    const struct password_ear *ear)
{
	const uint8_t *end = p + n;
	const uint8_t *lf;

	if (dir == DIR_SERVER) {
		greet(pw, p, n);
		return;
	}
	while ((lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		take_piece(pw, (struct span){ p, (size_t)(lf + 1 - p) }, ear);
		p = lf + 1;
	}
	if (p < end)
		keep(pw, (struct span){ p, (size_t)(end - p) });
}

void
password_gap(struct password *pw, enum dir dir)
{
	if (dir == DIR_SERVER) {
		/* What comes next is no greeting. */
		pw->greeting_len = sizeof(pw->greeting);
		return;
	}
	bytes_done(&pw->line);
	bytes_done(&pw->user);
	pw->skip = true;
	pw->expect = EXPECT_COMMAND;
}

void
password_done(struct password *pw)
{
	bytes_done(&pw->line);
	bytes_done(&pw->user);
	*pw = (struct password){ 0 };
}
