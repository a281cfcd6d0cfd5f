#ifndef NET_NOTIFY_H
#define NET_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/*
 * notify.h - tells the service manager how we are, without its library
 * (sd_notify(3)): a datagram to the socket that $NOTIFY_SOCKET names.
 *
 * Without a manager, every call does nothing.  One that does not read misses
 * a sign of life or a status; for the other words it is waited, two seconds at
 * most.  Main thread, all of them.
 */

/**
 * notify_init() - Read the environment, clean it; before any thread
 *
 * The socket stays open, so that a user or root changed later does no harm.
 */
void notify_init(void);

/** notify_is_on() - Is there a manager that listens? */
bool notify_is_on(void);

/**
 * notify_watchdog_ns() - How often the manager wants a sign of life
 *
 * Return: 0: never; else the time after which it would take us for dead.
 *	   Half of that is a good pace (sd_watchdog_enabled(3)).
 */
uint64_t notify_watchdog_ns(void);

/** notify_ready() - Started, or done with reading the configuration again. */
void notify_ready(void);

/** notify_reloading() - The configuration is read again; then notify_ready() */
void notify_reloading(void);

/**
 * notify_stopping() - The end has begun
 * @within_ns:	How long it may take, if that is more than the manager is
 *		told to wait (TimeoutStopSec=)
 */
void notify_stopping(uint64_t within_ns);

/** notify_alive() - The sign of life. */
void notify_alive(void);

/** notify_status() - A line for people: "12 sessions, 3.4 GB". */
void notify_status(const char *fmt, ...) ATTR_PRINTF(1, 2);

#endif /* NET_NOTIFY_H */
