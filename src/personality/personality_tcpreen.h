#ifndef PERSONALITY_PERSONALITY_TCPREEN_H
#define PERSONALITY_PERSONALITY_TCPREEN_H

struct option_table;

/*
 * personality_tcpreen.h - "tcpreen [OPTION...] SERVER_PORT [LOCAL_PORT]".
 *
 * The command line, messages and formats of tcpreen 1.4.4; see tcpreen(1).
 */

/** personality_tcpreen() - Carry it out.  Return: an exit code */
int personality_tcpreen(int argc, char **argv);

/** personality_tcpreen_options() - Its options. */
const struct option_table *personality_tcpreen_options(void);

#endif /* PERSONALITY_PERSONALITY_TCPREEN_H */
