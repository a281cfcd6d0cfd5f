#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "net/privilege.h"
#include "personality/personality.h"
#include "personality/tcpreen_args.h"

/* --- values ------------------------------------------------------------ */

static int
bad_number(const char *text, struct err *err)
{
	return err_set(err, -EINVAL,
	    "%.200s: invalid number (or capacity exceeded)", text);
}

/*
 * A count as the original reads it: any base of strtol(3), a negative one is
 * no limit at all.  0 would be a run that does nothing: the original starts
 * it, here it is refused like any number that makes no sense.
 */
static int
read_count(const char *text, uint64_t *count, struct err *err)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || n == 0)
		return bad_number(text, err);
	*count = n > 0 ? (uint64_t)n : 0;
	return 0;
}

static int
set_bytes(void *self, const struct option_value *v, struct err *err)
{
	struct tcpreen_args *a = self;

	if (strchr(v->text, '-') != NULL)
		return bad_number(v->text, err);
	return read_count(v->text, &a->max_bytes, err);
}

static int
set_maxconn(void *self, const struct option_value *v, struct err *err)
{
	struct tcpreen_args *a = self;

	a->has_sessions = true;
	return read_count(v->text, &a->max_sessions, err);
}

static int
set_fork(void *self, const struct option_value *v, struct err *err)
{
	struct tcpreen_args *a = self;

	a->has_concurrent = true;
	return read_count(v->text, &a->max_concurrent, err);
}

static const struct tcpreen_format formats[] = {
	{ "C", "tcpreen-c" },
	{ "hex", "tcpreen-hex" },
	{ "hexa", "tcpreen-hex" },
	{ "count", "tcpreen-count" },
	{ "null", "tcpreen-null" },
	{ "raw", "tcpreen-raw" },
	{ "password", "tcpreen-password" },
	{ "pass", "tcpreen-password" },
	{ "strip", "tcpreen-strip" },
	{ "stripped", "tcpreen-strip" },
};

static const struct tcpreen_format *
find_format(const char *word)
{
	for (size_t i = 0; i < ATTR_COUNT(formats); i++)
		if (strcmp(formats[i].word, word) == 0)
			return &formats[i];
	return NULL;
}

static int
set_format(void *self, const struct option_value *v, struct err *err)
{
	struct tcpreen_args *a = self;
	const struct tcpreen_format *f = find_format(v->text);

	if (f == NULL)
		return err_set(
		    err, -EINVAL, "%.200s: Unrecognized log format", v->text);
	a->format = f;
	return 0;
}

static int
add_log(struct tcpreen_args *a, const struct tcpreen_format *format,
    const char *path)
{
	struct tcpreen_log *more =
	    realloc(a->logs, (a->nlogs + 1) * sizeof(*more));
	char *literal;

	if (more == NULL)
		return -ENOMEM;
	a->logs = more;
	literal = personality_literal(path);
	if (literal == NULL)
		return -ENOMEM;
	more[a->nlogs++] = (struct tcpreen_log){ format, literal };
	return 0;
}

static int
set_output(void *self, const struct option_value *v, struct err *err)
{
	struct tcpreen_args *a = self;
	const struct tcpreen_format *f =
	    a->format != NULL ? a->format : find_format("C");

	a->has_output = true;
	if (add_log(a, f, v->text) != 0)
		return err_set(err, -ENOMEM, "out of memory");
	return 0;
}

static int
read_protocol(const char *word, size_t len, enum endpoint_family *family)
{
	static const struct {
		const char *word;
		enum endpoint_family family;
	} protocols[] = {
		{ "local", ENDPOINT_UNIX },
		{ "unix", ENDPOINT_UNIX },
		{ "file", ENDPOINT_UNIX },
		{ "tcp", ENDPOINT_TCP4 },
		{ "tcpip", ENDPOINT_TCP4 },
		{ "tcp4", ENDPOINT_TCP4 },
		{ "tcpip4", ENDPOINT_TCP4 },
		{ "tcp6", ENDPOINT_TCP6 },
		{ "tcpip6", ENDPOINT_TCP6 },
	};

	for (size_t i = 0; i < ATTR_COUNT(protocols); i++)
		if (strlen(protocols[i].word) == len &&
		    memcmp(protocols[i].word, word, len) == 0) {
			*family = protocols[i].family;
			return 0;
		}
	return -EINVAL;
}

/* "SERVER/CLIENT", or one word for both. */
static int
set_protocol(void *self, const struct option_value *v, struct err *err)
{
	struct tcpreen_args *a = self;
	size_t len = strcspn(v->text, "/");
	const char *second = v->text[len] == '/' ? v->text + len + 1 : v->text;
	size_t second_len = v->text[len] == '/' ? strlen(second) : len;

	if (read_protocol(v->text, len, &a->family[DIR_SERVER]) != 0 ||
	    read_protocol(second, second_len, &a->family[DIR_CLIENT]) != 0)
		return err_set(err, -EINVAL,
		    "%.200s: unknown or unsupported protocol(s)", v->text);
	return 0;
}

