#ifndef SINK_PAYLOAD_TELL_H
#define SINK_PAYLOAD_TELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * payload_tell.h - lines about payloads, for whoever wants to see each one.
 *
 *	queued 474554202f0d0a GET /
 *	dropped 474554202f0d0a GET /
 *	sent 51 bytes to 127.0.0.1:8080
 *
 * in teecp's words, less the second.
 */

/* Bytes of a payload that are shown; " ..." stands for the others. */
#define PAYLOAD_TELL_SHOWN ((size_t)640)

/* A line and its NUL: 6 characters for each byte at most, and some words.  The
 * log takes lines of 4 KiB. */
#define PAYLOAD_TELL_MAX 4000

/**
 * payload_tell_heard() - A payload that was heard
 * @data:	@len bytes: as hex, then as text, made safe to be shown, without
 *		the white space around it
 * @queued:	Else it was dropped, since the queue was full
 *
 * Return: @buf
 */
const char *payload_tell_heard(
    char buf[PAYLOAD_TELL_MAX], const uint8_t *data, size_t len, bool queued);

/**
 * payload_tell_sent() - A payload that went out whole
 * @len:	Bytes, with what was put before it
 * @to:		The consumer's address
 *
 * Return: @buf
 */
const char *payload_tell_sent(
    char buf[PAYLOAD_TELL_MAX], size_t len, const struct addr *to);

#endif /* SINK_PAYLOAD_TELL_H */
