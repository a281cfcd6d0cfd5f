#include <stdio.h>
#include <string.h>

#include "app/completion.h"
#include "app/conf_manual.h"
#include "app/registry.h"
#include "base/attr.h"
#include "base/log.h"
#include "base/obuf.h"
#include "cli/print.h"
#include "config/option.h"
#include "config/sink_text.h"
#include "run/kinds.h"
#include "run/run.h"
#include "sink/formats.h"

/*
 * Each shell has one function that writes its script.  They walk over the
 * same commands and rows and differ in how they quote and what they call.
 */

/* Calls @each for all commands and personalities that are shown. */
static void
for_commands(struct obuf *out,
    void (*each)(struct obuf *out, const struct registry_command *c))
{
	const struct registry_command *lists[2];
	size_t n[2];

	lists[0] = registry_commands(&n[0]);
	lists[1] = registry_personalities(&n[1]);
	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < n[l]; i++)
			if (lists[l][i].help != NULL)
				each(out, &lists[l][i]);
}

/* Calls @each for all options of a command that have a name to complete. */
static void
for_options(struct obuf *out, const struct registry_command *c,
    void (*each)(struct obuf *out, const struct registry_command *c,
	const struct option_row *row))
{
	const struct option_table *t = c->options != NULL ? c->options() : NULL;

	for (size_t i = 0; t != NULL && i < t->nrows; i++)
		if (option_belongs(t, i))
			each(out, c, &t->rows[i]);
}

/* Text in single quotes, with a "\" before each of @special. */
static void
put_quoted(struct obuf *out, const char *text, const char *special)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			obuf_puts(out, "'\\''");
			continue;
		}
		if (strchr(special, *text) != NULL)
			obuf_putc(out, '\\');
		obuf_putc(out, *text);
	}
}

static void
put_formats(struct obuf *out)
{
	const struct format *f;

	for (size_t i = 0; (f = formats_at(i)) != NULL; i++)
		if (f->help != NULL)
			obuf_printf(out, "%s ", f->name);
	obuf_puts(out, "none");
}

/* Kinds with an argument get @colon behind them; those without do not. */
static void
put_sinks(struct obuf *out, bool with_arg, const char *colon)
{
	const struct sink_kind *const *kinds;
	const char *sep = "";
	size_t n;

	kinds = kinds_all(&n);
	for (size_t i = 0; i < n; i++) {
		if (kinds[i]->help == NULL ||
		    sink_text_has_arg(kinds[i]) != with_arg)
			continue;
		obuf_printf(out, "%s%s%s", sep, kinds[i]->name, colon);
		sep = " ";
	}
}

static void
put_words(struct obuf *out, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		obuf_printf(out, "%s%s", i > 0 ? " " : "", words[i]);
}

static void
put_command_name(struct obuf *out, const struct registry_command *c)
{
	obuf_printf(out, "%s ", c->name);
}

/* "-f" and "--format" as this command wants them, each behind @before. */
static void
put_spellings(struct obuf *out, const struct registry_command *c,
    const struct option_row *row, const char *between)
{
	const char *sep = "";

	if (row->letter != '\0' && !c->go) {
		obuf_printf(out, "-%c", row->letter);
		sep = between;
	}
	if (row->name != NULL)
		obuf_printf(out, "%s%s%s", sep, c->go ? "-" : "--", row->name);
}

/* --- bash ---------------------------------------------------------------- */

static void
bash_option_name(struct obuf *out, const struct registry_command *c,
    const struct option_row *row)
{
	put_spellings(out, c, row, " ");
	obuf_putc(out, ' ');
}

