#ifndef APP_CMD_READ_H
#define APP_CMD_READ_H

/**
 * cmd_read() - "teeline read [OPTION...] FILE... [-- FILTER...]"
 *
 * Return: an exit code (app/run.h)
 */
int cmd_read(int argc, char **argv);

#endif /* APP_CMD_READ_H */
