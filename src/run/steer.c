#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/log.h"
#include "config/plan.h"
#include "control/line.h"
#include "net/socket.h"
#include "run/mainloop.h"
#include "run/sheet.h"
#include "run/steer.h"

/* Clients that connect at once. */
#define BACKLOG 32

/* Descriptors of the server that are no client's. */
#define OWN_DESCRIPTORS 2

/* --- figures ------------------------------------------------------------- */

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static const struct sink_spec *
capture_of(const struct plan *p)
{
	for (size_t i = 0; i < p->nsinks; i++)
		if (strcmp(p->sinks[i].kind, "pcapng") == 0 ||
		    strcmp(p->sinks[i].kind, "pcap") == 0)
			return &p->sinks[i];
	return NULL;
}

/*
 * Of all sinks that keep packets, of which there were @seen; chunks are packets
 * there.
 */
static void
put_counts(json_t *pcap, const struct sheet *sh, uint64_t seen)
{
	uint64_t bytes = 0, dropped = 0, failed = 0;

	for (size_t i = 0; i < sh->nsinks; i++) {
		const struct sheet_sink *s = &sh->sinks[i];

		if (strcmp(s->kind, "pcapng") != 0 &&
		    strcmp(s->kind, "pcap") != 0)
			continue;
		bytes += s->written;
		dropped += s->drop_chunks[DROP_QUEUE_FULL] +
			   s->drop_chunks[DROP_CLOSING];
		failed += s->drop_chunks[DROP_WRITE_ERROR];
	}
	(void)json_object_set_new(pcap, "bytes_written", number(bytes));
	(void)json_object_set_new(pcap, "pkts_dropped", number(dropped));
	(void)json_object_set_new(pcap, "pkts_failed", number(failed));
	/* What is still queued is as good as written. */
	dropped += failed;
	(void)json_object_set_new(
	    pcap, "pkts_written", number(seen > dropped ? seen - dropped : 0));
}

static json_t *
pcap_figures(const struct plan *p, const struct sheet *sh)
{
	const struct sink_spec *spec = capture_of(p);
	json_t *pcap = json_object();
	const char *slash;
	bool each;

	(void)json_object_set_new(pcap, "enabled", json_boolean(spec != NULL));
	if (spec == NULL)
		return pcap;
	slash = strrchr(spec->arg, '/');
	each = strstr(spec->arg, "{local_ip}") != NULL;
	(void)json_object_set_new(pcap, "format", json_string(spec->kind));
	(void)json_object_set_new(pcap, "per_session", json_boolean(each));
	(void)json_object_set_new(pcap, "dir",
	    json_stringn(
		spec->arg, slash != NULL ? (size_t)(slash - spec->arg) : 0));
	/* Those of no session are in the file for all. */
	put_counts(pcap, sh, each ? sh->tally.sessions : sh->tally.received);
	return pcap;
}

/* What the original does not tell: where bytes can be lost before sinks. */
static json_t *
capture_figures(const struct sheet *sh)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "pkts_received",
	    number(sh->tally.received), "kernel_dropped",
	    number(sh->tally.kernel_dropped), "interface_dropped",
	    number(sh->tally.interface_dropped), "gap_bytes",
	    number(sh->gap_bytes[0] + sh->gap_bytes[1]));
}

static void
on_stats(void *self, json_t *object)
{
	const struct steer *l = self;
	struct sheet sh;

	(void)json_object_set_new(
	    object, "workers", number(l->plan->sources[0].workers));
	if (l->take_sheet == NULL || l->take_sheet(l->self, &sh) != 0)
		return;
	(void)json_object_set_new(object, "pcap", pcap_figures(l->plan, &sh));
	(void)json_object_set_new(object, "capture", capture_figures(&sh));
	sheet_done(&sh);
}

static void
on_log(void *self, const char *what, const char *json)
{
	(void)self;
	log_info("%s %s", what, json);
}

static void
on_timer(uv_timer_t *timer)
{
	line_log_stats(((struct steer *)timer->data)->line);
}

