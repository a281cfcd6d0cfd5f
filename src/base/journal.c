#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/journal.h"

/* As long as one of log.h can become. */
#define MAX_LINE 1280

/* Of syslog(3), which are those of the journal. */
static const char *const priorities[] = {
	[LOG_LEVEL_ERROR] = "<3>",
	[LOG_LEVEL_WARN] = "<4>",
	[LOG_LEVEL_INFO] = "<6>",
	[LOG_LEVEL_DEBUG] = "<7>",
};
static_assert(ATTR_COUNT(priorities) == LOG_NLEVELS, "one for each level");

bool
journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	(void)snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

void
journal_write(void *self, enum log_level level, const char *line)
{
	char text[MAX_LINE];
	int n = snprintf(text, sizeof(text), "%s%s\n", priorities[level], line);

	(void)self;
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text)) {
		n = (int)sizeof(text) - 1;
		text[n - 1] = '\n';
	}
	/* There is nobody left to tell when stderr itself fails. */
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		return;
}
