/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a script task says about how its process is kept: `limits` and `sandbox`, on the task or on its Process runner.
 */
#include "plugin/limits.h"
#include "plugin/sandbox.h"

/* The rows; the runner's win over the task's, property by property. */
#define ISOLATION_FIELDS                                                                                               \
    {"limits", FIELD_OBJECT, FIELD_DYNAMIC, .fields = fields_limits,                                                   \
     .doc = "Limits of the whole process tree. Of this server; Kestra has them for containers."},                      \
    {                                                                                                                  \
        "sandbox", FIELD_OBJECT, FIELD_DYNAMIC,                                                                        \
            .fields = fields_sandbox,                                                                                  \
            .doc = "What the process is confined to. Of this server; flows can only tighten what "                     \
                   "worker.sandbox of its settings says."                                                              \
    }

/* Fills the members of `ret`, rendered and not yet judged. */
int isolation_read(RunContext *run, ScriptContext *ret) _must_check_;