/* --- from the plan to the end -------------------------------------------- */

int
steer_open(struct steer *l, const struct plan *p, struct err *err)
{
	const struct socket_listen_opts o = { .backlog = BACKLOG };
	struct socket_listener at[SOCKET_MAX_ADDRS];
	struct endpoint where = {
		.how = ENDPOINT_LISTEN,
		.family = ENDPOINT_ANY,
		.host = p->lines.host,
		.port = p->lines.port,
	};
	size_t n = 0;
	int rc;

	if (p->lines.host == NULL)
		return 0;
	l->plan = p;
	rc = socket_listen(&where, &o, at, &n, err);
	if (rc != 0) {
		err_prefix(err, "control: ");
		return rc;
	}
	/* A numeric address is one place. */
	l->fd = at[0].fd;
	l->is_listening = true;
	if (p->lines.port == 0)
		log_info("control listens at port %u", at[0].addr.port);
	return 0;
}

static int
start_stats(struct steer *l, struct mainloop *loop)
{
	uint64_t ms = l->plan->lines.stats_ns / CLOCK_NS_PER_MS;
	int rc;

	if (l->plan->lines.stats_ns == 0)
		return 0;
	if (ms == 0)
		ms = 1;
	rc = uv_timer_init(&loop->loop, &l->timer);
	l->timer.data = l;
	l->has_timer = rc == 0;
	return rc == 0 ? uv_timer_start(&l->timer, on_timer, ms, ms) : rc;
}

bool
steer_is_wanted(const struct steer *l)
{
	return l->plan != NULL;
}

int
steer_make(struct steer *l, struct mainloop *loop, struct watch *watch,
    struct roster *roster, struct err *err)
{
	const struct plan_lines *p = &l->plan->lines;
	struct line_opts o;
	int rc;

	o = (struct line_opts){
		.token = p->token,
		.cats = p->cats,
		.is_server = p->is_server,
		.idle_ns = p->idle_ns,
		.stall_ns = p->stall_ns,
		.loop = &loop->loop,
		.box = &loop->box,
		.roster = roster,
		.watch = watch,
		.stats = on_stats,
		.log = on_log,
		.self = l,
	};
	o.locals.remote_port = p->remote_port;
	rc = p->local != NULL ? locals_parse(&o.locals, p->local, err) : 0;
	if (rc != 0)
		return rc;
	l->is_listening = false;
	l->line = line_open(&o, l->fd, err);
	if (l->line == NULL)
		return -EIO;
	rc = start_stats(l, loop);
	return rc == 0 ? 0
		       : err_set(err, rc, "cannot make a timer: %s",
			     uv_strerror(rc));
}

void
steer_serve(struct steer *l, int (*take_sheet)(void *self, struct sheet *sh),
    void *self)
{
	l->take_sheet = take_sheet;
	l->self = self;
}

size_t
steer_descriptors(const struct steer *l)
{
	return l->plan != NULL ? LINE_CLIENTS + OWN_DESCRIPTORS : 0;
}

bool
steer_wants_news(const struct steer *l)
{
	return l->line != NULL;
}

void
steer_tell(const struct steer *l, const struct news *n)
{
	line_tell(l->line, n);
}

void
steer_started(struct steer *l)
{
	const struct plan_capture *c;

	if (l->line == NULL)
		return;
	c = &l->plan->sources[0].capture;
	line_started(l->line,
	    json_pack("{s:s?, s:s?, s:o}", "iface", c->iface, "bpf", c->filter,
		"workers", number(l->plan->sources[0].workers)));
}

void
steer_stopping(const struct steer *l)
{
	if (l->line != NULL)
		line_stopping(l->line);
}

void
steer_close(struct steer *l)
{
	line_close(l->line);
	if (l->has_timer)
		uv_close((uv_handle_t *)&l->timer, NULL);
	l->has_timer = false;
}

void
steer_free(struct steer *l)
{
	if (l->is_listening)
		(void)close(l->fd); /* nobody has used it */
	line_free(l->line);
	*l = (struct steer){ .fd = -1 };
}
