#ifndef SOURCE_CAPTURE_LIST_H
#define SOURCE_CAPTURE_LIST_H

#include <stddef.h>

/*
 * capture_list.h - the interfaces there are (capture_list(), capture.h), as a
 * sentence needs them.
 */

/** capture_list_names() - "eth0, any, lo"; @buf of @size bytes; returns it. */
const char *capture_list_names(char *buf, size_t size);

#endif /* SOURCE_CAPTURE_LIST_H */
