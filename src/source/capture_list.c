#include <errno.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/err.h"
#include "source/capture.h"
#include "source/capture_list.h"
#include "source/capture_route.h"

/*
 * What libpcap lists beside interfaces of the network: no TCP comes from
 * these, and listening to nfqueue would take packets away from whoever is to
 * judge them.
 */
static bool
is_no_network(const char *name)
{
	static const char *const prefix[] = { "bluetooth", "dbus-", "nfqueue",
		"usbmon" };

	for (size_t i = 0; i < ATTR_COUNT(prefix); i++)
		if (strncmp(name, prefix[i], strlen(prefix[i])) == 0)
			return true;
	return false;
}

/* Appends to a text of fixed size; what does not fit is cut. */
static void
append(char *buf, size_t size, const char *separator, const char *text)
{
	size_t len = strlen(buf);

	(void)snprintf(
	    buf + len, size - len, "%s%s", len == 0 ? "" : separator, text);
}

static void
describe(struct capture_listed *l, const pcap_if_t *dev)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	memset(l, 0, sizeof(*l));
	append(l->name, sizeof(l->name), "", dev->name);
	if (dev->description != NULL)
		append(l->description, sizeof(l->description), "",
		    dev->description);
	for (const pcap_addr_t *p = dev->addresses; p != NULL; p = p->next) {
		if (p->addr == NULL || (p->addr->sa_family != AF_INET &&
					   p->addr->sa_family != AF_INET6))
			continue;
		addr_from_sockaddr(&a, p->addr, NULL);
		append(
		    l->addrs, sizeof(l->addrs), " ", addr_format_ip(&a, text));
	}
	l->up = dev->flags & PCAP_IF_UP;
	l->loopback = dev->flags & PCAP_IF_LOOPBACK;
	l->wireless = dev->flags & PCAP_IF_WIRELESS;
}

static void
put_default_first(struct capture_listed *list, size_t n)
{
	char name[IF_NAMESIZE];

	if (capture_route_default(name) != 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct capture_listed found = list[i];

		if (strcmp(found.name, name) != 0)
			continue;
		memmove(list + 1, list, i * sizeof(*list));
		list[0] = found;
		return;
	}
}

int
capture_list(struct capture_listed **list, size_t *n, struct err *err)
{
	char why[PCAP_ERRBUF_SIZE];
	struct capture_listed *v;
	pcap_if_t *all;
	size_t count = 0;

	if (pcap_findalldevs(&all, why) != 0)
		return err_set(err, -EIO, "cannot list interfaces: %s", why);
	for (const pcap_if_t *dev = all; dev != NULL; dev = dev->next)
		count++;
	v = calloc(count + 1, sizeof(*v));
	if (v == NULL) {
		pcap_freealldevs(all);
		return err_set(err, -ENOMEM, "out of memory");
	}
	count = 0;
	for (const pcap_if_t *dev = all; dev != NULL; dev = dev->next)
		if (!is_no_network(dev->name))
			describe(&v[count++], dev);
	pcap_freealldevs(all);
	v[0].first = count > 0;
	put_default_first(v, count);
	*list = v;
	*n = count;
	return 0;
}

const char *
capture_list_names(char *buf, size_t size)
{
	struct capture_listed *list = NULL;
	size_t n = 0;

	buf[0] = '\0';
	if (capture_list(&list, &n, NULL) != 0)
		return buf;
	for (size_t i = 0; i < n; i++)
		append(buf, size, ", ", list[i].name);
	free(list);
	return buf;
}
