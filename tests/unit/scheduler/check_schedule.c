/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "plugin/registry.h"
#include "plugin/schedule.h"

#define FLOW_HEAD                                                                                                      \
    "id: nightly\nnamespace: company.team\nlabels:\n  team: storage\ninputs:\n  - id: keep\n    type: INT\n"           \
    "    defaults: 3\n  - id: who\n    type: STRING\n    required: false\n"                                            \
    "tasks:\n  - id: log\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n"                               \
    "triggers:\n  - id: clock\n    type: io.kestra.plugin.core.trigger.Schedule"

static usec_t at(const char *text)
{
    usec_t date;
    ck_assert_int_eq(instant_parse(text, &date), 0);
    return date;
}

static Flow *parse(const char *trigger)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    /* what follows the word Schedule: properties, or the rest of another type's name */
    _cleanup_free_ char *source = xasprintf("%s%s%s", FLOW_HEAD, starts_with(trigger, "OnDates") ? "" : "\n", trigger);
    Flow *flow = NULL;
    int r = flow_parse(source, strlen(source), &(FlowParse){.registry = &plugin_registry, .revision = 4}, &flow, &diag);
    ck_assert_msg(r == 0, "%s", diag_first(&diag));
    return flow;
}

static Schedule *make(const char *trigger, const char *row_text, const char *now)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(flow_unrefp) Flow *flow = parse(trigger);
    _cleanup_json_ json_t *row = NULL;
    if (row_text)
        ck_assert_int_eq(json_parse(row_text, strlen(row_text), 0, &row, NULL), 0);
    Schedule *schedule = NULL;
    int r = schedule_new(flow, &flow->triggers[0], row, at(now), &(ScheduleWorld){}, &schedule, &diag);
    ck_assert_msg(r == 0, "%s", diag_first(&diag));
    return schedule;
}

/* The execution's end opens the trigger for the next slot. */
static void end(Schedule *schedule, const char *execution_id, const char *now)
{
    _cleanup_json_ json_t *arguments = json_pack("{s:s, s:s}", "executionId", execution_id, "state", "SUCCESS");
    ck_assert_uint_eq(schedule_next(schedule), USEC_INFINITY);
    ck_assert_int_eq(schedule_change(schedule, SCHEDULE_EXECUTION_ENDED, arguments, at(now), NULL), 0);
}

/* A slot, with its execution run to its end. */
static Execution *fire(Schedule *schedule, const char *now)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    ScheduleFire firing = {.now = at(now), .execution_id = "execution1"};
    Execution *execution = NULL;
    int r = schedule_fire(schedule, &firing, &execution, &diag);
    ck_assert_msg(r == 0, "%s", diag_first(&diag));
    end(schedule, firing.execution_id, now);
    return execution;
}

#define WEEKEND "      - type: io.kestra.plugin.core.condition.Weekend\n"
#define DATES                                                                                                          \
    "OnDates\n    timezone: Europe/Paris\n    dates: ['2026-11-24T13:00:00+01:00', '2026-11-24T08:00:00Z', "           \
    "'2026-11-24T09:00:00Z', '2026-11-25T12:00:00Z', '2026-11-24T08:00:00Z']\n"

