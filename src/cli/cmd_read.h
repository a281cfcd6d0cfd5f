#ifndef CLI_CMD_READ_H
#define CLI_CMD_READ_H

/**
 * cmd_read() - "teeline read [OPTION...] FILE... [-- FILTER...]"
 *
 * Return: an exit code (run/run.h)
 */
int cmd_read(int argc, char **argv);

#endif /* CLI_CMD_READ_H */
