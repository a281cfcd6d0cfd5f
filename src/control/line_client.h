#ifndef CONTROL_LINE_CLIENT_H
#define CONTROL_LINE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <jansson.h>

#include "base/addr.h"
#include "base/attr.h"
#include "base/list.h"

/*
 * line_client.h - a client of control/line.h: its socket, its lines, what it
 * has subscribed to.
 *
 * A client is freed some time after line_client_drop(), and nothing is told of
 * it any more.
 */

struct line_client;

/* What may wait for a client when something is said to it. */
#define LINE_CLIENT_BEHIND ((size_t)4 << 20)

/* Sessions whose notes a client may ask for one by one. */
#define LINE_CLIENT_FLOWS 10000

/**
 * struct line_client_ops - Whom it serves
 * @line:	A line has come: @len bytes, of which the client may change any;
 *		none is longer than LINE_MAX_BYTES
 * @too_long:	A line is longer: the client is dropped after this
 * @gone:	It has gone, or was dropped
 */
struct line_client_ops {
	void (*line)(void *self, struct line_client *c, char *text, size_t len);
	void (*too_long)(void *self, struct line_client *c);
	void (*gone)(void *self, struct line_client *c);
};

/**
 * struct line_client - One of them
 * @node:	Of the owner's list
 * @peer:	Who it is
 * @is_near:	It comes from this machine
 * @is_welcome:	The others know that it is here
 * @may_change:	It is near, or knows the token
 * @cats:	Bits of enum news_cat
 * @flow_all:	It wants notes of all sessions,
 * @flows:	or of these @nflows, in the order of their numbers
 * @has_ended:	It has nothing more to say
 * @longest:	Bytes of the longest line it was sent
 * @tcp:	Private, and the rest
 */
struct line_client {
	struct list node;
	struct addr peer;
	bool is_near;
	bool is_welcome;
	bool may_change;
	unsigned cats;
	bool flow_all;
	uint64_t *flows;
	size_t nflows;
	bool has_ended;
	size_t longest;
	uv_tcp_t tcp;
	const struct line_client_ops *ops;
	void *self;
	uv_shutdown_t farewell;
	bool dropped;
	char *in;
	size_t nin;
};

/**
 * line_client_accept() - Take the next one that waits at @door
 *
 * Return: NULL: it has gone again, or there is no memory for it
 */
struct line_client *line_client_accept(
    uv_tcp_t *door, const struct line_client_ops *ops, void *self) ATTR_WUNRES;

/**
 * line_client_send() - Say a line
 *
 * It may be as far behind as LINE_CLIENT_BEHIND, and the longest reply that it
 * has asked for: nobody reads 10 MB in the moment until the next event.
 *
 * Return: how many bytes that was; 0: it is too far behind, and was dropped,
 *	   or nothing can be sent
 */
size_t line_client_send(struct line_client *c, const json_t *object);

/** line_client_drop() - Let go of it; idempotent. */
void line_client_drop(struct line_client *c);

/** line_client_wants_flow() - Does it want notes of this session? */
bool line_client_wants_flow(const struct line_client *c, uint64_t id);

/**
 * line_client_flow() - Notes of this session, or none any more
 *
 * Return: 0, -ENOMEM, or -E2BIG: it has asked for too many
 */
int line_client_flow(struct line_client *c, uint64_t id, bool on) ATTR_WUNRES;

#endif /* CONTROL_LINE_CLIENT_H */