/* What the next slot is, by trigger, stored row and time. */
static const struct {
    const char *name, *trigger, *row, *now, *next;
} slots[] = {
    {"a new trigger waits for its first slot", "    cron: '0 3 * * *'\n", NULL, "2026-11-24T10:00:00Z",
     "2026-11-25T03:00:00Z"},
    {"the time zone counts", "    cron: '0 3 * * *'\n    timezone: Europe/Paris\n", NULL, "2026-11-24T10:00:00Z",
     "2026-11-25T02:00:00Z"},
    {"a stored date is kept", "    cron: '*/5 * * * *'\n",
     "{\"date\":\"2026-11-24T09:00:00Z\",\"nextExecutionDate\":\"2026-11-24T10:05:00Z\"}", "2026-11-24T10:01:00Z",
     "2026-11-24T10:05:00Z"},
    {"ALL: missed slots are made up for", "    cron: '0 * * * *'\n", "{\"nextExecutionDate\":\"2026-11-24T05:00:00Z\"}",
     "2026-11-24T10:30:00Z", "2026-11-24T05:00:00Z"},
    {"LAST: only the last missed one", "    cron: '0 * * * *'\n    recoverMissedSchedules: LAST\n",
     "{\"nextExecutionDate\":\"2026-11-24T05:00:00Z\"}", "2026-11-24T10:30:00Z", "2026-11-24T10:00:00Z"},
    {"NONE: no missed one", "    cron: '0 * * * *'\n    recoverMissedSchedules: NONE\n",
     "{\"nextExecutionDate\":\"2026-11-24T05:00:00Z\"}", "2026-11-24T10:30:00Z", "2026-11-24T11:00:00Z"},
    {"a slot that is too late is passed over", "    cron: '0 * * * *'\n    lateMaximumDelay: PT50M\n",
     "{\"nextExecutionDate\":\"2026-11-24T05:00:00Z\"}", "2026-11-24T10:30:00Z", "2026-11-24T10:00:00Z"},
    {"seconds", "    cron: '*/10 * * * * *'\n    withSeconds: true\n", NULL, "2026-11-24T10:00:03Z",
     "2026-11-24T10:00:10Z"},
    {"conditions: the first date for which they hold", "    cron: '0 3 * * *'\n    conditions:\n" WEEKEND, NULL,
     "2026-11-24T10:00:00Z", "2026-11-28T03:00:00Z"},
    {"their deprecated name counts the same", "    cron: '0 3 * * *'\n    scheduleConditions:\n" WEEKEND, NULL,
     "2026-11-24T10:00:00Z", "2026-11-28T03:00:00Z"},
    {"both names together",
     "    cron: '0 3 * * *'\n    scheduleConditions:\n" WEEKEND
     "    conditions:\n      - type: io.kestra.plugin.core.condition.DayWeek\n        dayOfWeek: SUNDAY\n",
     NULL, "2026-11-24T10:00:00Z", "2026-11-29T03:00:00Z"},
    {"none of them",
     "    cron: '0 3 * * *'\n    conditions:\n      - type: io.kestra.plugin.core.condition.Not\n"
     "        conditions:\n          - type: io.kestra.plugin.core.condition.DayWeek\n            dayOfWeek: "
     "WEDNESDAY\n",
     NULL, "2026-11-24T10:00:00Z", "2026-11-26T03:00:00Z"},
    {"LAST under conditions", "    cron: '0 3 * * *'\n    recoverMissedSchedules: LAST\n    conditions:\n" WEEKEND,
     "{\"nextExecutionDate\":\"2026-11-14T03:00:00Z\"}", "2026-11-24T10:30:00Z", "2026-11-22T03:00:00Z"},
    {"late under conditions", "    cron: '0 3 * * *'\n    lateMaximumDelay: PT1H\n    conditions:\n" WEEKEND,
     "{\"nextExecutionDate\":\"2026-11-14T03:00:00Z\"}", "2026-11-24T10:30:00Z", "2026-11-28T03:00:00Z"},
    {"dates: the first to come, in any order", DATES, NULL, "2026-11-24T10:00:00Z", "2026-11-24T12:00:00Z"},
    {"dates are templates", "OnDates\n    dates: [\"{{ '2026-11-30T00:00:00Z' }}\"]\n", NULL, "2026-11-24T10:00:00Z",
     "2026-11-30T00:00:00Z"},
    {"dates: ALL", DATES, "{\"nextExecutionDate\":\"2026-11-24T08:00:00Z\"}", "2026-11-24T10:00:00Z",
     "2026-11-24T08:00:00Z"},
    {"dates: LAST", DATES "    recoverMissedSchedules: LAST\n", "{\"nextExecutionDate\":\"2026-11-24T08:00:00Z\"}",
     "2026-11-24T10:00:00Z", "2026-11-24T09:00:00Z"},
    {"dates: NONE", DATES "    recoverMissedSchedules: NONE\n", "{\"nextExecutionDate\":\"2026-11-24T08:00:00Z\"}",
     "2026-11-24T10:00:00Z", "2026-11-24T12:00:00Z"},
};

