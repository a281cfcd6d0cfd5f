#ifndef BASE_OUTFILE_H
#define BASE_OUTFILE_H

#include <sys/types.h>

#include "base/attr.h"

/*
 * outfile.h - open files to write to, where others may have been before.
 *
 * In a folder that others can write to, /tmp above all, somebody may have laid
 * something at the name: a link to a file that is not theirs to change, a pipe
 * that holds up whoever opens it, a file that they can read.  Linux refuses
 * some of it in sticky folders (fs.protected_symlinks and its like in
 * proc_sys_fs(5)), if its administrator has said so.  Here:
 *
 *	a symbolic link		is followed if we or root have made it
 *	what is there		in a folder where everybody may write: is
 *				taken if it is ours or root's, and a file if
 *				it has no other name
 *	a pipe, a device	is taken only where our user has named it
 *
 *	a folder on the way	is a link that we or root have made, or lies
 *				where not everybody may write
 */

/** enum outfile_what - What may be there. */
enum outfile_what {
	OUTFILE_FILE,  /* a file, or nothing yet */
	OUTFILE_NAMED, /* whatever our user has named */
};

/* How long a pipe that is named may be without a reader. */
#define OUTFILE_WAIT_MS 10000

/**
 * outfile_open() - Open for writing
 * @flags:	O_CREAT, O_EXCL, O_TRUNC, O_APPEND; nothing is cut that is not
 *		taken
 * @mode:	With O_CREAT, less the umask
 *
 * The folders on the way to what is named are looked at, too.
 * Waits for nothing, but up to OUTFILE_WAIT_MS for the reader of a named pipe.
 * The descriptor blocks, and is closed by exec.
 *
 * Return: a descriptor; -ELOOP: a link of somebody else's; -EUSERS: something
 * of somebody else's; -EMLINK: a file with several names; -ENOTSUP: no file;
 * -ENXIO: nobody reads the pipe; or what open(2) says
 */
int outfile_open(const char *path, int flags, mode_t mode,
    enum outfile_what what) ATTR_WUNRES;

/**
 * outfile_check_folder() - Does a link of somebody else's lead to a folder?
 * @path:	It need not be there
 *
 * Looked for where everybody may write.  Return: 0, -ELOOP or -ENOMEM
 */
int outfile_check_folder(const char *path) ATTR_WUNRES;

/** outfile_why() - What @rc of outfile_open() means, or strerror(3). */
const char *outfile_why(int rc);

#endif /* BASE_OUTFILE_H */
