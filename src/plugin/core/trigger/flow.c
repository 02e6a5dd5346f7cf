/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.trigger.Flow: executions when executions of other flows change state. The executor evaluates
 * it. */
#include "doc/json.h"
#include "plugin/core/trigger/trigger.h"

static const char *const filter_fields_values[] = {"FLOW_ID", "NAMESPACE", "STATE", "EXPRESSION", NULL};
static const char *const filter_types[] = {"EQUAL_TO", "NOT_EQUAL_TO", "IN",          "NOT_IN",      "IS_TRUE",
                                           "IS_FALSE", "IS_NULL",      "IS_NOT_NULL", "STARTS_WITH", "ENDS_WITH",
                                           "REGEX",    "CONTAINS",     NULL};
static const char *const operands[] = {"AND", "OR", NULL};

static const Field upstream_fields[] = {
    {"namespace", FIELD_STRING, FIELD_REQUIRED, .doc = "Namespace of the other flow."},
    {"flowId", FIELD_STRING, .doc = "Id of the other flow; any when absent."},
    {"states", FIELD_LIST, .item = FIELD_ENUM, .values = trigger_states, .doc = "States of its execution."},
    {"labels", FIELD_MAP_OR_LIST, .doc = "Labels that its execution must have."},
    {},
};

static const Field filter_fields[] = {
    {"field", FIELD_ENUM, FIELD_REQUIRED, .values = filter_fields_values, .doc = "What is looked at."},
    {"type", FIELD_ENUM, FIELD_REQUIRED, .values = filter_types, .doc = "How it is compared."},
    {"value", FIELD_STRING, FIELD_DYNAMIC, .doc = "What it is compared with."},
    {"values", FIELD_LIST, .doc = "What it is compared with, for IN and NOT_IN."},
    {},
};

static const Field where_fields[] = {
    {"id", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "Name of the condition."},
    {"operand", FIELD_ENUM, .values = operands, .fallback = "\"AND\"", .doc = "Whether all or one filter must hold."},
    {"filters", FIELD_LIST, FIELD_REQUIRED | FIELD_NOT_EMPTY, .item = FIELD_OBJECT, .fields = filter_fields,
     .doc = "What an execution must be like."},
    {},
};

static const Field precondition_fields[] = {
    {"id", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY, .pattern = "^[a-zA-Z0-9][a-zA-Z0-9_-]*",
     .doc = "Name under which what has come true is kept."},
    {"timeWindow", FIELD_OBJECT, .fields = trigger_time_window, .doc = "Time in which all must come true."},
    {"resetOnSuccess", FIELD_BOOLEAN, .fallback = "true", .doc = "Whether it begins anew after the flow was started."},
    {"flows", FIELD_LIST, .item = FIELD_OBJECT, .fields = upstream_fields, .doc = "Flows that must have ended."},
    {"where", FIELD_LIST, .item = FIELD_OBJECT, .fields = where_fields, .doc = "Executions that must have happened."},
    {},
};

static bool is_list_type(const char *type)
{
    return streq(type, "IN") || streq(type, "NOT_IN");
}

static void check_filter(const FieldCheck *check, const json_t *filter, const char *path)
{
    const char *type = json_get_text(filter, "type", NULL);
    if (!type)
        return;
    bool has_value = json_object_get(filter, "value") != NULL;
    bool has_values = json_object_get(filter, "values") != NULL;
    if (is_list_type(type) && !has_values)
        field_report(check, filter, NULL, path, "`values` cannot be null for type %s", type);
    if (is_list_type(type) && has_value)
        field_report(check, filter, NULL, path, "`value` must be null for type %s", type);
    if (!is_list_type(type) && !has_value)
        field_report(check, filter, NULL, path, "`value` cannot be null for type %s", type);
    if (!is_list_type(type) && has_values)
        field_report(check, filter, NULL, path, "`values` must be null for type %s", type);
}

static void check(const FieldCheck *check, const json_t *properties, const char *path)
{
    const json_t *preconditions = json_object_get(properties, "preconditions");
    if (!preconditions && !json_object_get(properties, "when") &&
        !json_array_size(json_object_get(properties, "conditions")))
        diag_warning(
            check->diag, path, 0, 0,
            "This flow will be triggered for EVERY execution of EVERY flow on your instance. We recommend adding "
            "the preconditions property to the Flow trigger '%s'.",
            json_get_text(properties, "id", ""));
    size_t i, k;
    const json_t *where, *filter;
    json_array_foreach (json_object_get(preconditions, "where"), i, where) {
        json_array_foreach (json_object_get(where, "filters"), k, filter) {
            _cleanup_free_ char *filter_path = xasprintf("%s.preconditions.where[%zu].filters[%zu]", path, i, k);
            check_filter(check, filter, filter_path);
        }
    }
}

static const Field fields[] = {
    {"states", FIELD_LIST, .item = FIELD_ENUM, .values = trigger_states,
     .fallback = "[\"SUCCESS\",\"WARNING\",\"FAILED\",\"KILLED\",\"CANCELLED\",\"RETRIED\",\"SKIPPED\"]",
     .doc = "States of the other execution that count."},
    {"inputs", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_ANY,
     .doc = "Inputs, rendered with the other execution's values."},
    {"preconditions", FIELD_OBJECT, .fields = precondition_fields, .doc = "Executions that must all have happened."},
    {},
};

static const Field outputs[] = {
    {"executionId", FIELD_STRING, FIELD_REQUIRED, .doc = "Id of the other execution."},
    {"namespace", FIELD_STRING, FIELD_REQUIRED, .doc = "Its namespace."},
    {"flowId", FIELD_STRING, FIELD_REQUIRED, .doc = "Its flow."},
    {"flowRevision", FIELD_INTEGER, FIELD_REQUIRED, .doc = "Revision of its flow."},
    {"state", FIELD_ENUM, FIELD_REQUIRED, .values = trigger_states, .doc = "Its state."},
    {},
};

const Type trigger_core_flow = {
    .name = "io.kestra.plugin.core.trigger.Flow",
    .aliases = (const char *const[]){"io.kestra.core.models.triggers.types.Flow", NULL},
    .kind = TYPE_TRIGGER,
    .where = RUN_NOWHERE,
    .follows_flow = true,
    .title = "Start the flow when other flows' executions change state.",
    .fields = fields,
    .outputs = outputs,
    .check = check,
};
