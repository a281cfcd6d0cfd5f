#ifndef CONTROL_METRICS_PROCESS_H
#define CONTROL_METRICS_PROCESS_H

#include <stdint.h>

/*
 * metrics_process.h - metrics of the process itself.
 */

struct obuf;

/**
 * metrics_process_put() - Append them
 * @start_ns:	When it started, since the Unix epoch
 */
void metrics_process_put(struct obuf *o, uint64_t start_ns);

#endif /* CONTROL_METRICS_PROCESS_H */
