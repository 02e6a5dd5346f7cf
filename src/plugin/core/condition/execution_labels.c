/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.ExecutionLabels: labels of the other execution. */
#include "doc/json.h"
#include "plugin/condition.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    _cleanup_json_ json_t *labels = NULL;
    if (labels_decode(json_object_get(condition, "labels"), &labels) != 0)
        return condition_refuse(diag, "labels must be a map or a list");
    *ret = context->execution != NULL;
    size_t i;
    const json_t *label;
    json_array_foreach (labels, i, label) {
        const char *value = *ret ? label_get(context->execution->labels, json_get_text(label, "key", "")) : NULL;
        *ret = value && streq(value, json_get_text(label, "value", ""));
    }
    return 0;
}

static const Field fields[] = {
    {"labels", FIELD_MAP_OR_LIST, FIELD_REQUIRED, .doc = "Labels that must all be there."},
    {},
};

const Type condition_core_execution_labels = {
    .name = "io.kestra.plugin.core.condition.ExecutionLabels",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.ExecutionLabelsCondition",
                                     "io.kestra.plugin.core.condition.ExecutionLabelsCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "An execution has certain labels.",
    .fields = fields,
    .holds = holds,
};
