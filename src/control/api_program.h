#ifndef CONTROL_API_PROGRAM_H
#define CONTROL_API_PROGRAM_H

/*
 * api_program.h - the program itself: its sheet, its inputs, what it says, its
 * end.
 */

struct http_request;

/** api_program_stats() - GET /api/v1/stats */
void api_program_stats(struct http_request *rq);

/** api_program_inputs() - GET /api/v1/inputs */
void api_program_inputs(struct http_request *rq);

/** api_program_log() - GET /api/v1/log */
void api_program_log(struct http_request *rq);

/** api_program_set_log() - PUT /api/v1/log {"level": "info"} */
void api_program_set_log(struct http_request *rq);

/** api_program_drain() - POST /api/v1/drain */
void api_program_drain(struct http_request *rq);

/** api_program_version() - GET /api/v1/version */
void api_program_version(struct http_request *rq);

#endif /* CONTROL_API_PROGRAM_H */