START_TEST(test_next_slot)
{
    _cleanup_(schedule_freep) Schedule *schedule = make(slots[_i].trigger, slots[_i].row, slots[_i].now);
    char next[INSTANT_BYTES];
    instant_format(schedule_next(schedule), next);
    next[19] = 'Z';
    next[20] = 0;
    ck_assert_msg(streq(next, slots[_i].next), "%s: expected %s, got %s", slots[_i].name, slots[_i].next, next);
}
END_TEST

START_TEST(test_disabled)
{
    _cleanup_(schedule_freep) Schedule *by_row =
        make("    cron: '0 3 * * *'\n", "{\"disabled\":true}", "2026-11-24T10:00:00Z");
    _cleanup_(schedule_freep) Schedule *by_flow =
        make("    cron: '0 3 * * *'\n    disabled: true\n", NULL, "2026-11-24T10:00:00Z");
    ck_assert_uint_eq(schedule_next(by_row), USEC_INFINITY);
    ck_assert_uint_eq(schedule_next(by_flow), USEC_INFINITY);
}
END_TEST

START_TEST(test_execution_of_a_slot)
{
    _cleanup_(schedule_freep) Schedule *schedule =
        make("    cron: '0 3 * * *'\n    timezone: Europe/Paris\n    inputs:\n      who: '{{ trigger.date }}'\n"
             "    labels:\n      - key: by\n        value: clock\n",
             NULL, "2026-11-24T10:00:00Z");
    _cleanup_(execution_freep) Execution *execution = fire(schedule, "2026-11-25T02:00:00.010Z");
    ck_assert_str_eq(json_get_text(execution->trigger, "id", ""), "clock");
    const json_t *variables = json_object_get(execution->trigger, "variables");
    ck_assert_str_eq(json_get_text(variables, "date", ""), "2026-11-25T03:00:00+01:00");
    ck_assert_str_eq(json_get_text(variables, "next", ""), "2026-11-26T03:00:00+01:00");
    ck_assert_str_eq(json_get_text(variables, "previous", ""), "2026-11-24T03:00:00+01:00");
    ck_assert_int_eq(json_get_integer(execution->inputs, "keep", 0), 3);
    ck_assert_str_eq(json_get_text(execution->inputs, "who", ""), "2026-11-25T03:00:00+01:00");
    ck_assert_str_eq(label_get(execution->labels, "team"), "storage");
    ck_assert_str_eq(label_get(execution->labels, "by"), "clock");
    ck_assert_int_eq(execution->flow_revision, 4);
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-26T02:00:00Z"));
    _cleanup_json_ json_t *row = schedule_encode(schedule);
    ck_assert_str_eq(json_get_text(row, "nextExecutionDate", ""), "2026-11-26T02:00:00Z");
}
END_TEST

/* Every slot once, in order, however late the scheduler is. */
START_TEST(test_missed_slots_come_one_by_one)
{
    _cleanup_(schedule_freep) Schedule *schedule =
        make("    cron: '0 * * * *'\n", "{\"nextExecutionDate\":\"2026-11-24T05:00:00Z\"}", "2026-11-24T10:30:00Z");
    static const char *const dates[] = {"05", "06", "07", "08", "09", "10"};
    for (size_t i = 0; i < ELEMENTS(dates); i++) {
        _cleanup_(execution_freep) Execution *execution = fire(schedule, "2026-11-24T10:30:00Z");
        const char *date = json_get_text(json_object_get(execution->trigger, "variables"), "date", "");
        ck_assert_msg(strncmp(date + 11, dates[i], 2) == 0, "slot %zu is %s", i, date);
    }
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-24T11:00:00Z"));
}
END_TEST

START_TEST(test_input_that_fails)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(schedule_freep) Schedule *schedule =
        make("    cron: '0 3 * * *'\n    inputs:\n      who: '{{ nobody.knows }}'\n", NULL, "2026-11-24T10:00:00Z");
    ScheduleFire firing = {.now = at("2026-11-25T03:00:00Z"), .execution_id = "execution2"};
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(schedule_fire(schedule, &firing, &execution, &diag), 0);
    ck_assert_int_eq(state_current(&execution->state), STATE_FAILED);
    ck_assert_uint_eq(diag.errors, 1);
}
END_TEST

