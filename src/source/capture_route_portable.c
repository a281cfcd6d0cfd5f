#include <errno.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "source/capture_route.h"

static bool
has_ip(const pcap_if_t *dev)
{
	for (const pcap_addr_t *a = dev->addresses; a != NULL; a = a->next)
		if (a->addr != NULL && (a->addr->sa_family == AF_INET ||
					   a->addr->sa_family == AF_INET6))
			return true;
	return false;
}

int
capture_route_default(char name[IF_NAMESIZE])
{
	const bpf_u_int32 wanted = PCAP_IF_UP | PCAP_IF_RUNNING;
	char why[PCAP_ERRBUF_SIZE];
	pcap_if_t *all;
	int rc = -ENODEV;

	if (pcap_findalldevs(&all, why) != 0)
		return -ENODEV;
	for (const pcap_if_t *dev = all; dev != NULL; dev = dev->next) {
		if ((dev->flags & (wanted | PCAP_IF_LOOPBACK)) != wanted ||
		    !has_ip(dev) || strlen(dev->name) >= IF_NAMESIZE)
			continue;
		(void)snprintf(name, IF_NAMESIZE, "%s", dev->name);
		rc = 0;
		break;
	}
	pcap_freealldevs(all);
	return rc;
}
