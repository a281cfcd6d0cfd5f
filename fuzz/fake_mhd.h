#ifndef FUZZ_FAKE_MHD_H
#define FUZZ_FAKE_MHD_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/obuf.h"
#include "fuzz.h"

/*
 * fake_mhd.h - in place of libmicrohttpd: connections whose requests the
 * target hands in, with the same calls of our functions in the same order, and
 * answers that can be looked at.  What is ours is fuzzed, not the library.
 *
 * Its functions are found before the library's, since they are the program's
 * own.
 */

#define FAKE_MHD_FIELDS      32
#define FAKE_MHD_CONNECTIONS 16

/** struct fake_mhd_field - A header or a parameter; both are borrowed */
struct fake_mhd_field {
	const char *key;
	const char *value;
};

/** struct fake_mhd_fields - @n of them */
struct fake_mhd_fields {
	struct fake_mhd_field v[FAKE_MHD_FIELDS];
	size_t n;
};

struct MHD_Daemon {
	MHD_AccessHandlerCallback access;
	void *access_self;
	MHD_RequestCompletedCallback completed;
	void *completed_self;
	MHD_NotifyConnectionCallback notify;
	void *notify_self;
	struct MHD_Connection *all[FAKE_MHD_CONNECTIONS];
	size_t n;
	int fd; /* what an epoll set would be */
	union MHD_DaemonInfo info;
};

struct MHD_Connection {
	struct MHD_Daemon *daemon;
	int fd;
	int peer;      /* the client's end, which the target has opened */
	void *context; /* of the connection */
	void *state;   /* of the request */
	struct fake_mhd_fields headers;
	struct fake_mhd_fields params;
	struct MHD_Response *response;
	unsigned status;
	bool is_asleep;
	union MHD_ConnectionInfo info;
};

struct MHD_Response {
	unsigned refs;
	void *data;
	size_t len;
	bool is_owned;
	MHD_ContentReaderCallback read;
	void *read_self;
	MHD_ContentReaderFreeCallback free;
	char type[64];
};

/* The one there is. */
static struct MHD_Daemon *fake_mhd_daemon;

/** fake_mhd_end() - The request is over, and so is its connection. */
static inline void
fake_mhd_end(struct MHD_Connection *c)
{
	struct MHD_Daemon *d = c->daemon;
	size_t i = 0;

	FUZZ_CHECK(!c->is_asleep);
	while (d->all[i] != c)
		i++;
	d->all[i] = d->all[--d->n];
	d->completed(d->completed_self, c, &c->state,
	    MHD_REQUEST_TERMINATED_COMPLETED_OK);
	if (c->response != NULL)
		MHD_destroy_response(c->response);
	d->notify(d->notify_self, c, &c->context, MHD_CONNECTION_NOTIFY_CLOSED);
	(void)close(c->fd); /* of no use any more */
	(void)close(c->peer);
	free(c);
}

/* --- the library's ------------------------------------------------------ */

struct MHD_Daemon *
MHD_start_daemon(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback apc,
    void *apc_cls, MHD_AccessHandlerCallback dh, void *dh_cls, ...)
{
	struct MHD_Daemon *d = memory_own_zeroed(sizeof(*d));
	enum MHD_OPTION option;
	va_list ap;

	(void)flags;
	(void)port;
	(void)apc;
	(void)apc_cls;
	d->access = dh;
	d->access_self = dh_cls;
	va_start(ap, dh_cls);
	while ((option = va_arg(ap, enum MHD_OPTION)) != MHD_OPTION_END) {
		switch ((int)option) {
		case MHD_OPTION_NOTIFY_COMPLETED:
			d->completed = va_arg(ap, MHD_RequestCompletedCallback);
			d->completed_self = va_arg(ap, void *);
			break;
		case MHD_OPTION_NOTIFY_CONNECTION:
			d->notify = va_arg(ap, MHD_NotifyConnectionCallback);
			d->notify_self = va_arg(ap, void *);
			break;
		case MHD_OPTION_EXTERNAL_LOGGER:
		case MHD_OPTION_UNESCAPE_CALLBACK:
			(void)va_arg(ap, void *);
			(void)va_arg(ap, void *);
			break;
		case MHD_OPTION_CONNECTION_MEMORY_LIMIT:
			(void)va_arg(ap, size_t);
			break;
		default:
			(void)va_arg(ap, unsigned);
		}
	}
	va_end(ap);
	d->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fake_mhd_daemon = d;
	return d;
}

void
MHD_stop_daemon(struct MHD_Daemon *d)
{
	while (d->n > 0)
		fake_mhd_end(d->all[0]);
	(void)close(d->fd); /* nobody watches it any more */
	free(d);
}

enum MHD_Result
MHD_run(struct MHD_Daemon *d)
{
	return d != NULL ? MHD_YES : MHD_NO;
}

enum MHD_Result
MHD_get_timeout(struct MHD_Daemon *d, MHD_UNSIGNED_LONG_LONG *ms)
{
	(void)d;
	*ms = 0;
	return MHD_NO;
}

