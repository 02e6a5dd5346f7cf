/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.DateTimeBetween: strictly after one instant, strictly before another. */
#include "base/clock.h"
#include "doc/json.h"
#include "plugin/condition.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    ConditionDate date;
    int r = condition_date(context, condition, &date, diag);
    if (r != 0)
        return r;
    const char *after = json_get_text(condition, "after", NULL);
    const char *before = json_get_text(condition, "before", NULL);
    usec_t low = 0, high = USEC_INFINITY;
    if ((after && instant_parse(after, &low) != 0) || (before && instant_parse(before, &high) != 0))
        return condition_refuse(diag, "after or before is not a date");
    *ret = (!after || date.instant > low) && (!before || date.instant < high);
    return 0;
}

static const Field fields[] = {
    CONDITION_FIELD_DATE,
    {"after", FIELD_DATE_TIME, .doc = "The date must be after this."},
    {"before", FIELD_DATE_TIME, .doc = "The date must be before this."},
    {},
};

const Type condition_core_date_time_between = {
    .name = "io.kestra.plugin.core.condition.DateTimeBetween",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.DateTimeBetweenCondition",
                                     "io.kestra.plugin.core.condition.DateTimeBetweenCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "A date lies between two others.",
    .fields = fields,
    .by_date = true,
    .holds = holds,
};
