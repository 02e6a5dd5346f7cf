/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the kv tasks share. */
#include "plugin/kv.h"
#include "plugin/run.h"

/* Properties key and namespace (default: the flow's) rendered; the caller frees. RUN_E_FAILED (logged), also for a key
 * that is none, for a namespace that is closed to the flow (kv_access) and where there is no storage. */
int kv_task_names(RunContext *run, char **ret_namespace, char **ret_key) _must_check_;
/* Only the namespace. */
int kv_task_namespace(RunContext *run, char **ret_namespace) _must_check_;
/* Logs that storage failed. */
int kv_task_fail(RunContext *run, int r) _must_check_;

#define KV_NAMESPACE_FIELD                                                                                             \
    {                                                                                                                  \
        "namespace", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .fallback = "\"{{ flow.namespace }}\"",             \
                                                                   .doc = "Namespace of the key."                      \
    }
