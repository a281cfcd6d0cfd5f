#include <assert.h>
#include <errno.h>

#include "wire/capfile.h"
#include "wire/netrecord.h"

static_assert(CAPFILE_SNIFF_MAX == NETRECORD_HEAD_MAX, "the longest of all");
static_assert(PCAP_READ_MAGIC_LEN == PCAPNG_READ_MAGIC_LEN, "looked at once");

/*
 * The first record says that the client has connected.  One that is no whole
 * line yet could be one as long as it begins like that.
 */
static enum capfile_format
sniff_netrecord(const uint8_t *data, size_t len)
{
	struct netrecord r;
	size_t used;
	int rc;

	if ((len > 0 && data[0] != 'c') || (len > 1 && data[1] != ' '))
		return CAPFILE_UNKNOWN;
	rc = netrecord_decode(&r, &used, data, len);
	if (rc == -EAGAIN)
		return CAPFILE_SHORT;
	return rc == 0 && r.what == NETRECORD_CON ? CAPFILE_NETRECORD
						  : CAPFILE_UNKNOWN;
}

enum capfile_format
capfile_sniff(const uint8_t *data, size_t len)
{
	if (len < PCAP_READ_MAGIC_LEN)
		return CAPFILE_SHORT;
	if (pcap_read_knows(data))
		return CAPFILE_PCAP;
	if (pcapng_read_knows(data))
		return CAPFILE_PCAPNG;
	return sniff_netrecord(data, len);
}

void
capfile_init(struct capfile *c, enum capfile_format format)
{
	assert(format == CAPFILE_PCAP || format == CAPFILE_PCAPNG);
	c->format = format;
	if (format == CAPFILE_PCAP)
		pcap_read_init(&c->pcap);
	else
		pcapng_read_init(&c->pcapng);
}

void
capfile_done(struct capfile *c)
{
	if (c->format == CAPFILE_PCAPNG)
		pcapng_read_done(&c->pcapng);
}

int
capfile_next(struct capfile *c, const uint8_t *data, size_t len,
    struct capfile_item *item, struct err *err)
{
	if (c->format == CAPFILE_PCAP)
		return pcap_read_next(&c->pcap, data, len, item, err);
	return pcapng_read_next(&c->pcapng, data, len, item, err);
}

int
capfile_end(
    const struct capfile *c, size_t left, size_t unseen, struct err *err)
{
	if (c->format == CAPFILE_PCAP)
		return pcap_read_end(&c->pcap, left, err);
	return pcapng_read_end(&c->pcapng, left, unseen, err);
}
