#include "core/session.h"
#include "core/sink_spec.h"

#include "sink/keys.h"
#include "sink/streams.h"

int
streams_read_locals(
    struct locals *l, const struct sink_spec *spec, struct err *err)
{
	static const struct keys_number a_port = { QUANTITY_COUNT,
		{ 1, 65535 } };
	const char *text = sink_spec_get(spec, "local");
	uint64_t port = 0;
	int rc = keys_number(spec, "remote-port", &a_port, &port, err);

	if (rc == 0 && text != NULL)
		rc = locals_parse(l, text, err);
	l->remote_port = (uint16_t)port;
	return rc;
}

int
streams_read_keys(
    struct streams *st, const struct sink_spec *spec, struct err *err)
{
	static const char *const roles[] = { "client", "server", NULL };
	unsigned role = 0;
	int rc = keys_word(spec, "role", roles, &role, err);

	st->is_server = role == 1;
	return rc == 0 ? streams_read_locals(&st->locals, spec, err) : rc;
}

enum dir
streams_dir(
    const struct streams *st, const struct session *s, enum news_stream stream)
{
	bool client = locals_is_client(&st->locals, &s->client, &s->server);

	/* Each of these turns it round. */
	if (st->is_server)
		client = !client;
	if (stream == NEWS_RESPONSES)
		client = !client;
	return client ? DIR_CLIENT : DIR_SERVER;
}