START_TEST(test_conditions)
{
    /* 2026-11-24 is a Tuesday. */
    _cleanup_(schedule_freep) Schedule *schedule =
        make("    cron: '0 3 * * *'\n    conditions:\n      - type: io.kestra.plugin.core.condition.DayWeek\n"
             "        dayOfWeek: THURSDAY\n",
             NULL, "2026-11-24T10:00:00Z");
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-26T03:00:00Z"));
    _cleanup_(execution_freep) Execution *execution = fire(schedule, "2026-11-26T03:00:00Z");
    const json_t *variables = json_object_get(execution->trigger, "variables");
    ck_assert_str_eq(json_get_text(variables, "date", ""), "2026-11-26T03:00:00Z");
    ck_assert_str_eq(json_get_text(variables, "next", ""), "2026-12-03T03:00:00Z");
    ck_assert_str_eq(json_get_text(variables, "previous", ""), "2026-11-19T03:00:00Z");
    ck_assert_uint_eq(schedule_next(schedule), at("2026-12-03T03:00:00Z"));
}
END_TEST

/* What is not about dates is asked when the slot comes. */
START_TEST(test_condition_on_other_things)
{
    _cleanup_(schedule_freep) Schedule *schedule =
        make("    cron: '0 3 * * *'\n    conditions:\n      - type: io.kestra.plugin.core.condition.Expression\n"
             "        expression: '{{ trigger.date is null }}'\n",
             NULL, "2026-11-24T10:00:00Z");
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-25T03:00:00Z"));
    ScheduleFire firing = {.now = at("2026-11-25T03:00:00Z"), .execution_id = "execution3"};
    Execution *execution = NULL;
    ck_assert_int_eq(schedule_fire(schedule, &firing, &execution, NULL), SCHEDULE_E_NONE);
    ck_assert_ptr_null(execution);
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-26T03:00:00Z"));
}
END_TEST

START_TEST(test_condition_that_fails)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(schedule_freep) Schedule *schedule =
        make("    cron: '0 3 * * *'\n    conditions:\n      - type: io.kestra.plugin.core.condition.Expression\n"
             "        expression: '{{ nobody.knows }}'\n",
             NULL, "2026-11-24T10:00:00Z");
    ScheduleFire firing = {.now = at("2026-11-25T03:00:00Z"), .execution_id = "execution4"};
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(schedule_fire(schedule, &firing, &execution, &diag), 0);
    ck_assert_int_eq(state_current(&execution->state), STATE_FAILED);
    ck_assert_uint_eq(diag.errors, 1);
}
END_TEST

START_TEST(test_backfill_ends_and_gives_the_place_back)
{
    _cleanup_(schedule_freep) Schedule *schedule =
        make("    cron: '0 3 * * *'\n",
             "{\"nextExecutionDate\":\"2026-11-01T03:00:00Z\",\"backfill\":{\"start\":\"2026-11-01T00:00:00Z\","
             "\"end\":\"2026-11-02T12:00:00Z\",\"currentDate\":\"2026-11-01T00:00:00Z\",\"paused\":false,"
             "\"previousNextExecutionDate\":\"2026-11-25T03:00:00Z\"}}",
             "2026-11-24T10:00:00Z");
    for (int i = 0; i < 2; i++)
        execution_free(fire(schedule, "2026-11-24T10:00:00Z"));
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-25T03:00:00Z"));
    _cleanup_json_ json_t *row = schedule_encode(schedule);
    ck_assert_ptr_null(json_object_get(row, "backfill"));
}
END_TEST

START_TEST(test_dates_end)
{
    _cleanup_(schedule_freep) Schedule *schedule = make(DATES, NULL, "2026-11-24T10:00:00Z");
    _cleanup_(execution_freep) Execution *first = fire(schedule, "2026-11-24T12:00:00Z");
    ck_assert_uint_eq(first->schedule_date, at("2026-11-24T12:00:00Z"));
    const json_t *variables = json_object_get(first->trigger, "variables");
    ck_assert_str_eq(json_get_text(variables, "date", ""), "2026-11-24T13:00:00+01:00");
    ck_assert_str_eq(json_get_text(variables, "next", ""), "2026-11-25T13:00:00+01:00");
    ck_assert_str_eq(json_get_text(variables, "previous", ""), "2026-11-24T10:00:00+01:00");
    _cleanup_(execution_freep) Execution *last = fire(schedule, "2026-11-25T12:00:00Z");
    ck_assert_ptr_null(json_object_get(json_object_get(last->trigger, "variables"), "next"));
    ck_assert_uint_eq(schedule_next(schedule), USEC_INFINITY);
    ck_assert_uint_eq(schedule_next_date(schedule), 0);
    _cleanup_json_ json_t *row = schedule_encode(schedule);
    ck_assert_ptr_null(json_object_get(row, "nextExecutionDate"));
}
END_TEST