static void
bash_argument(struct obuf *out, const struct registry_command *c,
    const struct option_row *row)
{
	if (row->type == OPTION_FLAG)
		return;
	obuf_puts(out, "\t\t");
	put_spellings(out, c, row, " | ");
	obuf_puts(out, ") ");
	if (row->words != NULL) {
		obuf_puts(out, "words=\"");
		put_words(out, row->words);
		obuf_puts(out, "\" ;;\n");
		return;
	}
	switch (row->complete) {
	case OPTION_COMPLETE_NONE:
		obuf_puts(out, "return ;;\n");
		break;
	case OPTION_COMPLETE_FILE:
		obuf_puts(out, "_teeline_files \"$cur\"; return ;;\n");
		break;
	case OPTION_COMPLETE_FORMAT:
		obuf_puts(out, "words=\"$formats\" ;;\n");
		break;
	case OPTION_COMPLETE_SINK:
		obuf_puts(out, "words=$sinks ;;\n");
		break;
	case OPTION_COMPLETE_USER:
		obuf_puts(out, "words=$(compgen -u) ;;\n");
		break;
	case OPTION_COMPLETE_INTERFACE:
		obuf_puts(out, "words=$(teeline list interfaces 2>/dev/null | "
			       "cut -d ' ' -f 1) ;;\n");
		break;
	}
}

static void
bash_command(struct obuf *out, const struct registry_command *c)
{
	obuf_printf(out, "\t%s)\n\t\twords=\"", c->name);
	if (c->words != NULL)
		obuf_puts(out, c->words);
	else
		for_options(out, c, bash_option_name);
	obuf_puts(out, "\"\n\t\tcase $prev in\n");
	for_options(out, c, bash_argument);
	if (c->files)
		obuf_puts(out, "\t\t*) [[ $cur == -* ]] || "
			       "{ _teeline_files \"$cur\"; return; } ;;\n"
			       "\t\tesac ;;\n");
	else
		obuf_puts(out, "\t\t*) ;;\n\t\tesac ;;\n");
}

static const char bash_head[] =
    "# shellcheck shell=bash\n"
    "# bash completion for teeline(1), made by \"teeline completion bash\"\n"
    "\n"
    "_teeline_files()\n"
    "{\n"
    "\tcompopt -o filenames 2>/dev/null\n"
    "\t# shellcheck disable=SC2207\n"
    "\tCOMPREPLY=($(compgen -f -- \"$1\"))\n"
    "}\n"
    "\n"
    "_teeline()\n"
    "{\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
    "\tlocal prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "\tlocal before=${COMP_WORDS[COMP_CWORD - (COMP_CWORD > 1 ? 2 : 1)]}\n"
    "\tlocal words formats sinks\n"
    "\n"
    "\tCOMPREPLY=()\n";

static const char bash_split[] =
    "\t# \"--format=hex\" and \"flows:talk\" come as three words.\n"
    "\tif [[ $cur == : ]]; then\n"
    "\t\tcur='' before=$prev prev=:\n"
    "\telif [[ $cur == = ]]; then\n"
    "\t\tcur=\n"
    "\telif [[ $prev == = ]]; then\n"
    "\t\tprev=$before\n"
    "\tfi\n"
    "\tif [[ $prev == : ]]; then\n"
    "\t\tif [[ \" $sinks \" == *\" $before: \"* ]]; then\n"
    "\t\t\t_teeline_files \"$cur\"\n"
    "\t\tfi\n"
    "\t\treturn\n"
    "\tfi\n";

static const char bash_tail[] =
    "\tif [[ $words == \"$sinks\" ]]; then\n"
    "\t\tcompopt -o nospace 2>/dev/null\n"
    "\tfi\n"
    "\t# shellcheck disable=SC2207\n"
    "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "}\n"
    "\n"
    "complete -F _teeline teeline\n";

static void
write_bash(struct obuf *out)
{
	obuf_puts(out, bash_head);
	obuf_puts(out, "\tsinks=\"");
	put_sinks(out, true, ":");
	obuf_putc(out, ' ');
	put_sinks(out, false, "");
	obuf_puts(out, "\"\n\tformats=\"");
	put_formats(out);
	obuf_puts(out, "\"\n");
	obuf_puts(out, bash_split);
	obuf_puts(out, "\tcase ${COMP_WORDS[1]} in\n");
	for_commands(out, bash_command);
	obuf_puts(out, "\t*) words= ;;\n"
		       "\tesac\n"
		       "\tif ((COMP_CWORD == 1)); then\n"
		       "\t\twords=\"");
	for_commands(out, put_command_name);
	obuf_puts(out, "--help --version\"\n"
		       "\tfi\n");
	obuf_puts(out, bash_tail);
}

/* --- zsh ----------------------------------------------------------------- */

