/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "plugin/registry.h"
#include "plugin/schedule.h"

#define FLOW_HEAD                                                                                                        \
    "id: nightly\nnamespace: company.team\nlabels:\n  team: storage\ninputs:\n  - id: keep\n    type: INT\n"                \
    "    defaults: 3\n  - id: who\n    type: STRING\n    required: false\n"                                                \
    "tasks:\n  - id: log\n    type: io.kestra.plugin.core.log.Log\n    message: hello\n"                                   \
    "triggers:\n  - id: clock\n    type: io.kestra.plugin.core.trigger.Schedule\n"

static usec_t at(const char *text)
{
    usec_t date;
    ck_assert_int_eq(instant_parse(text, &date), 0);
    return date;
}

static Flow *parse(const char *trigger)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_free_ char *source = xasprintf("%s%s", FLOW_HEAD, trigger);
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

static Execution *fire(Schedule *schedule, const char *now)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    ScheduleFire firing = {.now = at(now), .execution_id = "execution1"};
    Execution *execution = NULL;
    int r = schedule_fire(schedule, &firing, &execution, &diag);
    ck_assert_msg(r == 0, "%s", diag_first(&diag));
    return execution;
}

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
    {"ALL: missed slots are made up for", "    cron: '0 * * * *'\n",
     "{\"nextExecutionDate\":\"2026-11-24T05:00:00Z\"}", "2026-11-24T10:30:00Z", "2026-11-24T05:00:00Z"},
    {"LAST: only the last missed one", "    cron: '0 * * * *'\n    recoverMissedSchedules: LAST\n",
     "{\"nextExecutionDate\":\"2026-11-24T05:00:00Z\"}", "2026-11-24T10:30:00Z", "2026-11-24T10:00:00Z"},
    {"NONE: no missed one", "    cron: '0 * * * *'\n    recoverMissedSchedules: NONE\n",
     "{\"nextExecutionDate\":\"2026-11-24T05:00:00Z\"}", "2026-11-24T10:30:00Z", "2026-11-24T11:00:00Z"},
    {"a slot that is too late is passed over", "    cron: '0 * * * *'\n    lateMaximumDelay: PT50M\n",
     "{\"nextExecutionDate\":\"2026-11-24T05:00:00Z\"}", "2026-11-24T10:30:00Z", "2026-11-24T10:00:00Z"},
    {"seconds", "    cron: '*/10 * * * * *'\n    withSeconds: true\n", NULL, "2026-11-24T10:00:03Z",
     "2026-11-24T10:00:10Z"},
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
    _cleanup_(schedule_freep) Schedule *by_row = make("    cron: '0 3 * * *'\n", "{\"disabled\":true}", "2026-11-24T10:00:00Z");
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
             "    labels:\n      - key: by\n        value: clock\n", NULL, "2026-11-24T10:00:00Z");
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
             "\"previousNextExecutionDate\":\"2026-11-25T03:00:00Z\"}}", "2026-11-24T10:00:00Z");
    for (int i = 0; i < 2; i++)
        execution_free(fire(schedule, "2026-11-24T10:00:00Z"));
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-25T03:00:00Z"));
    _cleanup_json_ json_t *row = schedule_encode(schedule);
    ck_assert_ptr_null(json_object_get(row, "backfill"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *tests = tcase_create("schedule");
    tcase_add_loop_test(tests, test_next_slot, 0, (int)ELEMENTS(slots));
    tcase_add_test(tests, test_disabled);
    tcase_add_test(tests, test_execution_of_a_slot);
    tcase_add_test(tests, test_missed_slots_come_one_by_one);
    tcase_add_test(tests, test_input_that_fails);
    tcase_add_test(tests, test_conditions);
    tcase_add_test(tests, test_condition_on_other_things);
    tcase_add_test(tests, test_condition_that_fails);
    tcase_add_test(tests, test_backfill_ends_and_gives_the_place_back);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
