#ifndef APP_COMPLETION_H
#define APP_COMPLETION_H

/**
 * completion_main() - "teeline completion bash|zsh|fish|options"
 *
 * Writes a completion script for that shell to standard output, made from the
 * tables that drive the command lines themselves; "make install" keeps them.
 * "options" writes a line per option for scripts/check-man, separated by tabs:
 * the command, the letter and the long name behind their dashes (or "-" alone
 * if there is none), "shown" or "alias".  "keys" and "manual" tell the keys of
 * configurations: see conf_manual.h.
 *
 * Return: an exit code (run/run.h)
 */
int completion_main(int argc, char **argv);

#endif /* APP_COMPLETION_H */
