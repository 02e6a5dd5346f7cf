/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.DayWeekInMonth: the first Monday of the month, the last Friday … */
#include "doc/json.h"
#include "plugin/condition.h"

static const char *const places[] = {"FIRST", "SECOND", "THIRD", "FOURTH", "LAST", NULL};

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    ConditionDate date;
    int r = condition_date(context, condition, &date, diag);
    if (r != 0)
        return r;
    const char *place = json_get_text(condition, "dayInMonth", "");
    bool day_fits = streq(condition_weekdays[date.weekday], json_get_text(condition, "dayOfWeek", ""));
    bool place_fits = streq(place, "LAST") ? date.day + 7 > date.days_in_month
                                           : date.day <= 28 && streq(places[(date.day - 1) / 7], place);
    *ret = day_fits && place_fits;
    return 0;
}

static const Field fields[] = {
    CONDITION_FIELD_DATE,
    {"dayOfWeek", FIELD_ENUM, FIELD_REQUIRED, .values = condition_weekdays, .doc = "The wanted day."},
    {"dayInMonth", FIELD_ENUM, FIELD_REQUIRED, .values = places, .doc = "Which of these days in its month."},
    {},
};

const Type condition_core_day_week_in_month = {
    .name = "io.kestra.plugin.core.condition.DayWeekInMonth",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.DayWeekInMonthCondition",
                                     "io.kestra.plugin.core.condition.DayWeekInMonthCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "A date is a certain day of the week in its month.",
    .fields = fields,
    .by_date = true,
    .holds = holds,
};
