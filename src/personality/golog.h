#ifndef PERSONALITY_GOLOG_H
#define PERSONALITY_GOLOG_H

/*
 * golog.h - a log as Go's package log writes it.
 *
 *	2026/11/21 08:30:00 failed to open the capture
 *
 * For the personalities of programs that were written in Go: local time, then
 * the line, on standard error, in one write(2).
 */

/**
 * golog_start() - From here on the log (base/log.h) looks like that
 * @failing:	Put before errors until golog_ready(): what has then failed;
 *		borrowed for ever
 *
 * Before there are other threads.
 */
void golog_start(const char *failing);

/** golog_ready() - What fails from here on is said without that. */
void golog_ready(void);

/** golog_line() - A line of any length, whatever the level; any thread. */
void golog_line(const char *text);

#endif /* PERSONALITY_GOLOG_H */
