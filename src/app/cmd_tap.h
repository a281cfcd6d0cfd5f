#ifndef APP_CMD_TAP_H
#define APP_CMD_TAP_H

/**
 * cmd_tap() - "teeline tap [OPTION...] [FILTER...]"
 *
 * Return: an exit code (app/run.h)
 */
int cmd_tap(int argc, char **argv);

#endif /* APP_CMD_TAP_H */
