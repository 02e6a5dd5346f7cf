/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.DayWeek: the day of the week. */
#include "doc/json.h"
#include "plugin/condition.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    ConditionDate date;
    int r = condition_date(context, condition, &date, diag);
    if (r != 0)
        return r;
    *ret = streq(condition_weekdays[date.weekday], json_get_text(condition, "dayOfWeek", ""));
    return 0;
}

static const Field fields[] = {
    CONDITION_FIELD_DATE,
    {"dayOfWeek", FIELD_ENUM, FIELD_REQUIRED, .values = condition_weekdays, .doc = "The wanted day."},
    {},
};

const Type condition_core_day_week = {
    .name = "io.kestra.plugin.core.condition.DayWeek",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.DayWeekCondition",
                                     "io.kestra.plugin.core.condition.DayWeekCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "A date is a day of the week.",
    .fields = fields,
    .by_date = true,
    .holds = holds,
};
