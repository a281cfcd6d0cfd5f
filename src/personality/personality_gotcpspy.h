#ifndef PERSONALITY_PERSONALITY_GOTCPSPY_H
#define PERSONALITY_PERSONALITY_GOTCPSPY_H

struct option_table;

/*
 * personality_gotcpspy.h - "gotcpspy -host H -port P -listen_port P".
 *
 * Three logs per connection in the current folder; see gotcpspy(1).
 */

/** personality_gotcpspy() - Carry it out.  Return: an exit code */
int personality_gotcpspy(int argc, char **argv);

/** personality_gotcpspy_options() - Its flags. */
const struct option_table *personality_gotcpspy_options(void);

#endif /* PERSONALITY_PERSONALITY_GOTCPSPY_H */
