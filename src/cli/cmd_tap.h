#ifndef CLI_CMD_TAP_H
#define CLI_CMD_TAP_H

/**
 * cmd_tap() - "teeline tap [OPTION...] [FILTER...]"
 *
 * Return: an exit code (run/run.h)
 */
int cmd_tap(int argc, char **argv);

#endif /* CLI_CMD_TAP_H */
