/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.Weekend: Saturday or Sunday. */
#include "doc/json.h"
#include "plugin/condition.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    ConditionDate date;
    int r = condition_date(context, condition, &date, diag);
    if (r != 0)
        return r;
    *ret = date.weekday >= 5;
    return 0;
}

static const Field fields[] = {
    CONDITION_FIELD_DATE,
    {},
};

const Type condition_core_weekend = {
    .name = "io.kestra.plugin.core.condition.Weekend",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.WeekendCondition",
                                     "io.kestra.plugin.core.condition.WeekendCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "A date is a Saturday or a Sunday.",
    .fields = fields,
    .by_date = true,
    .holds = holds,
};
