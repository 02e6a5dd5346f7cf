/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the tasks over namespace files share. */
#include "blob/blob.h"
#include "plugin/run.h"

/* URI prefix of the files of property `namespace`; caller frees. RUN_E_FAILED (logged), also where there is no storage.
 */
int namespace_task_prefix(RunContext *run, char **ret) _must_check_;
/* Paths (→ URI) below the prefix that match property `files`: texts with globs. New object. RUN_E_FAILED (logged). */
int namespace_task_find(RunContext *run, const char *prefix, json_t **ret) _must_check_;
/* "a" and "b/c" → "a/b/c"; slashes at the ends go, so that the path stays below whatever it is put. Caller frees. */
char *namespace_task_join(const char *directory, const char *path);
/* Copies one object. RUN_E_FAILED (logged). */
int namespace_task_copy(RunContext *run, const char *from, const char *to) _must_check_;
