#ifndef SINK_PASSWORD_H
#define SINK_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/dir.h"

/*
 * password.h - finds user names and passwords that are sent in the clear.
 *
 *	FTP, POP3	USER name, PASS word; told apart by the greeting
 *	IMAP		tag LOGIN name word: atoms, quoted strings, literals
 *	SMTP, POP3	AUTH PLAIN and AUTH LOGIN; in IMAP AUTHENTICATE
 *	HTTP		Authorization: and Proxy-Authorization: Basic
 *
 * A pure parser: bytes in, findings out.  Lines may be cut into chunks at any
 * byte.  A line that grows beyond PASSWORD_LINE_MAX is passed over; memory is
 * taken only while the beginning of a line, or a user without a password,
 * waits.
 */

#define PASSWORD_LINE_MAX ((size_t)1024)

/** enum password_protocol - Who speaks so. */
enum password_protocol {
	PASSWORD_UNKNOWN, /* USER and PASS, but no greeting that tells more */
	PASSWORD_FTP,
	PASSWORD_POP3,
	PASSWORD_IMAP,
	PASSWORD_SMTP,
	PASSWORD_HTTP,
};
#define PASSWORD_NPROTOCOLS (PASSWORD_HTTP + 1)

/** password_protocol_name() - "FTP", ...; "UNKNOWN". */
const char *password_protocol_name(enum password_protocol p);

/**
 * struct password_finding - A user and a password
 *
 * Bytes as they were meant, any value, borrowed until the callback returns.
 */
struct password_finding {
	enum password_protocol protocol;
	const uint8_t *user;
	size_t user_len;
	const uint8_t *word;
	size_t word_len;
};

/**
 * struct password_ear - Who is told
 * @tell:	Called for each finding, from within password_data()
 * @self:	Passed on
 */
struct password_ear {
	void (*tell)(void *self, const struct password_finding *f);
	void *self;
};

/** struct password_bytes - Bytes kept for later; owned. */
struct password_bytes {
	uint8_t *data;
	size_t len;
};

/**
 * struct password - State of a session; all zeros to begin with
 *
 * password.c alone writes it.
 *
 * @protocol:	What greeting or commands have told so far
 * @expect:	What the client's next line is
 * @skip:	The client's bytes up to the next line feed are passed over
 * @greeting:	First bytes of the server
 * @greeting_len: How many of them there are
 * @line:	Beginning of a line of the client
 * @user:	A user whose password has not come
 * @told:	Hash of the last HTTP finding: browsers repeat it with each
 *		request; 0: none
 */
struct password {
	uint8_t protocol;
	uint8_t expect;
	bool skip;
	uint8_t greeting[3];
	uint8_t greeting_len;
	struct password_bytes line;
	struct password_bytes user;
	uint64_t told;
};

/**
 * password_data() - Look at the next bytes of a direction
 * @p:		@n bytes
 * @ear:	Who is told what is found
 */
void password_data(struct password *pw, enum dir dir, const uint8_t *p,
    size_t n, const struct password_ear *ear);

/** password_gap() - Bytes of this direction are missing here. */
void password_gap(struct password *pw, enum dir dir);

/** password_done() - Release the memory; all zeros again. */
void password_done(struct password *pw);

#endif /* SINK_PASSWORD_H */
