#ifndef APP_CMD_CHECK_H
#define APP_CMD_CHECK_H

/**
 * cmd_check() - "teeline check CONFIG": say what is wrong, run nothing
 *
 * Return: an exit code (app/run.h)
 */
int cmd_check(int argc, char **argv);

#endif /* APP_CMD_CHECK_H */
