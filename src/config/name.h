#ifndef CONFIG_NAME_H
#define CONFIG_NAME_H

#include "base/attr.h"

struct err;

/* Longest name, without its end. */
#define NAME_MAX_LEN 64

/**
 * name_check() - May an input or an output be called this?
 * @err:	Quotes it and says what would be right
 *
 * Names are labels of metrics and parts of URLs and file names: nothing to be
 * quoted.  Return: 0 or -EINVAL
 */
int name_check(const char *text, struct err *err) ATTR_WUNRES;

#endif /* CONFIG_NAME_H */
