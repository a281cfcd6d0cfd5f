#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include "cli/folder.h"

static int
make_one(const char *path)
{
	struct stat st;

	if (mkdir(path, 0777) == 0)
		return 0;
	/* Where nothing may be made (EROFS, EACCES) it may be there yet. */
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : -errno;
}

int
folder_make(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		int rc;

		*slash = '\0';
		rc = make_one(path);
		*slash = '/';
		if (rc != 0)
			return rc;
	}
	return make_one(path);
}

int
folder_make_for(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *path;
	int rc;

	if (slash == NULL || slash == file)
		return 0;
	path = strndup(file, (size_t)(slash - file));
	if (path == NULL)
		return -ENOMEM;
	rc = folder_make(path);
	free(path);
	return rc;
}
