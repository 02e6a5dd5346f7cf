/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.trigger.Schedule: executions by a cron expression. The scheduler evaluates it. */
#include "doc/json.h"
#include "plugin/core/trigger/trigger.h"
#include "when/cron.h"
#include "when/duration.h"

static void check(const FieldCheck *check, const json_t *properties, const char *path)
{
    const char *zone = json_get_text(properties, "timezone", NULL);
    bool zone_known = !zone || zone_is_known(zone);
    if (!zone_known)
        field_report(check, properties, "timezone", path, "timezone '(%s)' is not a valid time-zone ID", zone);
    const char *expression = json_get_text(properties, "cron", NULL);
    if (!expression)
        return;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(cron_freep) Cron *cron = NULL;
    bool with_seconds = json_get_boolean(properties, "withSeconds", false);
    if (cron_parse(expression, with_seconds, zone_known ? zone : NULL, &cron, &diag) != 0)
        field_report(check, properties, NULL, path, "invalid cron expression '%s': %s", expression, diag_first(&diag));
}

static const Field fields[] = {
    {"cron", FIELD_STRING, FIELD_REQUIRED,
     .doc = "Minute, hour, day of month, month, day of week; or @hourly and the like."},
    {"withSeconds", FIELD_BOOLEAN, .fallback = "false",
     .doc = "Whether the expression has a field for seconds in front."},
    {"timezone", FIELD_STRING, .doc = "Time zone of the expression, such as Europe/Paris."},
    {"inputs", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_ANY, .doc = "Inputs of the executions."},
    {"lateMaximumDelay", FIELD_DURATION, .doc = "A date that is missed by more than this is left out."},
    {"recoverMissedSchedules", FIELD_ENUM, .values = trigger_recovers,
     .doc = "Which dates that were missed are made up for at start."},
    {"scheduleConditions", FIELD_CONDITIONS, FIELD_DEPRECATED, .doc = "Deprecated name of conditions."},
    {"backfill", FIELD_MAP, FIELD_DEPRECATED, .item = FIELD_ANY, .doc = "Deprecated: start a backfill instead."},
    {"interval", FIELD_DURATION, FIELD_DEPRECATED, .doc = "Not used."},
    {},
};

static const Field outputs[] = {
    {"date", FIELD_DATE_TIME, FIELD_REQUIRED, .doc = "The date that the execution is for."},
    {"next", FIELD_DATE_TIME, FIELD_REQUIRED, .doc = "The date after it."},
    {"previous", FIELD_DATE_TIME, FIELD_REQUIRED, .doc = "The date before it."},
    {},
};

const Type trigger_core_schedule = {
    .name = "io.kestra.plugin.core.trigger.Schedule",
    .aliases = (const char *const[]){"io.kestra.core.models.triggers.types.Schedule", NULL},
    .kind = TYPE_TRIGGER,
    .where = RUN_NOWHERE,
    .title = "Start the flow at the dates of a cron expression.",
    .examples = (const char *const[]){"triggers:\n"
                                      "  - id: nightly\n"
                                      "    type: io.kestra.plugin.core.trigger.Schedule\n"
                                      "    cron: \"0 3 * * *\"\n"
                                      "    timezone: Europe/Paris\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .check = check,
};
