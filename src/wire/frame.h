#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stddef.h>
#include <stdint.h>

/*
 * frame.h - one packet, on its way into a capture file.
 */

/** enum frame_dir - As epb_flags counts them. */
enum frame_dir {
	FRAME_UNKNOWN,
	FRAME_INBOUND,
	FRAME_OUTBOUND,
};

/**
 * struct frame - A packet as it is captured
 * @ts_ns:	When, ns since the Unix epoch
 * @dir:	Seen from the machine that captures
 * @head:	Its first @head_len bytes; borrowed
 * @data:	The @data_len bytes that follow them; borrowed.  In two
 *		parts, so that headers made here and a payload that lies
 *		elsewhere are put together in the file's buffer only.
 * @wire_len:	Bytes it had on the wire: at least @head_len + @data_len
 * @comment:	Words for the reader, UTF-8; NULL: none.  Formats that have
 *		no place for it leave it out.
 */
struct frame {
	uint64_t ts_ns;
	enum frame_dir dir;
	const uint8_t *head;
	size_t head_len;
	const uint8_t *data;
	size_t data_len;
	size_t wire_len;
	const char *comment;
};

#endif /* WIRE_FRAME_H */