/* Properties that pass the flow's checks because they are templates, and are found wrong when they are rendered. */
static const char *const wrong_triggers[] = {
    "OnDates\n    dates: [\"{{ 'tomorrow' }}\"]\n",
    "OnDates\n    timezone: \"{{ 'Mars/Olympus' }}\"\n    dates: ['2026-11-24T08:00:00Z']\n",
    "OnDates\n    dates: ['{{ nobody.knows }}']\n",
};

START_TEST(test_wrong)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(flow_unrefp) Flow *flow = parse(wrong_triggers[_i]);
    Schedule *schedule = NULL;
    ck_assert_int_eq(
        schedule_new(flow, &flow->triggers[0], NULL, at("2026-11-24T10:00:00Z"), &(ScheduleWorld){}, &schedule, &diag),
        SCHEDULE_E_INVALID);
    ck_assert_ptr_null(schedule);
    ck_assert_uint_ge(diag.errors, 1);
}
END_TEST

/* A condition that holds rarely costs a bounded search, and is found all the same. */
START_TEST(test_search_is_bounded)
{
    _cleanup_(schedule_freep) Schedule *schedule =
        make("    cron: '* * * * *'\n    conditions:\n      - type: io.kestra.plugin.core.condition.DateTimeBetween\n"
             "        after: '2027-01-01T00:00:00Z'\n",
             NULL, "2026-11-24T10:00:00Z");
    unsigned searches = 1;
    while (schedule_next(schedule) < at("2027-01-01T00:00:00Z")) {
        char now[INSTANT_BYTES];
        instant_format(schedule_next(schedule), now);
        ScheduleFire firing = {.now = at(now), .execution_id = "execution5"};
        Execution *execution = NULL;
        ck_assert_int_eq(schedule_fire(schedule, &firing, &execution, NULL), SCHEDULE_E_NONE);
        searches++;
    }
    ck_assert_uint_eq(schedule_next(schedule), at("2027-01-01T00:01:00Z"));
    ck_assert_uint_gt(searches, 1);
    ck_assert_uint_lt(searches, 10);
}
END_TEST

START_TEST(test_condition_that_never_holds)
{
    _cleanup_(schedule_freep) Schedule *schedule =
        make("    cron: '0 0 * * *'\n    conditions:\n      - type: io.kestra.plugin.core.condition.DateTimeBetween\n"
             "        before: '2020-01-01T00:00:00Z'\n",
             NULL, "2026-11-24T10:00:00Z");
    ck_assert_uint_eq(schedule_next(schedule), USEC_INFINITY);
}
END_TEST

/* --- changes: an hourly trigger at 10:30 whose row is given --- */

#define ROW_RUNS     "{\"date\":\"2026-11-24T07:00:01Z\",\"nextExecutionDate\":\"2026-11-24T11:00:00Z\"}"
#define ROW_DISABLED "{\"date\":\"2026-11-24T07:00:01Z\",\"disabled\":true}"
#define ROW_BACKFILL                                                                                                   \
    "{\"date\":\"2026-11-24T07:00:01Z\",\"nextExecutionDate\":\"2026-11-02T00:00:00Z\",\"backfill\":{"                 \
    "\"start\":\"2026-11-01T00:00:00Z\",\"end\":\"2026-11-03T00:00:00Z\",\"paused\":false,"                            \
    "\"previousNextExecutionDate\":\"2026-11-24T11:00:00Z\"}}"
#define HOURLY "    cron: '0 * * * *'\n"

