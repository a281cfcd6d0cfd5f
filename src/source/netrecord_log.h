#ifndef SOURCE_NETRECORD_LOG_H
#define SOURCE_NETRECORD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * netrecord_log.h - a log of netrecord (wire/netrecord.h) read back as the
 * session that it is of.
 *
 * The log knows neither who talked nor when: both ends are 0.0.0.0:0, and its
 * times count from a start that somebody else has to know.  One "hup" ends the
 * side that hung up; the other one, which netrecord does not log, ends
 * likewise with the log.  A log without an end ends as HOW_STOP, as netrecord
 * was when it wrote no more; one that is damaged as HOW_ERROR.
 *
 * There are no packets in it (session.no_packets).
 */

struct capfile_item;
struct err;
struct fanout;
struct netrecord_log;
struct payload_count;
struct session;
struct unpack;

/**
 * struct netrecord_log_opts - What a session is made from
 * @fan:	Where its events go
 * @source:	session.source
 * @input:	session.input
 * @id:		Its number
 * @start_ns:	Time zero of the log, ns since the epoch
 * @max_bytes:	Then it ends as HOW_LIMIT, the rest are strays; 0: no limit
 * @payload:	By direction: bytes are counted here as received, and what
 *		comes behind @max_bytes as strays
 */
struct netrecord_log_opts {
	struct fanout *fan;
	const char *source;
	const char *input;
	uint64_t id;
	uint64_t start_ns;
	uint64_t max_bytes;
	struct payload_count *payload;
};

/** netrecord_log_new() - Begin; NULL without memory. */
struct netrecord_log *netrecord_log_new(
    const struct netrecord_log_opts *o) ATTR_WUNRES;

/** netrecord_log_free() - Ends a session that is open; NULL is a no-op. */
void netrecord_log_free(struct netrecord_log *l);

/**
 * netrecord_log_stop() - End its session, if it is @s, as HOW_STOP
 *
 * The rest of the log is passed over.  Return: is it?
 */
bool netrecord_log_stop(struct netrecord_log *l, const struct session *s);

/**
 * netrecord_log_next() - Take what lies at the front of a window
 * @data:	@len bytes of the log
 * @item:	On success: MORE or PASS; see wire/capfile_item.h
 *
 * Return: 0, or -EBADMSG with @err: damaged here.  The session has ended then.
 */
int netrecord_log_next(struct netrecord_log *l, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err) ATTR_WUNRES;

/**
 * netrecord_log_end() - The log has come to its end
 * @left:	Bytes of the window behind the last item
 *
 * Return: 0, or -EBADMSG with @err: it was cut short
 */
int netrecord_log_end(
    struct netrecord_log *l, size_t left, struct err *err) ATTR_WUNRES;

/**
 * netrecord_log_last() - The time of a log's last record
 * @u:		At the beginning of a log; left wherever the log ends
 * @buf:	@size bytes to work with, at least NETRECORD_HEAD_MAX
 * @last_us:	Set on success; of what can be read, where it is damaged
 *
 * Return: 0; -ECANCELED as unpack_read() has it
 */
int netrecord_log_last(
    struct unpack *u, uint8_t *buf, size_t size, uint64_t *last_us) ATTR_WUNRES;

#endif /* SOURCE_NETRECORD_LOG_H */
