#ifndef RUN_MANAGE_JSON_H
#define RUN_MANAGE_JSON_H

/*
 * manage_json.h - inputs and outputs of a run as JSON (control/backend.h).
 */

struct json_t;
struct manage_run;

/** manage_json_inputs() - NULL: no memory. */
struct json_t *manage_json_inputs(const struct manage_run *r);

/** manage_json_outputs() - With what became of their bytes; likewise. */
struct json_t *manage_json_outputs(const struct manage_run *r);

#endif /* RUN_MANAGE_JSON_H */
