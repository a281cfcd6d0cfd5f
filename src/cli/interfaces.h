#ifndef CLI_INTERFACES_H
#define CLI_INTERFACES_H

#include "base/attr.h"

/*
 * interfaces.h - "teeline list interfaces" and "tap -D".
 */

struct err;
struct obuf;

/** interfaces_put() - A line for each; 0 or -errno with @err. */
int interfaces_put(struct obuf *out, struct err *err) ATTR_WUNRES;

/** interfaces_print() - The same, printed; an exit code (run/run.h). */
int interfaces_print(void);

#endif /* CLI_INTERFACES_H */
