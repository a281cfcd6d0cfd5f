#ifndef CONTROL_METRICS_H
#define CONTROL_METRICS_H

#include <stdint.h>

#include <jansson.h>

#include "http/http_server.h"

/*
 * metrics.h - the sheet, as Prometheus reads it (text format 0.0.4).
 *
 * Labels are names of inputs, interfaces and outputs, and words of ours:
 * nothing that a peer can choose.
 */

struct http_request;
struct obuf;

/**
 * struct metrics - What is shown
 * @sheet:	backend.sheet()
 * @inputs:	backend.inputs()
 * @start_ns:	When the program started, since the Unix epoch
 * @server:	What the control plane has done itself
 */
struct metrics {
	const json_t *sheet;
	const json_t *inputs;
	uint64_t start_ns;
	struct http_server_count server;
};

/** metrics_put() - Append all of them. */
void metrics_put(struct obuf *o, const struct metrics *m);

/** metrics_family() - Append HELP and TYPE: what follows is of this name. */
void metrics_family(
    struct obuf *o, const char *name, const char *type, const char *help);

/** struct metrics_label - A label; values are escaped. */
struct metrics_label {
	const char *name;
	const char *value;
};

/**
 * metrics_sample() - Append a value
 * @labels:	@n of them
 */
void metrics_sample(struct obuf *o, const char *name,
    const struct metrics_label *labels, size_t n, uint64_t value);

/** metrics_handle() - GET /metrics */
void metrics_handle(struct http_request *rq);

#endif /* CONTROL_METRICS_H */
