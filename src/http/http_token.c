#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/err.h"
#include "http/http_token.h"

#define TOKEN_BYTES 32

/* Blanks before and after a token, and the newline of a line without one. */
static const char blanks[] = " \t\r\n";

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz"
			       "0123456789-._~+/=";

/* base64url (RFC 4648, section 5), without padding. */
static void
make_url_safe(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '+')
			*text = '-';
		else if (*text == '/')
			*text = '_';
	}
}

int
http_token_make(struct http_token *t, struct err *err)
{
	uint8_t bytes[TOKEN_BYTES];
	char text[(TOKEN_BYTES + 2) / 3 * 4];

	/* Up to 256 bytes come whole or not at all (getrandom(2)). */
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(
		    err, -EIO, "the kernel gives no random bytes for a token");
	base64_encode(text, bytes, sizeof(bytes));
	memcpy(t->text, text, HTTP_TOKEN_RANDOM);
	t->text[HTTP_TOKEN_RANDOM] = '\0';
	make_url_safe(t->text);
	return 0;
}

/* At most @max bytes of the beginning; their number or -errno. */
static ssize_t
read_start(const char *path, char *buf, size_t max, bool *open_to_all)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t have = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -errno;
	*open_to_all = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		       (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
	do {
		n = read(fd, buf + have, max - have);
		if (n > 0)
			have += (size_t)n;
	} while ((n > 0 && have < max) || (n < 0 && errno == EINTR));
	n = n < 0 ? -errno : (ssize_t)have;
	close(fd);
	return n;
}

int
http_token_read(
    struct http_token *t, const char *path, bool *open_to_all, struct err *err)
{
	char buf[HTTP_TOKEN_MAX + 64];
	bool open_mode = false;
	ssize_t n = read_start(path, buf, sizeof(buf) - 1, &open_mode);
	char *text = buf;
	size_t len;

	if (n < 0)
		return err_set(err, (int)n, "cannot read the token from %s: %s",
		    path, strerror((int)-n));
	buf[n] = '\0';
	text += strspn(text, " \t");
	text[strcspn(text, blanks)] = '\0';
	len = strlen(text);
	if (len < HTTP_TOKEN_MIN || len > HTTP_TOKEN_MAX)
		return err_set(err, -EINVAL,
		    "%s: a token of %d to %d characters is needed on its first "
		    "line, not of %zu",
		    path, HTTP_TOKEN_MIN, HTTP_TOKEN_MAX, len);
	if (strspn(text, alphabet) != len)
		return err_set(err, -EINVAL,
		    "%s: a token is made of letters, digits and -._~+/= alone",
		    path);
	memcpy(t->text, text, len + 1);
	*open_to_all = open_mode;
	return 0;
}

/*
 * The time depends on what the client sent, never on how much of it is right.
 * The volatile keeps a compiler from leaving at the first difference.
 */
static bool
is_same(const char *secret, const char *sent)
{
	size_t n = strlen(secret), m = strlen(sent);
	volatile uint8_t differs = n != m;

	for (size_t i = 0; i < m; i++) {
		uint8_t d = (uint8_t)(secret[i % n] ^ sent[i]);

		differs = (uint8_t)(differs | d);
	}
	return differs == 0;
}

bool
http_token_fits(const struct http_token *t, const char *authorization)
{
	static const char scheme[] = "Bearer";
	size_t n = sizeof(scheme) - 1;

	if (t->text[0] == '\0')
		return true;
	if (authorization == NULL ||
	    strncasecmp(authorization, scheme, n) != 0 ||
	    authorization[n] != ' ')
		return false;
	authorization += n;
	authorization += strspn(authorization, " ");
	return is_same(t->text, authorization);
}