static void
zsh_action(struct obuf *out, const struct option_row *row)
{
	if (row->words != NULL) {
		obuf_putc(out, '(');
		put_words(out, row->words);
		obuf_putc(out, ')');
		return;
	}
	switch (row->complete) {
	case OPTION_COMPLETE_NONE:
		obuf_putc(out, ' '); /* an argument of which nothing is known */
		break;
	case OPTION_COMPLETE_FILE:
		obuf_puts(out, "_files");
		break;
	case OPTION_COMPLETE_FORMAT:
		obuf_putc(out, '(');
		put_formats(out);
		obuf_putc(out, ')');
		break;
	case OPTION_COMPLETE_SINK:
		obuf_puts(out, "_teeline_sinks");
		break;
	case OPTION_COMPLETE_USER:
		obuf_puts(out, "_users");
		break;
	case OPTION_COMPLETE_INTERFACE:
		obuf_puts(out, "_net_interfaces");
		break;
	}
}

static void
zsh_spec(struct obuf *out, const struct option_row *row, const char *dashes,
    const char *name, const char *attach)
{
	obuf_printf(out, " \\\n\t\t\t'*%s%s%s[", dashes, name,
	    row->type == OPTION_FLAG ? "" : attach);
	put_quoted(out, row->help != NULL ? row->help : row->name, "[]\\");
	obuf_putc(out, ']');
	if (row->type != OPTION_FLAG) {
		obuf_putc(out, ':');
		put_quoted(out, row->arg, ":\\");
		obuf_putc(out, ':');
		zsh_action(out, row);
	}
	obuf_putc(out, '\'');
}

static void
zsh_option(struct obuf *out, const struct registry_command *c,
    const struct option_row *row)
{
	const char letter[] = { row->letter, '\0' };

	if (row->letter != '\0' && !c->go)
		zsh_spec(out, row, "-", letter, "+");
	if (row->name != NULL)
		zsh_spec(
		    out, row, c->go ? "-" : "--", row->name, c->go ? "" : "=");
}

static void
zsh_command(struct obuf *out, const struct registry_command *c)
{
	obuf_printf(
	    out, "\t%s)\n\t\t_arguments%s", c->name, c->go ? "" : " -s -S");
	for_options(out, c, zsh_option);
	if (c->words != NULL)
		obuf_printf(out, " \\\n\t\t\t'1:what:(%s)'", c->words);
	else
		obuf_printf(out, " \\\n\t\t\t'*:%s'",
		    c->files ? "file:_files" : "operand: ");
	obuf_puts(out, " ;;\n");
}

static void
zsh_describe(struct obuf *out, const struct registry_command *c)
{
	obuf_printf(out, "\t\t'%s:", c->name);
	put_quoted(out, c->help, ":\\");
	obuf_puts(out, "'\n");
}

static void
write_zsh(struct obuf *out)
{
	obuf_puts(out, "#compdef teeline\n"
		       "# zsh completion for teeline(1), made by \"teeline "
		       "completion zsh\"\n\n"
		       "_teeline_sinks() {\n"
		       "\tif compset -P '*:'; then\n"
		       "\t\t_files\n"
		       "\telse\n"
		       "\t\tcompadd -S : -- ");
	put_sinks(out, true, "");
	obuf_puts(out, "\n\t\tcompadd -- ");
	put_sinks(out, false, "");
	obuf_puts(out, "\n\tfi\n}\n\n"
		       "_teeline() {\n"
		       "\tlocal -a commands\n"
		       "\tcommands=(\n");
	for_commands(out, zsh_describe);
	obuf_puts(out, "\t)\n"
		       "\tif ((CURRENT == 2)); then\n"
		       "\t\t_describe command commands\n"
		       "\t\treturn\n"
		       "\tfi\n"
		       "\tshift words\n"
		       "\t((CURRENT--))\n"
		       "\tcase $words[1] in\n");
	for_commands(out, zsh_command);
	obuf_puts(out, "\tesac\n"
		       "}\n\n"
		       "_teeline \"$@\"\n");
}

/* --- fish ---------------------------------------------------------------- */

