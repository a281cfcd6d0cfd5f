#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/terminal.h"

bool
terminal_wants_color(enum plan_color color)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	switch (color) {
	case PLAN_COLOR_ALWAYS:
		return true;
	case PLAN_COLOR_NEVER:
		return false;
	case PLAN_COLOR_AUTO:
		break;
	}
	return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

bool
terminal_has_utf8(void)
{
	return isatty(STDOUT_FILENO) &&
	       strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