static int
set_user(void *self, const struct option_value *v, struct err *err)
{
	struct tcpreen_args *a = self;

	if (getuid() != 0)
		return err_set(err, -EPERM,
		    "%.200s: only root can select an user", v->text);
	if (privilege_check_user(v->text, NULL) != 0)
		return err_set(err, -EINVAL, "%.200s: invalid user", v->text);
	a->user = v->text;
	return 0;
}

static int
set_address(void *self, const struct option_value *v, struct err *err)
{
	struct tcpreen_args *a = self;

	(void)err;
	a->address = v->text;
	return 0;
}

static int
set_server(void *self, const struct option_value *v, struct err *err)
{
	struct tcpreen_args *a = self;

	(void)err;
	a->server = v->text;
	return 0;
}

/* The flags, and the two that stop reading. */
static int
set_flag(void *self, const struct option_value *v, struct err *err)
{
	struct tcpreen_args *a = self;

	(void)err;
	switch (v->row->letter) {
	case 'c':
		a->connect = true;
		break;
	case 'd':
		a->daemon = true;
		break;
	case 'l':
		a->listen = true;
		break;
	case 'n':
		a->numeric = true;
		break;
	case 'q':
		a->level = 0;
		break;
	case 'v':
		a->level++;
		break;
	case 'h':
		a->help = true;
		return -ECANCELED;
	default:
		a->version = true;
		return -ECANCELED;
	}
	return 0;
}

/* --- the table --------------------------------------------------------- */

#define FLAG(l, word, text)                                                    \
	{                                                                      \
		.letter = (l), .name = (word), .type = OPTION_FLAG,            \
		.help = (text), .set = set_flag,                               \
	}
#define VALUE(l, word, what, text, setter)                                     \
	{                                                                      \
		.letter = (l), .name = (word), .arg = (what),                  \
		.type = OPTION_TEXT, .help = (text), .set = (setter),          \
	}

static const struct option_row rows[] = {
	VALUE('a', "bind", "ADDRESS",
	    "listen for connections on the following address", set_address),
	VALUE('b', "bytes", "COUNT",
	    "limit maximum sessions length in bytes; e.g.: -b 1024", set_bytes),
	FLAG('c', "connect",
	    "connect to the client instead of listening for it"),
	FLAG('d', "daemon", "run in the background"),
	VALUE('f', "format", "FORMAT", "selects log file(s) output format",
	    set_format),
	VALUE('F', "fork", "COUNT",
	    "specify number of client processes to spawn", set_fork),
	FLAG('h', "help", "display this help and exit"),
	FLAG(
	    'l', "listen", "listen for the server instead of connecting to it"),
	VALUE('m', "maxconn", "COUNT",
	    "limit number of monitored connections (faster)", set_maxconn),
	FLAG('n', "numeric", "disable reverse DNS lookup"),
	VALUE('o', "output", "FILE", "open a log file; e.g.: -o mylog.txt",
	    set_output),
	VALUE('p', "protocol", "PROTOCOL",
	    "use the following protocol for connections", set_protocol),
	FLAG('q', "quiet", "do not write to stdout"),
	VALUE('s', "server", "HOST",
	    "connect to this host (local host by default)", set_server),
	VALUE('u', "user", "USER",
	    "specify an unprivilieged username to be used", set_user),
	FLAG('v', "verbose", "increase verbosity - cumulative"),
	FLAG('V', "version", "display program version and exit"),
	VALUE(0, "accept", "ADDRESS", NULL, set_address),
	VALUE(0, "interface", "ADDRESS", NULL, set_address),
	VALUE(0, "max", "COUNT", NULL, set_maxconn),
};

#define NROWS ATTR_COUNT(rows)

static const struct option_table table = { .rows = rows, .nrows = NROWS };

const struct option_table *
tcpreen_args_options(void)
{
	return &table;
}

/* What getopt_long(3) says for row @i; above every letter. */
#define LONG_VALUE(i) (UCHAR_MAX + 1 + (int)(i))

/* The rows as getopt_long(3) wants them. */
static void
make_getopt(char *letters, struct option *names)
{
	for (size_t i = 0; i < NROWS; i++) {
		bool has_arg = rows[i].type != OPTION_FLAG;

		names[i] = (struct option){ .name = rows[i].name,
			.has_arg = has_arg ? required_argument : no_argument,
			.val = LONG_VALUE(i) };
		if (rows[i].letter == 0)
			continue;
		*letters++ = rows[i].letter;
		if (has_arg)
			*letters++ = ':';
	}
	names[NROWS] = (struct option){ .name = NULL };
	*letters = '\0';
}

