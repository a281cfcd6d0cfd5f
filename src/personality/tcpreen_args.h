#ifndef PERSONALITY_TCPREEN_ARGS_H
#define PERSONALITY_TCPREEN_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/endpoint.h"
#include "config/option.h"
#include "core/dir.h"

struct err;

/*
 * tcpreen_args.h - the command line of tcpreen, read and judged.
 *
 * Options are read by getopt_long(3), as the original does: then abbreviations,
 * order and messages about unknown options are the same without effort.  The
 * rows are those of config/option.h; their setters judge the values, in the
 * original's words.
 */

/** struct tcpreen_format - A word after -f. */
struct tcpreen_format {
	const char *word;
	const char *kind; /* of the sink */
};

/**
 * struct tcpreen_log - An output
 * @path:	As the stream sink takes it (personality_literal()); owned
 */
struct tcpreen_log {
	const struct tcpreen_format *format;
	char *path;
};

/**
 * struct tcpreen_args - What was asked for
 * @logs:	@nlogs of them, in order, the console last; owned
 * @format:	The last -f; NULL: none yet
 * @has_output:	-o was given
 * @level:	0: -q; 1; more: -v
 * @connect, @listen, @daemon, @numeric: Flags
 * @address, @server, @user: NULL if not given; these point into argv
 * @server_port, @local_port: Operands; "0" if not given
 * @family:	[DIR_CLIENT], [DIR_SERVER]
 * @max_bytes, @max_sessions, @max_concurrent: 0: no limit
 * @has_sessions, @has_concurrent: Given, not the default
 */
struct tcpreen_args {
	struct tcpreen_log *logs;
	size_t nlogs;
	const struct tcpreen_format *format;
	bool has_output;
	int level;
	bool connect;
	bool listen;
	bool daemon;
	bool numeric;
	bool help;
	bool version;
	const char *address;
	const char *server;
	const char *user;
	const char *server_port;
	const char *local_port;
	enum endpoint_family family[DIR_NDIRS];
	uint64_t max_bytes;
	uint64_t max_sessions;
	uint64_t max_concurrent;
	bool has_sessions;
	bool has_concurrent;
};

/** enum tcpreen_args_result - What to do next. */
enum tcpreen_args_result {
	TCPREEN_ARGS_RUN,
	TCPREEN_ARGS_HELP,
	TCPREEN_ARGS_VERSION,
	TCPREEN_ARGS_WRONG,
};

/**
 * tcpreen_args_read() - Read a command line
 * @a:		Filled in; tcpreen_args_done() in any case
 * @argv:	Permuted; outlives @a
 * @err:	TCPREEN_ARGS_WRONG: the sentence, "" if getopt_long(3) has
 *		printed it
 */
enum tcpreen_args_result tcpreen_args_read(
    struct tcpreen_args *a, int argc, char **argv, struct err *err) ATTR_WUNRES;

/** tcpreen_args_options() - The rows. */
const struct option_table *tcpreen_args_options(void);

/** tcpreen_args_done() - Release what it owns; idempotent. */
void tcpreen_args_done(struct tcpreen_args *a);

#endif /* PERSONALITY_TCPREEN_ARGS_H */
