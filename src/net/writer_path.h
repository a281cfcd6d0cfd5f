#ifndef NET_WRITER_PATH_H
#define NET_WRITER_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

#include "base/attr.h"
#include "base/outfile.h"

/*
 * writer_path.h - names of files, and making files under them.
 *
 * For net/writer*.c, and whoever has to know their folders before they do.
 */

/**
 * writer_path_stem() - How much of @path comes before its extension
 *
 * That is where numbers go: "x-2.log".  All of it when its last part has none.
 */
size_t writer_path_stem(const char *path);

/**
 * writer_path_is_special() - A pipe, a device: is it there, and no file?
 *
 * It makes no sense to make such a thing new, to cut it, or to rename it.
 */
bool writer_path_is_special(const char *path);

/**
 * writer_path_make_folders() - Make the folders of a file that are missing
 * @path:	Up to its last '/'; changed and changed back
 *
 * Mode 0700: they belong to whoever runs the program.  Return: 0 or -errno
 */
int writer_path_make_folders(char *path) ATTR_WUNRES;

/**
 * writer_path_open() - Open for writing, with O_CREAT also missing folders
 * @path:	Changed and changed back
 *
 * Return: as outfile_open()
 */
int writer_path_open(
    char *path, int flags, mode_t mode, enum outfile_what what) ATTR_WUNRES;

/**
 * writer_path_make_unique() - Make the first of "x-2.log", "x-3.log", ...
 * @path:	On the heap; on success replaced by the name that was free
 *
 * Return: a descriptor or -errno
 */
int writer_path_make_unique(char **path, mode_t mode) ATTR_WUNRES;

/**
 * writer_path_give() - Rename without ever taking the place of another file
 *
 * Return: 0; -EEXIST; -ENOENT: @from is not there; another -errno
 */
int writer_path_give(const char *from, const char *to) ATTR_WUNRES;

/**
 * writer_path_move() - Rename to @to, or to the first of "to-2", "to-3", ...
 * @path:	On the heap; on success replaced by the name that was free
 *
 * Return: 0 or -errno
 */
int writer_path_move(char **path, const char *to) ATTR_WUNRES;

#endif /* NET_WRITER_PATH_H */
