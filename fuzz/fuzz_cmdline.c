#include <errno.h>
#include <getopt.h>

#include "base/err.h"
#include "base/obuf.h"
#include "cli/cmdline.h"
#include "cli/command.h"
#include "config/goflag.h"
#include "fuzz.h"
#include "personality/personality.h"
#include "personality/personality_gotcpspy.h"
#include "personality/personality_stethoscope.h"
#include "personality/tcpreen_args.h"
#include "personality/teecp_args.h"

/*
 * Command lines (config/option.h, cli/cmdline.h) of the commands and of the
 * personalities: byte 0 says whose, the rest are the words, divided by
 * newlines.  Nothing is carried out.
 *
 * What is refused is refused with a sentence.
 */

#define WORDS_MAX 32

/* As main() would get them; argv[0] is not looked at. */
struct words {
	char *text;
	char *argv[WORDS_MAX + 2];
	int argc;
};

static void
split(struct fuzz_in *in, struct words *w)
{
	static char name[] = "fuzz";
	char *rest;

	w->text = fuzz_text(in);
	rest = w->text;
	w->argv[0] = name;
	w->argc = 1;
	for (char *word = strsep(&rest, "\n");
	     word != NULL && w->argc <= WORDS_MAX; word = strsep(&rest, "\n"))
		w->argv[w->argc++] = word;
	w->argv[w->argc] = NULL;
}

static int
take_operands(struct cmdline *c, struct words *w, int argc, struct err *err)
{
	if (cmdline_source(c)->input != PLAN_PROXY)
		return command_filter(
		    cmdline_source(c), w->argv + 1, argc - 1, err);
	for (int i = 1; i + 1 < argc; i += 2) {
		int rc = cmdline_pair(c, w->argv[i], w->argv[i + 1], err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static void
try_command(
    const struct option_table *t, enum plan_input input, struct words *w)
{
	struct cmdline c;
	struct err err = { "" };
	int argc = w->argc;
	int rc = cmdline_init(&c, input);

	if (rc == 0) {
		rc = option_parse(t, &argc, w->argv, &c, &err);
		FUZZ_CHECK(rc != 0 || (argc > 0 && argc <= w->argc));
		if (rc == 0)
			rc = take_operands(&c, w, argc, &err);
		if (rc == 0)
			rc = cmdline_finish(&c, false, &err);
		FUZZ_CHECK(rc == 0 || rc == -ECANCELED || err.text[0] != '\0');
		FUZZ_CHECK(rc == 0 || rc == -ECANCELED || rc == -EINVAL ||
			   memory_is_short());
	}
	cmdline_done(&c);
	cmdline_done(&c);
}

static void
try_run(struct words *w)
{
	/* As cmd_run.c: the options alone, before there is an input. */
	struct cmdline c = { .format = NULL };
	struct err err = { "" };
	int argc = w->argc;
	int rc;

	plan_init(&c.plan);
	rc = option_parse(cmdline_run(), &argc, w->argv, &c, &err);
	FUZZ_CHECK(rc == 0 || rc == -ECANCELED || err.text[0] != '\0');
	cmdline_done(&c);
}

static void
try_tcpreen(struct words *w)
{
	struct tcpreen_args a;
	struct err err = { "" };

	/* The messages of getopt_long(3) are its own business. */
	opterr = 0;
	optind = 0; /* glibc's getopt_long(3) begins anew */
	FUZZ_CHECK(tcpreen_args_read(&a, w->argc, w->argv, &err) <=
		   TCPREEN_ARGS_WRONG);
	tcpreen_args_done(&a);
	tcpreen_args_done(&a);
}

static void
try_teecp(struct words *w)
{
	struct teecp_args a;
	struct plan p;
	struct err err = { "" };
	int argc = w->argc;
	int rc;

	teecp_args_init(&a);
	rc = goflag_parse(teecp_args_options(), &argc, w->argv, &a, &err);
	FUZZ_CHECK(rc == 0 || rc == -ECANCELED || err.text[0] != '\0');
	if (rc != 0)
		return;
	if (personality_taps(&p, &err) == 0) {
		rc = teecp_args_plan(&a, &p, &err);
		FUZZ_CHECK(rc == 0 || err.text[0] != '\0');
	}
	plan_done(&p);
}

static void
try_help(const struct option_table *t)
{
	struct obuf out = { .data = NULL };

	option_help(t, &out);
	FUZZ_CHECK(out.len > 0 || memory_is_short());
	obuf_clear(&out);
	goflag_defaults(t, &out);
	obuf_done(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	unsigned whose = fuzz_u8(&in);
	struct words w;

	split(&in, &w);
	switch (whose & 7) {
	case 0:
		try_command(cmdline_proxy(), PLAN_PROXY, &w);
		break;
	case 1:
		try_command(cmdline_tap(), PLAN_TAP, &w);
		break;
	case 2:
		try_command(cmdline_read(), PLAN_READ, &w);
		break;
	case 3:
		try_run(&w);
		break;
	case 4:
		try_tcpreen(&w);
		break;
	case 5:
		try_teecp(&w);
		break;
	default:
		try_help(whose & 8 ? cmdline_proxy() : cmdline_tap());
	}
	free(w.text);
	return 0;
}
