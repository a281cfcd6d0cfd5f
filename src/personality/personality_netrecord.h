#ifndef PERSONALITY_PERSONALITY_NETRECORD_H
#define PERSONALITY_PERSONALITY_NETRECORD_H

/*
 * personality_netrecord.h - "netrecord HOST PORT PROXY_PORT ROOT".
 *
 * A log per connection, ROOT_N; see netrecord(1).
 */

/** personality_netrecord() - Carry it out.  Return: an exit code */
int personality_netrecord(int argc, char **argv);

#endif /* PERSONALITY_PERSONALITY_NETRECORD_H */
