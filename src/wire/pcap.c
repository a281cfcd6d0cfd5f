#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"

#include "wire/pcap.h"

void
pcap_put_file(struct obuf *o, uint32_t linktype, uint32_t snaplen)
{
	uint8_t *p = obuf_room(o, PCAP_FILE_LEN);

	if (p == NULL)
		return;
	bytes_put_le32(p, PCAP_MAGIC_NS);
	bytes_put_le16(p + 4, PCAP_VERSION_MAJOR);
	bytes_put_le16(p + 6, PCAP_VERSION_MINOR);
	bytes_put_le64(p + 8, 0); /* time zone, accuracy: always 0 */
	bytes_put_le32(p + 16, snaplen);
	bytes_put_le32(p + 20, linktype);
	o->len += PCAP_FILE_LEN;
}

void
pcap_put_packet(struct obuf *o, const struct frame *f)
{
	size_t captured = f->head_len + f->data_len;
	uint8_t *p = obuf_room(o, PCAP_RECORD_LEN + captured);

	if (p == NULL)
		return;
	bytes_put_le32(p, (uint32_t)(f->ts_ns / CLOCK_NS_PER_S));
	bytes_put_le32(p + 4, (uint32_t)(f->ts_ns % CLOCK_NS_PER_S));
	bytes_put_le32(p + 8, (uint32_t)captured);
	bytes_put_le32(p + 12, (uint32_t)f->wire_len);
	p += PCAP_RECORD_LEN;
	if (f->head_len > 0)
		memcpy(p, f->head, f->head_len);
	if (f->data_len > 0)
		memcpy(p + f->head_len, f->data, f->data_len);
	o->len += PCAP_RECORD_LEN + captured;
}
