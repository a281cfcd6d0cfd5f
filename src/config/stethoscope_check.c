#include "config/stethoscope_check.h"
#include "base/addr.h"
#include "base/err.h"
#include "base/obuf.h"

/* Where the object stands that its user wrote; else where the file begins. */
static struct jsonish_pos
place(const struct jsonish *root, const char *group, const char *name)
{
	const struct jsonish *io = jsonish_find(root, "io");
	const struct jsonish *at = io == NULL ? NULL : jsonish_find(io, group);
	const struct jsonish *deep = at == NULL ? NULL : jsonish_find(at, name);

	return deep != NULL ? deep->pos : root->pos;
}

static struct jsonish_pos
listener_place(const struct jsonish *root)
{
	struct jsonish_pos at = place(root, "output", "listener");

	return at.line == root->pos.line && at.column == root->pos.column
		   ? place(root, "output", "listner")
		   : at;
}

static void
check_capture(
    const struct stethoscope *s, const struct jsonish *root, struct findings *f)
{
	struct obuf filter = { .data = NULL };
	struct err err = { "" };

	if (s->capture.remote_port == 0 &&
	    (s->role != STETHOSCOPE_SERVER || s->capture.local_port == 0))
		findings_error(f, place(root, "input", "capture"),
		    "io.input.capture needs the key remote_port (or "
		    "local_port, where the role is server)");
	if (stethoscope_filter(s, &filter, &err) != 0)
		findings_error(
		    f, s->capture.filter_pos, "bpf-filter: %s", err.text);
	f->failed = f->failed || filter.failed;
	obuf_done(&filter);
}

static void
check_connector(
    const struct stethoscope *s, const struct jsonish *root, struct findings *f)
{
	const struct stethoscope_connector *c = &s->connector;
	struct jsonish_pos at = place(root, "output", "remote-host");

	if (!c->enabled)
		return;
	if (c->requests_port == 0)
		findings_error(
		    f, at, "io.output.remote-host needs the key requests_port");
	if (c->responses_port == 0)
		findings_error(f, at,
		    "io.output.remote-host needs the key responses_port");
}

static void
check_listener(
    const struct stethoscope *s, const struct jsonish *root, struct findings *f)
{
	const struct stethoscope_listener *l = &s->listener;
	struct jsonish_pos at = listener_place(root);

	if (!l->enabled)
		return;
	if (l->first == 0)
		findings_error(
		    f, at, "io.output.listner needs the key port_range_start");
	if (l->last == 0)
		findings_error(
		    f, at, "io.output.listner needs the key port_range_end");
	if (l->first != 0 && l->last != 0 && l->last <= l->first)
		findings_error(f, at,
		    "io.output.listner: port_range_end must be greater than "
		    "port_range_start: a session gets two ports");
	if ((l->first_requests != 0) != (l->first_responses != 0))
		findings_error(f, at,
		    "io.output.listner: first_requests_port and "
		    "first_responses_port belong together");
	else if (l->first_requests != 0 &&
		 l->first_requests == l->first_responses)
		findings_error(f, at,
		    "io.output.listner: first_requests_port and "
		    "first_responses_port are the same");
}

static void
check_both(const struct jsonish *root, struct findings *f)
{
	const struct jsonish *io = jsonish_find(root, "io");
	const struct jsonish *out =
	    io == NULL ? NULL : jsonish_find(io, "output");

	if (out != NULL && jsonish_find(out, "listner") != NULL &&
	    jsonish_find(out, "listener") != NULL)
		findings_error(f, jsonish_find(out, "listner")->key_pos,
		    "listner and listener are the same: one of them");
}

static void
check_pcap(
    const struct stethoscope *s, const struct jsonish *root, struct findings *f)
{
	if (!s->pcap.enabled)
		return;
	if (s->pcap.dir == NULL || s->pcap.dir[0] == '\0')
		findings_warn(f, place(root, "output", "pcap"),
		    "io.output.pcap: without the key dir no packet is "
		    "written");
	if (s->pcap.per_session &&
	    (s->pcap.rotate_bytes != 0 || s->pcap.rotate_ns != 0))
		findings_error(f, place(root, "output", "pcap"),
		    "io.output.pcap: rotate_bytes and rotate_sec are for one "
		    "file for all sessions, and per_session is true");
	if (s->pcap.rotate_keep != 0 && s->pcap.rotate_bytes == 0 &&
	    s->pcap.rotate_ns == 0)
		findings_error(f, place(root, "output", "pcap"),
		    "io.output.pcap: rotate_keep needs rotate_bytes or "
		    "rotate_sec");
}

static void
check_control(
    const struct stethoscope *s, const struct jsonish *root, struct findings *f)
{
	const struct jsonish *at = jsonish_find(root, "control");
	struct jsonish_pos pos = at != NULL ? at->pos : root->pos;
	struct addr a;

	if (addr_parse_ip(&a, s->control.bind_ip) != 0 || addr_is_loopback(&a))
		return;
	findings_warn(f, pos,
	    "control: whoever reaches %s sees the sessions (changes need "
	    "loopback%s); bind_ip: \"127.0.0.1\" keeps it to this machine",
	    s->control.bind_ip,
	    s->control.token != NULL ? " or the token" : "");
}

void
stethoscope_check(const struct stethoscope *s, const struct jsonish *root,
    bool is_whole, struct findings *f)
{
	check_both(root, f);
	if (is_whole)
		check_capture(s, root, f);
	check_connector(s, root, f);
	check_listener(s, root, f);
	check_pcap(s, root, f);
	check_control(s, root, f);
}
