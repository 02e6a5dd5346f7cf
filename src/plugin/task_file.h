/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Files that a task may have made. What has the name of a file may be a FIFO, at which an ordinary open() waits for
 * ever, a device, or a symbolic link to somewhere else: none of them is opened, and nothing here blocks.
 */
#include "base/base.h"

/* As openat2 below the directory: no symbolic link on the way, nothing outside. Only a regular file (-EINVAL: it is
 * none). flags: of open(); O_TRUNC works on a regular file alone. Close-on-exec. -errno, which errno holds too. */
int task_file_open(int directory, const char *name, int flags, unsigned mode);
/* The same for a name below the directory of that path. */
int task_file_open_below(const char *directory, const char *name, int flags, unsigned mode);
/* Why it failed, in words. Caller frees. */
char *task_file_explain(int r);
