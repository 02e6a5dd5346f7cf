/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the state tasks share: a map kept under a key of the flow's (or the namespace's) key-value store. */
#include "plugin/kv.h"
#include "plugin/run.h"

/* The key of properties name, namespace and taskrunValue. Caller frees. RUN_E_FAILED (logged). */
int state_task_key(RunContext *run, char **ret_key) _must_check_;
/* The stored map, or an empty one; new. *ret_exists may be NULL. RUN_E_FAILED (logged). */
int state_task_load(RunContext *run, const char *key, bool *ret_exists, json_t **ret) _must_check_;
const char *state_task_namespace(const RunContext *run);

#define STATE_FIELDS                                                                                                   \
    {"name", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .fallback = "\"default\"", .doc = "Name of the state."},    \
        {"namespace", FIELD_BOOLEAN, FIELD_EXPRESSION, .fallback = "false",                                            \
         .doc = "Share it among all flows of the namespace."},                                                         \
    {                                                                                                                  \
        "taskrunValue", FIELD_BOOLEAN, FIELD_EXPRESSION, .fallback = "true",                                           \
                                                         .doc = "Inside a ForEach: one state for each value."          \
    }
