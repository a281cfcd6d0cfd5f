#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "config/name.h"

int
name_check(const char *text, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t n = strlen(text);

	if (n > 0 && n <= NAME_MAX_LEN && strspn(text, allowed) == n)
		return 0;
	return err_set(err, -EINVAL,
	    "\"%.64s\" is no name: 1 to %d letters, digits, dots, dashes and "
	    "underscores",
	    text, NAME_MAX_LEN);
}
