#include "base/thread.h"

void
thread_name(const char *format, ...)
{
	(void)format;
}
