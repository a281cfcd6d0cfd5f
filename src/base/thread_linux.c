#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "base/thread.h"

void
thread_name(const char *format, ...)
{
	char name[THREAD_NAME_MAX + 1];
	va_list values;

	va_start(values, format);
	(void)vsnprintf(name, sizeof(name), format, values);
	va_end(values);
	/* Fails for bad addresses only. */
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}
