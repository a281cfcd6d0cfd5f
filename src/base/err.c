#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

int
err_set(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return errnum;
	va_start(ap, fmt);
	/* A cut sentence is still a sentence; nothing to do about it. */
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return errnum;
}

void
err_prefix(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->text)];
	va_list ap;
	int n;

	if (e == NULL)
		return;
	memcpy(old, e->text, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(e->text))
		(void)snprintf(
		    e->text + n, sizeof(e->text) - (size_t)n, "%s", old);
}
