/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The property namespaceFiles {enabled, include, exclude}: files of the flow's namespace in the working directory. */
#include "plugin/run.h"

/* Stands in a directory that was made empty: storage knows no directories. No file to anybody. */
#define NAMESPACE_FILES_MARKER ".directory"
bool namespace_files_is_marker(const char *path);

/* Nothing when the property is absent or not enabled. RUN_E_FAILED (logged). */
int namespace_files_write(RunContext *run) _must_check_;
