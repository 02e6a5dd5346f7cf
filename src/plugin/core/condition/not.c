/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.Not: none of some conditions. */
#include "doc/json.h"
#include "plugin/condition.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    bool any = false;
    size_t i;
    const json_t *inner;
    json_array_foreach (json_object_get(condition, "conditions"), i, inner) {
        bool one = false;
        int r = condition_holds(inner, context, &one, diag);
        if (r != 0)
            return r;
        any = any || one;
    }
    *ret = !any;
    return 0;
}

static const Field fields[] = {
    {"conditions", FIELD_CONDITIONS, FIELD_NOT_EMPTY, .doc = "The conditions."},
    {},
};

const Type condition_core_not = {
    .name = "io.kestra.plugin.core.condition.Not",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.NotCondition",
                                     "io.kestra.plugin.core.condition.NotCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "None of several conditions is true.",
    .fields = fields,
    .by_date = true,
    .holds = holds,
};
