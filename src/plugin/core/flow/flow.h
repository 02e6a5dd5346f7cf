/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the flowable types of this folder share: rows of their property tables, loop values, stored decisions. */
#include "doc/json.h"
#include "plugin/flowable.h"

#define FLOW_FIELD_TASKS(field_flags)                                                                                  \
    {                                                                                                                  \
        .name = "tasks", .kind = FIELD_TASKS, .flags = (field_flags), .doc = "The tasks that this one runs."           \
    }
#define FLOW_FIELD_ERRORS                                                                                              \
    {                                                                                                                  \
        .name = "errors", .kind = FIELD_TASKS, .doc = "Tasks that run after one of the tasks has failed."              \
    }
#define FLOW_FIELD_FINALLY                                                                                             \
    {                                                                                                                  \
        .name = "finally", .kind = FIELD_TASKS, .doc = "Tasks that run at the end, whatever happened before."          \
    }
#define FLOW_FIELD_CONCURRENT                                                                                          \
    {                                                                                                                  \
        .name = "concurrent", .kind = FIELD_INTEGER, .fallback = "0",                                                  \
        .doc = "How many of the tasks run at the same time; 0 is no limit."                                            \
    }

/* Plan of `tasks`, one after another. */
void flow_plan_sequential(const FlowableContext *context, FlowablePlan *ret);
/* The integer property, a non-negative number, or fallback. */
unsigned flow_limit(const FlowableContext *context, const char *property, unsigned fallback);
/* The list of texts that the property (a text that renders to a JSON array or object, or a list) stands for, each value
 * once; the one rendered when the run was opened, if there is one. FLOWABLE_E_FAILED with diag. New. */
int flow_values(const FlowableContext *context, const char *property, json_t **ret) _must_check_;
/* The property as text after rendering; NULL in *ret when absent. FLOWABLE_E_FAILED with diag. Caller frees. */
int flow_text(const FlowableContext *context, const char *property, char **ret) _must_check_;
/* Property rendered and read as duration; 0 when absent. FLOWABLE_E_FAILED with diag. */
int flow_duration(const FlowableContext *context, const ExprTree *tree, usec_t *ret) _must_check_;
