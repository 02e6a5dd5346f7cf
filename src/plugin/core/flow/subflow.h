/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the tasks that start executions of other flows share: Subflow, and ForEachItem for each of its pieces. */
#include "plugin/core/flow/flow.h"

#define SUBFLOW_FIELDS_OF_CHILD                                                                                        \
    {.name = "revision",                                                                                               \
     .kind = FIELD_INTEGER,                                                                                            \
     .flags = FIELD_HAS_MINIMUM,                                                                                       \
     .minimum = 1,                                                                                                     \
     .doc = "Its revision; the latest by default."},                                                                   \
        {.name = "inputs",                                                                                             \
         .kind = FIELD_MAP,                                                                                            \
         .flags = FIELD_DYNAMIC,                                                                                       \
         .item = FIELD_ANY,                                                                                            \
         .doc = "Inputs of the child."},                                                                               \
        {.name = "labels", .kind = FIELD_MAP_OR_LIST, .flags = FIELD_DYNAMIC, .doc = "Labels of the child."},          \
        {.name = "inheritLabels",                                                                                      \
         .kind = FIELD_BOOLEAN,                                                                                        \
         .fallback = "false",                                                                                          \
         .doc = "Whether the child gets the labels of this execution."},                                               \
        {.name = "wait",                                                                                               \
         .kind = FIELD_BOOLEAN,                                                                                        \
         .fallback = "true",                                                                                           \
         .doc = "Whether to wait until the child has ended."},                                                         \
        {.name = "transmitFailed",                                                                                     \
         .kind = FIELD_BOOLEAN,                                                                                        \
         .fallback = "true",                                                                                           \
         .doc = "Whether the task fails when the child failed (needs wait)."},                                         \
    {                                                                                                                  \
        .name = "scheduleDate", .kind = FIELD_DATE_TIME, .flags = FIELD_DYNAMIC,                                       \
        .doc = "The child begins at this date and not at once."                                                        \
    }

/* What the executor is asked for, by the properties. Type.carry_out. */
int subflow_action(struct FlowableContext *context, struct ExecutorAction *ret) _must_check_;
