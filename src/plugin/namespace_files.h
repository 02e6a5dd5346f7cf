/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The property namespaceFiles {enabled, include, exclude}: files of the flow's namespace in the working directory. */
#include "plugin/run.h"

/* Nothing when the property is absent or not enabled. RUN_E_FAILED (logged). */
int namespace_files_write(RunContext *run) _must_check_;
