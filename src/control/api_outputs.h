#ifndef CONTROL_API_OUTPUTS_H
#define CONTROL_API_OUTPUTS_H

/*
 * api_outputs.h - the sinks of the run, as they come and go.
 */

struct api;
struct http_request;

/** api_outputs_list() - GET /api/v1/outputs */
void api_outputs_list(struct http_request *rq);

/** api_outputs_one() - GET /api/v1/outputs/NAME */
void api_outputs_one(struct http_request *rq);

/** api_outputs_add() - POST /api/v1/outputs {"output": "KIND:ARG"} */
void api_outputs_add(struct http_request *rq);

/** api_outputs_remove() - DELETE /api/v1/outputs/NAME */
void api_outputs_remove(struct http_request *rq);

/** api_outputs_rotate() - POST /api/v1/outputs/NAME/rotate */
void api_outputs_rotate(struct http_request *rq);

/** api_outputs_forget() - The backend calls nothing any more. */
void api_outputs_forget(struct api *api);

#endif /* CONTROL_API_OUTPUTS_H */
