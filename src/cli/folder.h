#ifndef CLI_FOLDER_H
#define CLI_FOLDER_H

#include "base/attr.h"

/**
 * folder_make() - Make a folder, and those above it
 * @path:	Changed and changed back
 *
 * Mode 0777 less the umask.  Return: 0, also if it was there, or -errno
 */
int folder_make(char *path) ATTR_WUNRES;

/** folder_make_for() - The same for the folder of a file. */
int folder_make_for(const char *file) ATTR_WUNRES;

#endif /* CLI_FOLDER_H */
