#include <stdio.h>

#include <sys/utsname.h>

#include "core/packet.h"

#include "sink/capture_head.h"

#include "wire/pcapng.h"

void
capture_head_section(struct obuf *out)
{
	struct utsname host;
	char os[sizeof(host.sysname) + sizeof(host.release) + 1];
	struct pcapng_section section = {
		.userappl = "teeline " TEELINE_VERSION,
	};

	if (uname(&host) == 0) {
		(void)snprintf(
		    os, sizeof(os), "%s %s", host.sysname, host.release);
		section.os = os;
		section.hardware = host.machine;
	}
	pcapng_put_section(out, &section);
}

void
capture_head_iface(struct obuf *out, const struct packet_iface *iface)
{
	pcapng_put_interface(out, &(struct pcapng_interface){
				      .linktype = iface->linktype,
				      .snaplen = iface->snaplen,
				      .name = iface->name,
				      .description = iface->description,
				  });
}
