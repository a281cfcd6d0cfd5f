#ifndef CLI_PRINT_H
#define CLI_PRINT_H

struct obuf;

/**
 * print_out() - Write a text to standard output and release it
 * @out:	Emptied in any case
 *
 * A reader that has gone away ("teeline list sinks | head -1") is no failure.
 *
 * Return: an exit code (run/run.h); on failure the user has been told
 */
int print_out(struct obuf *out);

/**
 * print_version() - "teeline VERSION" and the libraries it runs with
 *
 * Return: an exit code
 */
int print_version(void);

#endif /* CLI_PRINT_H */
