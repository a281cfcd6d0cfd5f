#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/addr_net.h"
#include "base/err.h"
#include "base/obuf.h"
#include "config/stethoscope.h"

/* The longest name of a variable in a template that is looked at. */
#define NAME_MAX_LEN 32

static bool
is_one(const char *text)
{
	struct addr_net net;

	/* It was checked when it was read. */
	return addr_net_parse(&net, text, NULL) == 0 && addr_net_is_one(&net);
}

/* "src host A", or "(src host A or src net B)". */
static void
put_side(struct obuf *out, const char *side, const struct stethoscope_list *l)
{
	obuf_puts(out, l->n > 1 ? "(" : "");
	for (size_t i = 0; i < l->n; i++)
		obuf_printf(out, "%s%s %s %s", i > 0 ? " or " : "", side,
		    is_one(l->v[i]) ? "host" : "net", l->v[i]);
	obuf_puts(out, l->n > 1 ? ")" : "");
}

static void
put_way(struct obuf *out, const struct stethoscope *s, bool outward)
{
	obuf_puts(out, "(");
	put_side(out, outward ? "src" : "dst", &s->capture.local);
	obuf_puts(out, " and ");
	put_side(out, outward ? "dst" : "src", &s->capture.remote);
	if (s->capture.remote_port != 0)
		obuf_printf(out, " and %s port %" PRIu64,
		    outward ? "dst" : "src", s->capture.remote_port);
	obuf_puts(out, ")");
}

static void
put_default(struct obuf *out, const struct stethoscope *s)
{
	obuf_puts(out, "tcp and (");
	put_way(out, s, true);
	obuf_puts(out, " or ");
	put_way(out, s, false);
	obuf_puts(out, ")");
}

/* "host {local_ip}" with a network in it has to be "net ...". */
static void
host_to_net(struct obuf *out)
{
	static const char host[] = "host ";
	const size_t n = sizeof(host) - 1;

	if (out->len < n || memcmp(out->data + out->len - n, host, n) != 0)
		return;
	out->len -= n;
	obuf_puts(out, "net ");
}

/* "A", or "(A or B)". */
static void
put_list(struct obuf *out, const struct stethoscope_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (is_one(l->v[i]))
			continue;
		host_to_net(out);
		break;
	}
	obuf_puts(out, l->n > 1 ? "(" : "");
	for (size_t i = 0; i < l->n; i++)
		obuf_printf(out, "%s%s", i > 0 ? " or " : "", l->v[i]);
	obuf_puts(out, l->n > 1 ? ")" : "");
}

static void
put_port(struct obuf *out, uint64_t port)
{
	if (port != 0)
		obuf_printf(out, "%" PRIu64, port);
}

static int
put_variable(struct obuf *out, const struct stethoscope *s, const char *name,
    struct err *err)
{
	if (strcmp(name, "local_ip") == 0)
		put_list(out, &s->capture.local);
	else if (strcmp(name, "remote_ip") == 0)
		put_list(out, &s->capture.remote);
	else if (strcmp(name, "remote_port") == 0)
		put_port(out, s->capture.remote_port);
	else if (strcmp(name, "local_port") == 0)
		put_port(out, s->capture.local_port);
	else
		return err_set(err, -EINVAL,
		    "{%s} is none of {local_ip} {remote_ip} {remote_port} "
		    "{local_port}",
		    name);
	return 0;
}

static int
put_template(struct obuf *out, const struct stethoscope *s, struct err *err)
{
	const char *text = s->capture.filter;
	char name[NAME_MAX_LEN + 1];
	int rc = 0;

	while (rc == 0 && *text != '\0') {
		size_t n = strcspn(text, "{");

		obuf_put(out, text, n);
		text += n;
		if (*text == '\0')
			break;
		n = strcspn(++text, "}");
		if (text[n] == '\0' || n > NAME_MAX_LEN)
			return err_set(
			    err, -EINVAL, "{ without } near \"{%.32s\"", text);
		memcpy(name, text, n);
		name[n] = '\0';
		text += n + 1;
		rc = put_variable(out, s, name, err);
	}
	return rc;
}

int
stethoscope_filter(
    const struct stethoscope *s, struct obuf *out, struct err *err)
{
	const char *own = s->capture.filter;
	bool has_own = own != NULL && own[0] != '\0';
	bool limited = s->capture.local_port != 0 &&
		       (!has_own || strstr(own, "{local_port}") == NULL);
	int rc = 0;

	obuf_puts(out, limited ? "(" : "");
	if (has_own)
		rc = put_template(out, s, err);
	else
		put_default(out, s);
	if (limited)
		obuf_printf(
		    out, ") and (tcp port %" PRIu64 ")", s->capture.local_port);
	return rc;
}
