#ifndef APP_HELP_H
#define APP_HELP_H

/**
 * help_main() - The command line when no command was recognized
 *
 * "teeline", "teeline -h", "teeline -V", or a word that is no command.
 *
 * Return: an exit code (run/run.h)
 */
int help_main(int argc, char **argv);

#endif /* APP_HELP_H */
