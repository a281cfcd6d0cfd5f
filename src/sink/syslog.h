#ifndef SINK_SYSLOG_H
#define SINK_SYSLOG_H

#include "core/sink_spec.h"

/*
 * syslog.h - a format's lines as messages of syslog(3).
 *
 *	syslog:summary		one message per session, level "info"
 *	syslog:FORMAT,level=err
 *
 * Every line is one message of facility daemon, under the name and with the
 * options that the program gave to openlog(3).
 *
 * syslog(3) may block for as long as the system's logger does not read.  So
 * the messages go through a bounded queue to a thread of their own; what does
 * not fit is dropped and counted like in any live sink.  Memory is taken per
 * turn of the loop in which there was something to say: for formats that say
 * little.
 */

extern const struct sink_kind syslog_kind;

#endif /* SINK_SYSLOG_H */
