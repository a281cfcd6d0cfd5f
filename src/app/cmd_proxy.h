#ifndef APP_CMD_PROXY_H
#define APP_CMD_PROXY_H

/**
 * cmd_proxy() - "teeline proxy [OPTION...] LISTEN TARGET"
 *
 * Return: an exit code (app/run.h)
 */
int cmd_proxy(int argc, char **argv);

#endif /* APP_CMD_PROXY_H */