static const struct {
    const char *name, *trigger, *row, *kind, *arguments;
    int outcome;
    const char *next, *shown; /* when it is fired, what the row shows; NULL: nothing */
    bool disabled, fills_back;
} changes[] = {
    {"disable", HOURLY, ROW_RUNS, "update", "{\"disabled\":true}", 0, NULL, NULL, .disabled = true},
    {"disable twice", HOURLY, ROW_DISABLED, "setDisabled", "{\"disabled\":true}", 0, NULL, NULL, .disabled = true},
    {"enable what is enabled", HOURLY, ROW_RUNS, "setDisabled", "{\"disabled\":false}", 0, "2026-11-24T11:00:00Z",
     "2026-11-24T11:00:00Z"},
    {"enable: ALL", HOURLY, ROW_DISABLED, "update", "{\"disabled\":false}", 0, "2026-11-24T08:00:00Z",
     "2026-11-24T08:00:00Z"},
    {"enable: LAST", HOURLY "    recoverMissedSchedules: LAST\n", ROW_DISABLED, "update", "{\"disabled\":false}", 0,
     "2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"},
    {"enable: NONE", HOURLY "    recoverMissedSchedules: NONE\n", ROW_DISABLED, "setDisabled", "{\"disabled\":false}",
     0, "2026-11-24T11:00:00Z", "2026-11-24T11:00:00Z"},
    {"a backfill begins with its start", HOURLY, ROW_RUNS, "update",
     "{\"backfill\":{\"start\":\"2026-11-20T00:00:00Z\"}}", 0, "2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z",
     .fills_back = true},
    {"one that is paused shows its date and does not run", HOURLY, ROW_RUNS, "update",
     "{\"backfill\":{\"start\":\"2026-11-20T00:00:01Z\",\"paused\":true}}", 0, NULL, "2026-11-20T01:00:00Z",
     .fills_back = true},
    {"one without any slot is over at once", HOURLY, ROW_RUNS, "update",
     "{\"backfill\":{\"start\":\"2026-11-20T00:10:00Z\",\"end\":\"2026-11-20T00:20:00Z\"}}", 0, "2026-11-24T11:00:00Z",
     "2026-11-24T11:00:00Z"},
    {"the backfill that runs goes on", HOURLY, ROW_BACKFILL, "update",
     "{\"disabled\":false,\"backfill\":{\"start\":\"2026-11-01T00:00:00Z\",\"end\":\"2026-11-03T00:00:00Z\"}}", 0,
     "2026-11-02T00:00:00Z", "2026-11-02T00:00:00Z", .fills_back = true},
    {"another takes its place", HOURLY, ROW_BACKFILL, "update", "{\"backfill\":{\"start\":\"2026-11-10T00:00:00Z\"}}",
     0, "2026-11-10T00:00:00Z", "2026-11-10T00:00:00Z", .fills_back = true},
    {"a backfill needs a start", HOURLY, ROW_RUNS, "update", "{\"disabled\":true,\"backfill\":{}}", SCHEDULE_E_REFUSED,
     "2026-11-24T11:00:00Z", "2026-11-24T11:00:00Z"},
    {"a backfill does not end before it starts", HOURLY, ROW_RUNS, "update",
     "{\"backfill\":{\"start\":\"2026-11-20T00:00:00Z\",\"end\":\"2026-11-19T00:00:00Z\"}}", SCHEDULE_E_REFUSED,
     "2026-11-24T11:00:00Z", "2026-11-24T11:00:00Z"},
    {"pause", HOURLY, ROW_BACKFILL, "backfillPause", NULL, 0, NULL, "2026-11-02T00:00:00Z", .fills_back = true},
    {"unpause", HOURLY, ROW_BACKFILL, "backfillUnpause", NULL, 0, "2026-11-02T00:00:00Z", "2026-11-02T00:00:00Z",
     .fills_back = true},
    {"delete gives the place back", HOURLY, ROW_BACKFILL, "backfillDelete", NULL, 0, "2026-11-24T11:00:00Z",
     "2026-11-24T11:00:00Z"},
    {"pause nothing", HOURLY, ROW_RUNS, "backfillPause", NULL, SCHEDULE_E_REFUSED, "2026-11-24T11:00:00Z",
     "2026-11-24T11:00:00Z"},
    {"delete nothing", HOURLY, ROW_RUNS, "backfillDelete", NULL, SCHEDULE_E_REFUSED, "2026-11-24T11:00:00Z",
     "2026-11-24T11:00:00Z"},
    {"not locked", HOURLY, ROW_RUNS, "unlock", NULL, SCHEDULE_E_STATE, "2026-11-24T11:00:00Z", "2026-11-24T11:00:00Z"},
    {"locked", HOURLY, "{\"nextExecutionDate\":\"2026-11-24T11:00:00Z\",\"executionId\":\"e1\"}", "unlock", NULL, 0,
     "2026-11-24T11:00:00Z", "2026-11-24T11:00:00Z"},
    {"restart keeps the next date", HOURLY, ROW_RUNS, "restart", NULL, 0, "2026-11-24T11:00:00Z",
     "2026-11-24T11:00:00Z"},
    {"an unknown change", HOURLY, ROW_RUNS, "explode", NULL, SCHEDULE_E_REFUSED, "2026-11-24T11:00:00Z",
     "2026-11-24T11:00:00Z"},
};

