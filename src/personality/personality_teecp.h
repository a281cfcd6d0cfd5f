#ifndef PERSONALITY_PERSONALITY_TEECP_H
#define PERSONALITY_PERSONALITY_TEECP_H

/*
 * personality_teecp.h - "teecp --device DEV --bpf FILTER --output-tcp TARGET".
 *
 * Payloads of packets to another server, as they come; see teecp(1).
 */

/** personality_teecp() - Carry it out.  Return: an exit code */
int personality_teecp(int argc, char **argv);

#endif /* PERSONALITY_PERSONALITY_TEECP_H */
