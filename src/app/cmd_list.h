#ifndef APP_CMD_LIST_H
#define APP_CMD_LIST_H

/**
 * cmd_list() - "teeline list formats|sinks|personalities"
 *
 * Return: an exit code (run/run.h)
 */
int cmd_list(int argc, char **argv);

#endif /* APP_CMD_LIST_H */
