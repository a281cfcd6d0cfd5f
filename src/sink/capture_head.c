#include <stdio.h>
#include <string.h>

#include <sys/utsname.h>

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

struct packet_iface
capture_head_made(const char *source)
{
	return (struct packet_iface){
		.id = UINT32_MAX,
		.linktype = PCAPNG_LINKTYPE_RAW,
		.snaplen = PCAPNG_SNAPLEN,
		/* Of a tap none is made: they are those of a proxy beside it.
		 */
		.name = strcmp(source, "tap") == 0 ? "proxy" : source,
	};
}
