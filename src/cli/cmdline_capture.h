#ifndef CLI_CMDLINE_CAPTURE_H
#define CLI_CMDLINE_CAPTURE_H

#include "config/option.h"

/*
 * cmdline_capture.h - the setters of the options that have to do with packets.
 *
 * Their rows are in cmdline_options.c.  @self is the struct cmdline.
 */

/* tap */
option_setter cmdline_capture_interface;
option_setter cmdline_capture_snaplen;
option_setter cmdline_capture_buffer;
option_setter cmdline_capture_no_promiscuous;
option_setter cmdline_capture_list;
option_setter cmdline_capture_file;
option_setter cmdline_capture_rings;

/* tap and read */
option_setter cmdline_capture_packets;
option_setter cmdline_capture_hold;
option_setter cmdline_capture_hold_total;
option_setter cmdline_capture_hold_time;
option_setter cmdline_capture_overlap;
option_setter cmdline_capture_decap;

/* Files that -w writes */
option_setter cmdline_capture_rotate_size;
option_setter cmdline_capture_rotate_time;
option_setter cmdline_capture_rotate_keep;

#endif /* CLI_CMDLINE_CAPTURE_H */
