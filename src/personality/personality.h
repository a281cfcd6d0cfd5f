#ifndef PERSONALITY_PERSONALITY_H
#define PERSONALITY_PERSONALITY_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "config/option.h"
#include "core/sink.h"

struct err;
struct plan;

/*
 * personality.h - what the personalities have in common.
 *
 * A personality reads its own command line and fills in a struct plan; the
 * rest is the same program.  Its recordings have mode 0666 less the umask, as
 * plain C and Go programs make them, and its runs end without the sheet.
 */

/**
 * personality_taps() - A plan as personalities that capture want it
 *
 * One input, a tap.  Quiet.
 *
 * Return: 0, or -ENOMEM with @err; plan_done() is right after both
 */
int personality_taps(struct plan *p, struct err *err) ATTR_WUNRES;

/**
 * personality_relays() - A plan as personalities that relay want it
 *
 * One input, a proxy.  Quiet; sessions that we cut ourselves end with FIN.
 *
 * Return: 0, or -ENOMEM with @err; plan_done() is right after both
 */
int personality_relays(struct plan *p, struct err *err) ATTR_WUNRES;

/**
 * struct personality_sink - An output
 * @kind:	Of the sink
 * @arg:	Its argument
 * @overwrite:	Files that exist are cut to nothing
 * @on_full:	What a full queue does
 */
struct personality_sink {
	const char *kind;
	const char *arg;
	bool overwrite;
	enum on_full on_full;
};

/** personality_add_sink() - Add an output; 0 or -ENOMEM. */
int personality_add_sink(
    struct plan *p, const struct personality_sink *s) ATTR_WUNRES;

/**
 * struct personality_end - One side of the relay
 *
 * @host and @port are borrowed and copied; see struct endpoint.
 */
struct personality_end {
	enum endpoint_how how;
	enum endpoint_family family;
	const char *host;
	uint16_t port;
};

/**
 * personality_add_pair() - Add ends to its proxy
 * @label:	What the server is called in records; copied
 *
 * Return: 0 or -ENOMEM
 */
int personality_add_pair(struct plan *p, const struct personality_end *client,
    const struct personality_end *server, const char *label) ATTR_WUNRES;

/**
 * personality_literal() - A file name without fields, whatever is in it
 *
 * The stream sink takes names with fields; braces are doubled, and names that
 * mean a descriptor ("-" excepted) get "./" before them.
 *
 * Return: to be freed; NULL without memory
 */
char *personality_literal(const char *path) ATTR_WUNRES;

/**
 * personality_flags() - Read a command line as a Go program does
 * @argc, @argv, @self: As for goflag_parse()
 * @status:	The exit code, when there is nothing to be carried out
 *
 * What is wrong, or that help was asked for, is answered with the flags on
 * standard error, as Go's package flag does.
 *
 * Return: true when the flags were read
 */
bool personality_flags(const struct option_table *t, int *argc, char **argv,
    void *self, int *status) ATTR_WUNRES;

/** personality_help() - The setter of "-h" and "-help". */
option_setter personality_help;

/** personality_defaults() - The flags, on standard error. */
void personality_defaults(const struct option_table *t);

#endif /* PERSONALITY_PERSONALITY_H */
