#ifndef CLI_CMD_RUN_H
#define CLI_CMD_RUN_H

/**
 * cmd_run() - "teeline run [OPTION...] CONFIG": run as a service
 *
 * Return: an exit code (run/run.h)
 */
int cmd_run(int argc, char **argv);

#endif /* CLI_CMD_RUN_H */
