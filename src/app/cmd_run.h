#ifndef APP_CMD_RUN_H
#define APP_CMD_RUN_H

/**
 * cmd_run() - "teeline run [OPTION...] CONFIG": run as a service
 *
 * Return: an exit code (app/run.h)
 */
int cmd_run(int argc, char **argv);

#endif /* APP_CMD_RUN_H */
