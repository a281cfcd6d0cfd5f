#ifndef CLI_CMD_CHECK_H
#define CLI_CMD_CHECK_H

/**
 * cmd_check() - "teeline check CONFIG": say what is wrong, run nothing
 *
 * Return: an exit code (run/run.h)
 */
int cmd_check(int argc, char **argv);

#endif /* CLI_CMD_CHECK_H */
