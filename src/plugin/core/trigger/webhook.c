/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.trigger.Webhook: executions by a request to a secret address. The webserver evaluates it. */
#include "doc/json.h"
#include "plugin/core/trigger/trigger.h"

static void check(const FieldCheck *check, const json_t *properties, const char *path)
{
    size_t i;
    const json_t *condition;
    json_array_foreach (json_object_get(properties, "conditions"), i, condition) {
        const char *type = json_get_text(condition, "type", "");
        if (ends_with(type, ".MultipleCondition"))
            field_report(check, properties, NULL, path,
                         "invalid webhook: conditions of type MultipleCondition are not supported");
    }
}

static const char *const response_types[] = {"application/json", "text/plain", NULL};

static const Field fields[] = {
    {"key", FIELD_STRING, FIELD_REQUIRED | FIELD_DYNAMIC, .length_max = 256, .doc = "The secret end of the address."},
    {"inputs", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_ANY, .doc = "Inputs, rendered with the request's values."},
    {"wait", FIELD_BOOLEAN, .fallback = "false",
     .doc = "Whether the request is answered when the execution has ended."},
    {"returnOutputs", FIELD_BOOLEAN, .fallback = "false",
     .doc = "With wait: the answer is the flow's outputs, not the execution."},
    {"responseContentType", FIELD_ENUM, .values = response_types,
     .doc = "With wait and returnOutputs: how the outputs are given. As text/plain, a single output stands alone."},
    {"responseCode", FIELD_INTEGER, FIELD_DYNAMIC,
     .doc = "With wait: status of the answer; 500 for an execution that failed, else 200."},
    {},
};

static const Field outputs[] = {
    {"body", FIELD_ANY, FIELD_REQUIRED, .doc = "Body of the request: JSON as it is, anything else as text."},
    {"headers", FIELD_MAP, FIELD_REQUIRED, .item = FIELD_LIST, .doc = "Headers of the request."},
    {"parameters", FIELD_MAP, FIELD_REQUIRED, .item = FIELD_LIST, .doc = "Query parameters of the request."},
    {},
};

const Type trigger_core_webhook = {
    .name = "io.kestra.plugin.core.trigger.Webhook",
    .aliases = (const char *const[]){"io.kestra.core.models.triggers.types.Webhook", NULL},
    .kind = TYPE_TRIGGER,
    .where = RUN_NOWHERE,
    .title = "Start the flow by an HTTP request.",
    .fields = fields,
    .outputs = outputs,
    .check = check,
};
