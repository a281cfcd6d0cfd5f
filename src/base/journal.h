#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include <stdbool.h>

#include "base/log.h"

/*
 * journal.h - the words of base/log.h for systemd's journal, without its
 * library (sd-daemon(3)): a line that begins with "<3>" is an error there.
 *
 * The journal knows when a line came, and who wrote it: neither is repeated.
 */

/**
 * journal_is_stderr() - Does the journal read our standard error?
 *
 * $JOURNAL_STREAM names the stream that we were started with, since then
 * standard error may have become another: the two are compared.
 */
bool journal_is_stderr(void);

/** journal_write() - A log_writer; @self is not used. */
void journal_write(void *self, enum log_level level, const char *line);

#endif /* BASE_JOURNAL_H */