static const struct option_row *
find_row(int value)
{
	for (size_t i = 0; i < NROWS; i++)
		if (value == LONG_VALUE(i) ||
		    (rows[i].letter != 0 && value == rows[i].letter))
			return &rows[i];
	return NULL;
}

static int
read_options(struct tcpreen_args *a, int argc, char **argv, struct err *err)
{
	char letters[2 * NROWS + 1];
	struct option names[NROWS + 1];
	int rc = 0, value;

	make_getopt(letters, names);
	while (rc == 0 &&
	       (value = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		struct option_value v = { .text = optarg };

		v.row = find_row(value);
		if (v.row == NULL)
			return -EINVAL; /* it has told why */
		rc = v.row->set(a, &v, err);
	}
	return rc;
}

/* --- what belongs together --------------------------------------------- */

static bool
is_dynamic(enum endpoint_family family, const char *port)
{
	return family != ENDPOINT_UNIX && strcmp(port, "0") == 0;
}

static int
read_operands(struct tcpreen_args *a, int argc, char **argv, struct err *err)
{
	bool has_server = optind < argc, has_local = optind + 1 < argc;

	if (optind + 2 < argc)
		return err_set(err, -EINVAL,
		    "%.200s: unexpected extra parameter", argv[optind + 2]);
	if (!has_server && !a->listen)
		return err_set(
		    err, -EINVAL, "%.200s: no server port specified", argv[0]);
	if (!has_local && a->connect)
		return err_set(err, -EINVAL,
		    "%.200s: no client port specified with -c option", argv[0]);
	a->server_port = has_server ? argv[optind] : "0";
	a->local_port = has_local ? argv[optind + 1] : "0";
	if ((!has_server && a->family[DIR_SERVER] == ENDPOINT_UNIX) ||
	    (!has_local && a->family[DIR_CLIENT] == ENDPOINT_UNIX))
		return err_set(err, -EINVAL,
		    "%.200s: a UNIX socket needs a path instead of a port",
		    argv[0]);
	return 0;
}

static int
check(const struct tcpreen_args *a, const char *name, struct err *err)
{
	bool hidden = a->level == 0 && !a->daemon;

	if (hidden && ((!a->connect &&
			   is_dynamic(a->family[DIR_CLIENT], a->local_port)) ||
			  (a->listen && is_dynamic(a->family[DIR_SERVER],
					    a->server_port))))
		return err_set(err, -EINVAL,
		    "%.200s: dynamically allocated port but nowhere to tell "
		    "you which one",
		    name);
	if (getuid() == 0 && a->user == NULL)
		return err_set(err, -EPERM,
		    "%.200s: root has to say which user to become (-u USER)",
		    name);
	return 0;
}

/*
 * The console shows the last -f.  Without one it shows C strings if anything
 * was said that asks for data (-v, -o), else the sessions alone.
 */
static int
add_console(struct tcpreen_args *a)
{
	const struct tcpreen_format *f = a->format;

	if (a->daemon || a->level == 0)
		return 0;
	if (f == NULL)
		f = find_format(a->has_output || a->level > 1 ? "C" : "null");
	return add_log(a, f, "-");
}

/* As a daemon many clients are served at once, else one after the other. */
static void
set_defaults(struct tcpreen_args *a)
{
	if (!a->has_concurrent)
		a->max_concurrent = a->daemon ? 0 : 1;
	/* A client that is called is called once. */
	if (!a->has_sessions && a->connect)
		a->max_sessions = 1;
}

enum tcpreen_args_result
tcpreen_args_read(
    struct tcpreen_args *a, int argc, char **argv, struct err *err)
{
	int rc;

	*a = (struct tcpreen_args){
		.level = 1,
		.family = { ENDPOINT_TCP4, ENDPOINT_TCP4 },
	};
	rc = read_options(a, argc, argv, err);
	if (a->help)
		return TCPREEN_ARGS_HELP;
	if (a->version)
		return TCPREEN_ARGS_VERSION;
	if (rc == 0)
		rc = read_operands(a, argc, argv, err);
	if (rc == 0)
		rc = check(a, argv[0], err);
	if (rc == 0 && add_console(a) != 0)
		rc = err_set(err, -ENOMEM, "out of memory");
	if (rc != 0)
		return TCPREEN_ARGS_WRONG;
	set_defaults(a);
	return TCPREEN_ARGS_RUN;
}

void
tcpreen_args_done(struct tcpreen_args *a)
{
	for (size_t i = 0; i < a->nlogs; i++)
		free(a->logs[i].path);
	free(a->logs);
	a->logs = NULL;
	a->nlogs = 0;
}
