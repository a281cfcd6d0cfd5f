#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "core/locals.h"

int
locals_add(struct locals *l, const char *text, struct err *err)
{
	int rc;

	if (l->n == LOCALS_MAX)
		return err_set(err, -EINVAL,
		    "too many addresses: %d are possible", LOCALS_MAX);
	rc = addr_net_parse(&l->net[l->n], text, err);
	if (rc == 0)
		l->n++;
	return rc;
}

int
locals_parse(struct locals *l, const char *text, struct err *err)
{
	char word[ADDR_TEXT_MAX];
	int rc = 0;

	for (text += strspn(text, " "); rc == 0 && *text != '\0';
	     text += strspn(text, " ")) {
		size_t n = strcspn(text, " ");

		if (n >= sizeof(word))
			return err_set(err, -EINVAL,
			    "\"%.64s\" is too long for an address", text);
		memcpy(word, text, n);
		word[n] = '\0';
		rc = locals_add(l, word, err);
		text += n;
	}
	return rc;
}

static bool
has(const struct locals *l, const struct addr *a)
{
	for (size_t i = 0; i < l->n; i++)
		if (addr_net_has(&l->net[i], a))
			return true;
	return false;
}

bool
locals_is_client(const struct locals *l, const struct addr *client,
    const struct addr *server)
{
	bool client_is = has(l, client);

	if (client_is != has(l, server))
		return client_is;
	return l->remote_port == 0 || server->port == l->remote_port ||
	       client->port != l->remote_port;
}
