/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files between internal storage and a task's working directory (spec/semantics.md section 11). */
#include "plugin/run.h"

/* Opens `name` below the working directory for writing; missing directories are made. Refused (logged): a name that
 * leads out of it, also by a symbolic link. */
int script_files_create(RunContext *run, const char *name, int *ret_fd) _must_check_;
/* Writes the property inputFiles: path → text, or kestra:// URI whose content is copied. RUN_E_FAILED (logged). */
int script_files_write(RunContext *run) _must_check_;
/* The same for a given map. */
int script_files_write_map(RunContext *run, const json_t *files) _must_check_;
/* All of a file of internal storage, with a terminator; caller frees. RUN_E_FAILED (logged), also for more than
 * bytes_max. */
int script_files_read(RunContext *run, const char *uri, size_t bytes_max, char **ret_bytes,
                      size_t *ret_length) _must_check_;
/* The text with every kestra:// URI in it replaced by the path of a local copy. Caller frees. */
int script_files_localize(RunContext *run, const char *text, char **ret) _must_check_;
/* Writes bytes to a new file of the working directory; its path, caller frees. extension: ".py" or "". */
int script_files_temporary(RunContext *run, const char *bytes, size_t length, const char *extension,
                           char **ret) _must_check_;
/* Uploads what matches the globs (list of texts, or NULL) below `directory`: path → URI; new object. */
int script_files_collect(RunContext *run, const char *directory, const json_t *globs, json_t **ret) _must_check_;
/* Uploads one file, path below the directory, under the task run's prefix; its URI, caller frees. name: as it is to
 * appear in the URI. */
int script_files_upload(RunContext *run, const char *directory, const char *path, const char *name,
                        char **ret_uri) _must_check_;
/* Does `work` with a storage whose writes cost one flush in all; they are there when this returns 0 (blob_batch_new).
 */
int script_files_batch(RunContext *run, int (*work)(RunContext *run, void *userdata), void *userdata) _must_check_;
/* The prefix of this task run's files in storage, kestra:///…. Caller frees. */
char *script_files_prefix(const RunContext *run);
