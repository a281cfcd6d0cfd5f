#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

/*
 * err.h - one sentence about a failure, carried up to where it is printed.
 *
 * Nothing below app/ and control/ prints.  A function whose failure has a
 * story takes a struct err and fills it in exactly when it fails; the top
 * prints it once.
 */

/**
 * struct err - A fixed text buffer
 * @text:	The sentence, without a full stop or newline; "" if unset.
 *		Cut at the end when it does not fit.
 */
struct err {
	char text[512];
};

/**
 * err_set() - Fill in the sentence and hand back the error number
 * @e:		Where to; NULL is allowed and only returns @errnum
 * @errnum:	A negative errno value
 * @fmt:	As printf(3); names the thing, the value, what would be right
 *
 * Return: @errnum, so that a failing function may end with "return err_set()"
 */
int err_set(struct err *e, int errnum, const char *fmt, ...) ATTR_PRINTF(3, 4);

/**
 * err_prefix() - Put words before a sentence that is already there
 * @e:		May be NULL
 * @fmt:	As printf(3); "FILE:12: ", "--output: "
 */
void err_prefix(struct err *e, const char *fmt, ...) ATTR_PRINTF(2, 3);

#endif /* BASE_ERR_H */
