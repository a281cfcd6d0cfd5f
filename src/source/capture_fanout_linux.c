#include <errno.h>
#include <linux/if_packet.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "source/capture_fanout.h"

/* The low half of the option's value is the group, as the kernel tells it. */
#define GROUP_MASK 0xffff

static int
refused(struct err *err)
{
	return err_set(err, -errno,
	    "cannot share the packets out to several rings: %s",
	    strerror(errno));
}

int
capture_fanout_join(int fd, int *group, struct err *err)
{
	const uint32_t how = PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG;
	uint32_t value = how << 16;
	socklen_t len = sizeof(value);

	/* A group's flags must be the same for all, but for this one. */
	if (*group < 0)
		value |= (uint32_t)PACKET_FANOUT_FLAG_UNIQUEID << 16;
	else
		value |= (uint32_t)*group;
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, len) != 0)
		return refused(err);
	if (*group >= 0)
		return 0;
	if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, &len) != 0)
		return refused(err);
	*group = (int)(value & GROUP_MASK);
	return 0;
}
