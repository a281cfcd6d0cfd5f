#ifndef CLI_CMD_PROXY_H
#define CLI_CMD_PROXY_H

/**
 * cmd_proxy() - "teeline proxy [OPTION...] LISTEN TARGET"
 *
 * Return: an exit code (run/run.h)
 */
int cmd_proxy(int argc, char **argv);

#endif /* CLI_CMD_PROXY_H */
