#ifndef CONTROL_API_BYTES_H
#define CONTROL_API_BYTES_H

/*
 * api_bytes.h - what is still kept of a session, as a file.
 */

struct http_request;

/** api_bytes() - GET /api/v1/sessions/ID/bytes */
void api_bytes(struct http_request *rq);

#endif /* CONTROL_API_BYTES_H */
