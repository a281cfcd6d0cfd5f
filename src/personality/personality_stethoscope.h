#ifndef PERSONALITY_PERSONALITY_STETHOSCOPE_H
#define PERSONALITY_PERSONALITY_STETHOSCOPE_H

struct option_table;

/*
 * personality_stethoscope.h - "stethoscope --config FILE [--log-level LEVEL]".
 *
 * The configuration is one of stethoscope's, or of ours; see stethoscope(1).
 */

/** personality_stethoscope() - Carry it out.  Return: an exit code */
int personality_stethoscope(int argc, char **argv);

/** personality_stethoscope_options() - Its flags. */
const struct option_table *personality_stethoscope_options(void);

#endif /* PERSONALITY_PERSONALITY_STETHOSCOPE_H */
