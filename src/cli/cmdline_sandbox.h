#ifndef CLI_CMDLINE_SANDBOX_H
#define CLI_CMDLINE_SANDBOX_H

#include "config/option.h"

/*
 * cmdline_sandbox.h - setters of the options about the sandbox.
 */

/** cmdline_sandbox_mode() - --sandbox */
option_setter cmdline_sandbox_mode;

/** cmdline_sandbox_writable() - --writable */
option_setter cmdline_sandbox_writable;

#endif /* CLI_CMDLINE_SANDBOX_H */