START_TEST(test_change)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    const char *name = changes[_i].name, *text = changes[_i].arguments;
    _cleanup_(schedule_freep) Schedule *schedule = make(changes[_i].trigger, changes[_i].row, "2026-11-24T10:30:00Z");
    _cleanup_json_ json_t *arguments = NULL;
    if (text)
        ck_assert_int_eq(json_parse(text, strlen(text), 0, &arguments, NULL), 0);
    int r = schedule_change(schedule, changes[_i].kind, arguments, at("2026-11-24T10:30:00Z"), &diag);
    ck_assert_msg(r == changes[_i].outcome, "%s: %d", name, r);
    ck_assert_msg((r != 0) == (diag.errors > 0), "%s: a reason is given when it is refused", name);
    usec_t next = changes[_i].next ? at(changes[_i].next) : USEC_INFINITY;
    ck_assert_msg(schedule_next(schedule) == next, "%s: next", name);
    _cleanup_json_ json_t *row = schedule_encode(schedule);
    const char *shown = json_get_text(row, "nextExecutionDate", NULL);
    ck_assert_msg(streq_null(shown, changes[_i].shown), "%s: shows %s", name, shown ? shown : "nothing");
    ck_assert_msg(json_get_boolean(row, "disabled", false) == changes[_i].disabled, "%s: disabled", name);
    const json_t *backfill = json_object_get(row, "backfill");
    ck_assert_msg((backfill != NULL) == changes[_i].fills_back, "%s: backfill", name);
    if (backfill)
        ck_assert_str_eq(json_get_text(backfill, "previousNextExecutionDate", ""), "2026-11-24T11:00:00Z");
    /* What is stored is what comes out of the row again. */
    _cleanup_free_ char *stored = json_dumps(row, JSON_SORT_KEYS);
    _cleanup_(schedule_freep) Schedule *again = make(changes[_i].trigger, stored, "2026-11-24T10:30:00Z");
    ck_assert_msg(schedule_next(again) == next || strstr(changes[_i].trigger, "recover"), "%s: read again", name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *tests = tcase_create("schedule");
    tcase_set_timeout(tests, 60); /* searches under conditions, under sanitizers */
    tcase_add_loop_test(tests, test_next_slot, 0, (int)ELEMENTS(slots));
    tcase_add_test(tests, test_disabled);
    tcase_add_test(tests, test_execution_of_a_slot);
    tcase_add_test(tests, test_missed_slots_come_one_by_one);
    tcase_add_test(tests, test_input_that_fails);
    tcase_add_test(tests, test_conditions);
    tcase_add_test(tests, test_condition_on_other_things);
    tcase_add_test(tests, test_condition_that_fails);
    tcase_add_test(tests, test_backfill_ends_and_gives_the_place_back);
    tcase_add_test(tests, test_dates_end);
    tcase_add_loop_test(tests, test_wrong, 0, (int)ELEMENTS(wrong_triggers));
    tcase_add_test(tests, test_search_is_bounded);
    tcase_add_test(tests, test_condition_that_never_holds);
    tcase_add_loop_test(tests, test_change, 0, (int)ELEMENTS(changes));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