const union MHD_DaemonInfo *
MHD_get_daemon_info(struct MHD_Daemon *d, enum MHD_DaemonInfoType type, ...)
{
	if (type == MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		d->info.num_connections = (unsigned)d->n;
	else
		d->info.epoll_fd = d->fd;
	return &d->info;
}

enum MHD_Result
MHD_add_connection(struct MHD_Daemon *d, MHD_socket fd,
    const struct sockaddr *addr, socklen_t len)
{
	struct MHD_Connection *c = memory_own_zeroed(sizeof(*c));

	FUZZ_CHECK(addr != NULL && len > 0 && d->n < FAKE_MHD_CONNECTIONS);
	c->daemon = d;
	c->fd = fd;
	c->peer = -1;
	d->all[d->n++] = c;
	d->notify(
	    d->notify_self, c, &c->context, MHD_CONNECTION_NOTIFY_STARTED);
	return MHD_YES;
}

const union MHD_ConnectionInfo *
MHD_get_connection_info(
    struct MHD_Connection *c, enum MHD_ConnectionInfoType type, ...)
{
	if (type == MHD_CONNECTION_INFO_CONNECTION_FD)
		c->info.connect_fd = c->fd;
	else
		c->info.socket_context = c->context;
	return &c->info;
}

int
MHD_get_connection_values(struct MHD_Connection *c, enum MHD_ValueKind kind,
    MHD_KeyValueIterator each, void *self)
{
	const struct fake_mhd_fields *all =
	    kind == MHD_HEADER_KIND ? &c->headers : &c->params;

	for (size_t i = 0; i < all->n; i++) {
		if (each(self, kind, all->v[i].key, all->v[i].value) != MHD_YES)
			return (int)i;
	}
	return (int)all->n;
}

const char *
MHD_lookup_connection_value(
    struct MHD_Connection *c, enum MHD_ValueKind kind, const char *key)
{
	const struct fake_mhd_fields *all =
	    kind == MHD_HEADER_KIND ? &c->headers : &c->params;

	for (size_t i = 0; i < all->n; i++) {
		if (strcasecmp(all->v[i].key, key) == 0)
			return all->v[i].value;
	}
	return NULL;
}

void
MHD_suspend_connection(struct MHD_Connection *c)
{
	FUZZ_CHECK(!c->is_asleep);
	c->is_asleep = true;
}

void
MHD_resume_connection(struct MHD_Connection *c)
{
	FUZZ_CHECK(c->is_asleep);
	c->is_asleep = false;
}

const char *
MHD_get_reason_phrase_for(unsigned code)
{
	return code < 500 ? "Not so" : "Not now";
}

struct MHD_Response *
MHD_create_response_from_buffer(
    size_t size, void *buffer, enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *r = memory_own_zeroed(sizeof(*r));

	FUZZ_CHECK(mode != MHD_RESPMEM_MUST_COPY);
	*r = (struct MHD_Response){
		.refs = 1,
		.data = buffer,
		.len = size,
		.is_owned = mode == MHD_RESPMEM_MUST_FREE,
	};
	return r;
}

struct MHD_Response *
MHD_create_response_from_callback(uint64_t size, size_t block_size,
    MHD_ContentReaderCallback crc, void *crc_cls,
    MHD_ContentReaderFreeCallback crfc)
{
	struct MHD_Response *r = memory_own_zeroed(sizeof(*r));

	FUZZ_CHECK(size == MHD_SIZE_UNKNOWN && block_size > 0);
	*r = (struct MHD_Response){
		.refs = 1,
		.read = crc,
		.read_self = crc_cls,
		.free = crfc,
	};
	return r;
}

void
MHD_destroy_response(struct MHD_Response *r)
{
	FUZZ_CHECK(r->refs > 0);
	if (--r->refs > 0)
		return;
	if (r->free != NULL)
		r->free(r->read_self);
	if (r->is_owned)
		free(r->data);
	free(r);
}

enum MHD_Result
MHD_add_response_header(
    struct MHD_Response *r, const char *header, const char *content)
{
	/* Nothing of a client's may begin a header of its own. */
	FUZZ_CHECK(strpbrk(header, "\r\n") == NULL);
	if (strpbrk(content, "\r\n") != NULL)
		return MHD_NO;
	if (strcasecmp(header, "Content-Type") == 0) {
		FUZZ_CHECK(strlen(content) < sizeof(r->type));
		memcpy(r->type, content, strlen(content) + 1);
	}
	return MHD_YES;
}

enum MHD_Result
MHD_queue_response(
    struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
	FUZZ_CHECK(c->response == NULL);
	c->response = r;
	c->status = status;
	r->refs++;
	return MHD_YES;
}

/* --- the target's ------------------------------------------------------- */

/** fake_mhd_call() - Hand in the head (@data NULL), a part, or the end. */
static inline enum MHD_Result
fake_mhd_call(struct MHD_Connection *c, const char *method, const char *url,
    const char *data, size_t *len)
{
	return c->daemon->access(c->daemon->access_self, c, url, method,
	    "HTTP/1.1", data, len, &c->state);
}

/**
 * fake_mhd_pull() - What an answer that comes in parts has at the moment
 *
 * Return: false: it has ended
 */
static inline bool
fake_mhd_pull(struct MHD_Connection *c, struct obuf *to)
{
	char block[512];
	ssize_t n = 1;

	while (!c->is_asleep && n > 0) {
		n = c->response->read(
		    c->response->read_self, to->len, block, sizeof(block));
		FUZZ_CHECK(n <= (ssize_t)sizeof(block));
		if (n > 0)
			obuf_put(to, block, (size_t)n);
	}
	return n >= 0;
}

#endif /* FUZZ_FAKE_MHD_H */
