/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The log of a task with logToFile: a file beside the working directories while the task runs, and one of internal
 * storage when it has ended, whose URI is the attempt's logFile. A line: `2024-01-01T10:00:00.000Z INFO message`.
 */
#include "worker/worker_private.h"

/* False (once said in the journal): it cannot be written, and the line belongs where others are. */
bool log_file_line(Job *job, int level, const char *message);
/* Its name in the temporary directory, and the URI it is to get. Caller frees. */
char *log_file_name(const Job *job);
char *log_file_uri(const Job *job);
/* The file goes, if it is still there. */
void log_file_drop(Job *job);