static void
fish_argument(struct obuf *out, const struct option_row *row)
{
	if (row->words != NULL) {
		obuf_puts(out, " -x -a '");
		put_words(out, row->words);
		obuf_putc(out, '\'');
		return;
	}
	switch (row->complete) {
	case OPTION_COMPLETE_NONE:
		obuf_puts(out, " -x");
		break;
	case OPTION_COMPLETE_FILE:
		obuf_puts(out, " -r -F");
		break;
	case OPTION_COMPLETE_FORMAT:
		obuf_puts(out, " -x -a '");
		put_formats(out);
		obuf_putc(out, '\'');
		break;
	case OPTION_COMPLETE_SINK:
		obuf_puts(out, " -x -a '");
		put_sinks(out, true, ":");
		obuf_putc(out, ' ');
		put_sinks(out, false, "");
		obuf_putc(out, '\'');
		break;
	case OPTION_COMPLETE_USER:
		obuf_puts(out, " -x -a '(__fish_complete_users)'");
		break;
	case OPTION_COMPLETE_INTERFACE:
		obuf_puts(out, " -x -a '(__fish_print_interfaces)'");
		break;
	}
}

static void
fish_option(struct obuf *out, const struct registry_command *c,
    const struct option_row *row)
{
	obuf_printf(out,
	    "complete -c teeline -n '__fish_seen_subcommand_from %s'", c->name);
	if (row->letter != '\0' && !c->go)
		obuf_printf(out, " -s %c", row->letter);
	if (row->name != NULL)
		obuf_printf(out, " -%c %s", c->go ? 'o' : 'l', row->name);
	if (row->type != OPTION_FLAG)
		fish_argument(out, row);
	if (row->help != NULL) {
		obuf_puts(out, " -d '");
		put_quoted(out, row->help, "\\");
		obuf_putc(out, '\'');
	}
	obuf_putc(out, '\n');
}

static void
fish_command(struct obuf *out, const struct registry_command *c)
{
	obuf_printf(out,
	    "complete -c teeline -n __fish_use_subcommand -a %s -d '", c->name);
	put_quoted(out, c->help, "\\");
	obuf_puts(out, "'\n");
	if (c->words != NULL)
		obuf_printf(out,
		    "complete -c teeline -n '__fish_seen_subcommand_from %s' "
		    "-a '%s'\n",
		    c->name, c->words);
	if (c->files)
		obuf_printf(out,
		    "complete -c teeline -n '__fish_seen_subcommand_from %s' "
		    "-F\n",
		    c->name);
	for_options(out, c, fish_option);
}

static void
write_fish(struct obuf *out)
{
	obuf_puts(out, "# fish completion for teeline(1), made by \"teeline "
		       "completion fish\"\n\n"
		       "complete -c teeline -f\n");
	for_commands(out, fish_command);
}

/* --- the manual check ---------------------------------------------------- */

static void
option_line(struct obuf *out, const struct registry_command *c,
    const struct option_row *row)
{
	obuf_printf(out, "%s\t", c->name);
	if (row->letter != '\0' && !c->go)
		obuf_printf(out, "-%c\t", row->letter);
	else
		obuf_puts(out, "-\t");
	if (row->name != NULL)
		obuf_printf(out, "%s%s\t", c->go ? "-" : "--", row->name);
	else
		obuf_puts(out, "-\t");
	obuf_puts(out, row->help != NULL ? "shown\n" : "alias\n");
}

static void
command_lines(struct obuf *out, const struct registry_command *c)
{
	for_options(out, c, option_line);
}

static void
write_options(struct obuf *out)
{
	for_commands(out, command_lines);
}

/** struct target - What can be written, and by what. */
struct target {
	const char *name;
	void (*write)(struct obuf *out);
};

static const struct target targets[] = {
	{ "bash", write_bash },
	{ "zsh", write_zsh },
	{ "fish", write_fish },
	{ "options", write_options },
	{ "keys", conf_manual_list },
	{ "manual", conf_manual_write },
};

int
completion_main(int argc, char **argv)
{
	struct obuf out = { .data = NULL };

	for (size_t i = 0; argc == 2 && i < ATTR_COUNT(targets); i++) {
		if (strcmp(targets[i].name, argv[1]) == 0) {
			targets[i].write(&out);
			return print_out(&out);
		}
	}
	log_error("completion: bash, zsh or fish is needed");
	return RUN_USAGE;
}
