/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.trigger.ScheduleOnDates: executions at given dates. The scheduler evaluates it. */
#include "doc/json.h"
#include "plugin/core/trigger/trigger.h"
#include "when/duration.h"

static void check(const FieldCheck *check, const json_t *properties, const char *path)
{
    const char *zone = json_get_text(properties, "timezone", NULL);
    if (zone && !strstr(zone, "{{") && !zone_is_known(zone))
        field_report(check, properties, "timezone", path, "timezone '(%s)' is not a valid time-zone ID", zone);
}

static const Field fields[] = {
    {"dates", FIELD_LIST, FIELD_REQUIRED | FIELD_DYNAMIC, .item = FIELD_DATE_TIME, .doc = "Dates with offset."},
    {"timezone", FIELD_STRING, FIELD_DYNAMIC, .doc = "Time zone of the dates in the execution's variables."},
    {"inputs", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_ANY, .doc = "Inputs of the executions."},
    {"recoverMissedSchedules", FIELD_ENUM, .values = trigger_recovers,
     .doc = "Which dates that were missed are made up for at start."},
    {},
};

const Type trigger_core_schedule_on_dates = {
    .name = "io.kestra.plugin.core.trigger.ScheduleOnDates",
    .kind = TYPE_TRIGGER,
    .where = RUN_NOWHERE,
    .title = "Start the flow at the dates of a list.",
    .fields = fields,
    .check = check,
};
