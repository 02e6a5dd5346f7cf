/* SPDX-License-Identifier: Apache-2.0 */
/* The flow itself as field tables: its properties, outputs, listeners, concurrency and service level agreements. */
#include "model/flow_private.h"

#define ID_PATTERN "^[a-zA-Z0-9][a-zA-Z0-9._-]*"

const char *const names_of_value_types[] = {"STRING",   "ENUM",  "SELECT",      "INT",      "FLOAT", "BOOLEAN", "BOOL",
                                            "DATETIME", "DATE",  "TIME",        "DURATION", "FILE",  "JSON",    "URI",
                                            "SECRET",   "ARRAY", "MULTISELECT", "YAML",     "EMAIL", NULL};

const Field fields_of_output[] = {
    {"id", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY, .pattern = "^[a-zA-Z0-9][.a-zA-Z0-9_-]*",
     .doc = "Name of the output."},
    {"description", FIELD_STRING, .doc = "What the output is."},
    {"value", FIELD_ANY, FIELD_REQUIRED | FIELD_DYNAMIC, .doc = "An expression, rendered when the execution ends."},
    {"type", FIELD_ENUM, FIELD_REQUIRED, .values = names_of_value_types, .doc = "What the value is read as."},
    {"itemType", FIELD_ENUM, .values = names_of_value_types, .doc = "What the items of an ARRAY are read as."},
    {"displayName", FIELD_STRING, .length_max = 64, .doc = "Name for people."},
    {},
};

static const Field listener_fields[] = {
    {"description", FIELD_STRING, .doc = "What the listener is for."},
    {"conditions", FIELD_CONDITIONS, .doc = "When its tasks run."},
    {"tasks", FIELD_TASKS, FIELD_NOT_EMPTY, .doc = "What runs after the execution ended."},
    {},
};

static const char *const concurrency_behaviors[] = {"QUEUE", "CANCEL", "FAIL", NULL};

static const Field concurrency_fields[] = {
    {"limit", FIELD_INTEGER, FIELD_REQUIRED | FIELD_POSITIVE, .doc = "Executions that may run at the same time."},
    {"behavior", FIELD_ENUM, .values = concurrency_behaviors, .fallback = "\"QUEUE\"",
     .doc = "What happens to an execution beyond the limit."},
    {},
};

static const Field plugin_default_fields[] = {
    {"type", FIELD_STRING, .doc = "A type, or the beginning of one."},
    {"forced", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether the values win over those of the task."},
    {"values", FIELD_MAP, .item = FIELD_ANY, .doc = "Values of its properties."},
    {},
};

const Field fields_of_flow[] = {
    {"id", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY | FIELD_HAS_MINIMUM, .pattern = ID_PATTERN, .minimum = 1,
     .length_max = 100, .doc = "Name of the flow; unique in its namespace."},
    {"namespace", FIELD_STRING, FIELD_REQUIRED | FIELD_HAS_MINIMUM, .pattern = "^[a-z0-9][a-z0-9._-]*", .minimum = 1,
     .length_max = 150, .doc = "The namespace that the flow belongs to."},
    {"tenantId", FIELD_STRING, .pattern = "^[a-z0-9][a-z0-9_-]*", .doc = "Not used."},
    {"revision", FIELD_INTEGER, FIELD_HAS_MINIMUM, .minimum = 1, .doc = "Ignored: the store counts revisions."},
    {"description", FIELD_STRING, .doc = "What the flow is for; Markdown."},
    {"disabled", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether the flow cannot be started."},
    {"deleted", FIELD_BOOLEAN, .fallback = "false", .doc = "Ignored."},
    {"labels", FIELD_MAP_OR_LIST, .doc = "Labels of the flow and of its executions."},
    {"inputs", FIELD_INPUTS, .doc = "What an execution is given."},
    {"variables", FIELD_MAP, .item = FIELD_ANY, .doc = "Values for expressions, as vars."},
    {"tasks", FIELD_TASKS, FIELD_NOT_EMPTY, .doc = "What runs, one after another."},
    {"errors", FIELD_TASKS, .doc = "What runs when a task failed."},
    {"finally", FIELD_TASKS, .doc = "What runs at the end in any case."},
    {"afterExecution", FIELD_TASKS, .doc = "What runs after the execution has its final state."},
    {"listeners", FIELD_LIST, FIELD_DEPRECATED, .item = FIELD_OBJECT, .fields = listener_fields,
     .doc = "Deprecated: use a Flow trigger."},
    {"triggers", FIELD_TRIGGERS, .doc = "What starts the flow."},
    {"outputs", FIELD_LIST, .item = FIELD_OBJECT, .fields = fields_of_output, .doc = "What an execution gives."},
    {"pluginDefaults", FIELD_LIST, .item = FIELD_OBJECT, .fields = plugin_default_fields,
     .doc = "Values that all tasks of a type get."},
    {"taskDefaults", FIELD_LIST, FIELD_DEPRECATED, .item = FIELD_OBJECT, .fields = plugin_default_fields,
     .doc = "Deprecated name of pluginDefaults."},
    {"concurrency", FIELD_OBJECT, .fields = concurrency_fields, .doc = "How many executions may run at once."},
    {"retry", FIELD_OBJECT, .doc = "When and how often a failed execution is tried again."},
    {"sla", FIELD_LIST, .item = FIELD_OBJECT, .doc = "What an execution must keep to."},
    {},
};

const Field fields_of_dag_node[] = {
    {"task", FIELD_TASK, FIELD_REQUIRED, .doc = "The task."},
    {"dependsOn", FIELD_LIST, .doc = "Ids of the tasks that must have ended before."},
    {},
};

static const char *const sla_behaviors[] = {"FAIL", "CANCEL", "NONE", NULL};

const Field fields_of_every_sla[] = {
    {"id", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "Name of the agreement."},
    {"type", FIELD_STRING, FIELD_REQUIRED, .doc = "MAX_DURATION or EXECUTION_ASSERTION."},
    {"behavior", FIELD_ENUM, FIELD_REQUIRED, .values = sla_behaviors, .doc = "What happens when it is violated."},
    {"labels", FIELD_MAP_OR_LIST, .doc = "Labels that a violation adds."},
    {},
};

static const Field max_duration_fields[] = {
    {"duration", FIELD_DURATION, FIELD_REQUIRED, .doc = "How long an execution may take."},
    {},
};

static const Field assertion_fields[] = {
    {"assert", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "An expression that must stay true."},
    {},
};

const Variant sla_variants[] = {
    {"MAX_DURATION", "io.kestra.core.models.flows.sla.types.MaxDurationSLA", max_duration_fields, NULL, false},
    {"EXECUTION_ASSERTION", "io.kestra.core.models.flows.sla.types.ExecutionAssertionSLA", assertion_fields, NULL,
     false},
    {},
};
