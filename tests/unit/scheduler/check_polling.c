/* SPDX-License-Identifier: Apache-2.0 */
/* The locks of a trigger, and polling triggers, played with a clock that only moves when told: spec 10.2 row by row. */
#include <check.h>

#include "plugin/registry.h"
#include "plugin/schedule.h"

#define POLL                                                                                                           \
    "    type: io.kestra.plugin.core.http.Trigger\n    uri: http://127.0.0.1/\n    interval: PT10S\n"                  \
    "    labels:\n      - key: code\n        value: '{{ trigger.code }}'\n"
#define HOURLY "    type: io.kestra.plugin.core.trigger.Schedule\n    cron: '0 * * * *'\n"
#define NOW    "2026-11-24T10:30:00.123Z"

static usec_t at(const char *text)
{
    usec_t date;
    ck_assert_int_eq(instant_parse(text, &date), 0);
    return date;
}

static json_t *document(const char *text)
{
    json_t *value = NULL;
    ck_assert_int_eq(json_parse(text, strlen(text), 0, &value, NULL), 0);
    return value;
}

static Schedule *make_in(const char *flow_extra, const char *trigger, const char *row_text)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_json_ json_t *row = row_text ? document(row_text) : NULL;
    _cleanup_free_ char *source =
        xasprintf("id: asks\nnamespace: company.team\nlabels:\n  team: storage\n%svariables:\n  size: 3\n"
                  "inputs:\n  - id: keep\n    type: INT\n    defaults: 3\ntasks:\n  - id: log\n"
                  "    type: io.kestra.plugin.core.log.Log\n    message: hello\ntriggers:\n  - id: watch\n%s",
                  flow_extra, trigger);
    int r = flow_parse(source, strlen(source), &(FlowParse){.registry = &plugin_registry, .revision = 4}, &flow, &diag);
    ck_assert_msg(r == 0, "%s", diag_first(&diag));
    Schedule *schedule = NULL;
    r = schedule_new(flow, &flow->triggers[0], row, at(NOW), &(ScheduleWorld){}, &schedule, &diag);
    ck_assert_msg(r == 0, "%s", diag_first(&diag));
    return schedule;
}

static Schedule *make(const char *trigger, const char *row)
{
    return make_in("", trigger, row);
}

static const ScheduleFire *firing(const char *now)
{
    static ScheduleFire fire;
    fire = (ScheduleFire){.now = at(now), .execution_id = "execution1"};
    return &fire;
}

static int fire(Schedule *schedule, const char *now, Execution **ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    *ret = NULL;
    return schedule_fire(schedule, firing(now), ret, &diag);
}

static int change(Schedule *schedule, const char *kind, const char *arguments, const char *now)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_json_ json_t *document_of = document(arguments);
    return schedule_change(schedule, kind, document_of, at(now), &diag);
}

static int take(Schedule *schedule, const char *result, const char *now, Execution **ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_json_ json_t *given = document(result);
    *ret = NULL;
    return schedule_take_result(schedule, given, at(now), ret, &diag);
}

/* What the row says; "" for what is absent. */
static char *row_text(const Schedule *schedule, const char *key)
{
    _cleanup_json_ json_t *row = schedule_encode(schedule);
    return xstrdup(json_get_text(row, key, ""));
}

#define assert_row(schedule, key, text)                                                                                \
    do {                                                                                                               \
        _cleanup_free_ char *is = row_text(schedule, key);                                                             \
        ck_assert_str_eq(is, text);                                                                                    \
    } while (0)

/* A scheduler that comes after us reads the row, and goes on as we would. */
static Schedule *taken_over(const Schedule *schedule, const char *trigger)
{
    _cleanup_json_ json_t *row = schedule_encode(schedule);
    _cleanup_free_ char *text = json_dumps(row, 0);
    return make(trigger, text);
}

/* --- the lock of an execution --- */

START_TEST(test_slots_wait_for_the_execution)
{
    _cleanup_(schedule_freep) Schedule *schedule = make(HOURLY, NULL);
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(fire(schedule, "2026-11-24T11:00:00Z", &execution), 0);
    assert_row(schedule, "executionId", "execution1");
    assert_row(schedule, "nextExecutionDate", "2026-11-24T12:00:00Z");
    ck_assert_uint_eq(schedule_next(schedule), USEC_INFINITY);
    _cleanup_(schedule_freep) Schedule *later = taken_over(schedule, HOURLY);
    ck_assert_uint_eq(schedule_next(later), USEC_INFINITY);
    /* another execution of it, started by hand from its trigger's page or unlocked before */
    ck_assert_int_eq(change(later, SCHEDULE_EXECUTION_ENDED, "{\"executionId\":\"other\",\"state\":\"SUCCESS\"}", NOW),
                     0);
    ck_assert_uint_eq(schedule_next(later), USEC_INFINITY);
    /* it took two hours: the slots that waited come one after another */
    ck_assert_int_eq(change(later, SCHEDULE_EXECUTION_ENDED, "{\"executionId\":\"execution1\",\"state\":\"FAILED\"}",
                            "2026-11-24T13:30:00Z"),
                     0);
    assert_row(later, "executionId", "");
    ck_assert_uint_eq(schedule_next(later), at("2026-11-24T12:00:00Z"));
    execution_free(execution);
    ck_assert_int_eq(fire(later, "2026-11-24T13:30:00Z", &execution), 0);
    ck_assert_int_eq(change(later, SCHEDULE_EXECUTION_ENDED, "{\"executionId\":\"execution1\",\"state\":\"SUCCESS\"}",
                            "2026-11-24T13:31:00Z"),
                     0);
    ck_assert_uint_eq(schedule_next(later), at("2026-11-24T13:00:00Z"));
}
END_TEST

START_TEST(test_unlock)
{
    _cleanup_(schedule_freep) Schedule *schedule = make(HOURLY, NULL);
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(change(schedule, "unlock", "{}", NOW), SCHEDULE_E_STATE);
    ck_assert_int_eq(fire(schedule, "2026-11-24T11:00:00Z", &execution), 0);
    ck_assert_int_eq(change(schedule, "unlock", "{}", NOW), 0);
    assert_row(schedule, "executionId", "");
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-24T12:00:00Z"));
}
END_TEST

/* Nobody would tell of its end. */
START_TEST(test_what_failed_before_it_began_is_no_lock)
{
    _cleanup_(schedule_freep) Schedule *schedule = make(HOURLY "    inputs:\n      keep: '{{ nobody.knows }}'\n", NULL);
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(fire(schedule, "2026-11-24T11:00:00Z", &execution), 0);
    ck_assert_int_eq(state_current(&execution->state), STATE_FAILED);
    assert_row(schedule, "executionId", "");
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-24T12:00:00Z"));
}
END_TEST

static const struct {
    const char *state;
    bool disabled;
} stops[] = {{"SUCCESS", false}, {"FAILED", true}, {"WARNING", true}, {"KILLED", false}};

START_TEST(test_stop_after)
{
    _cleanup_(schedule_freep) Schedule *schedule = make(HOURLY "    stopAfter: [FAILED, WARNING]\n", NULL);
    _cleanup_(execution_freep) Execution *execution = NULL;
    _cleanup_free_ char *arguments = xasprintf("{\"executionId\":\"execution1\",\"state\":\"%s\"}", stops[_i].state);
    ck_assert_int_eq(fire(schedule, "2026-11-24T11:00:00Z", &execution), 0);
    ck_assert_int_eq(change(schedule, SCHEDULE_EXECUTION_ENDED, arguments, "2026-11-24T11:10:00Z"), 0);
    _cleanup_json_ json_t *row = schedule_encode(schedule);
    ck_assert_msg(json_is_true(json_object_get(row, "disabled")) == stops[_i].disabled, "%s", stops[_i].state);
    ck_assert_uint_eq(json_array_size(json_object_get(row, "stopAfter")), 2);
    ck_assert_msg((schedule_next(schedule) == USEC_INFINITY) == stops[_i].disabled, "%s", stops[_i].state);
}
END_TEST

/* A stop by stopAfter does not enable what a user has disabled. */
START_TEST(test_stop_after_keeps_the_switch)
{
    _cleanup_(schedule_freep) Schedule *schedule = make(HOURLY "    stopAfter: [FAILED]\n", NULL);
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(fire(schedule, "2026-11-24T11:00:00Z", &execution), 0);
    ck_assert_int_eq(change(schedule, "setDisabled", "{\"disabled\":true}", NOW), 0);
    ck_assert_int_eq(
        change(schedule, SCHEDULE_EXECUTION_ENDED, "{\"executionId\":\"execution1\",\"state\":\"SUCCESS\"}", NOW), 0);
    _cleanup_json_ json_t *row = schedule_encode(schedule);
    ck_assert(json_is_true(json_object_get(row, "disabled")));
    ck_assert_ptr_null(json_object_get(row, "executionId"));
}
END_TEST

/* --- polling --- */

/* A new one is asked at once; it is given to a worker, and locked meanwhile. */
static Schedule *evaluating(const char *trigger)
{
    Schedule *schedule = make(trigger, NULL);
    Execution *execution;
    ck_assert_uint_eq(schedule_next(schedule), at(NOW));
    ck_assert_int_eq(fire(schedule, NOW, &execution), SCHEDULE_E_EVALUATE);
    ck_assert_ptr_null(execution);
    ck_assert(schedule_is_evaluating(schedule));
    ck_assert_uint_eq(schedule_next(schedule), USEC_INFINITY);
    assert_row(schedule, "evaluateRunningDate", NOW);
    assert_row(schedule, "nextExecutionDate", NOW);
    return schedule;
}

START_TEST(test_job)
{
    _cleanup_(schedule_freep) Schedule *schedule = evaluating(POLL "    workerGroup:\n      key: far\n");
    _cleanup_json_ json_t *job = schedule_job(schedule, firing(NOW));
    const json_t *variables = json_object_get(job, "variables"), *trigger = json_object_get(variables, "trigger");
    ck_assert_str_eq(schedule_worker_group(schedule), "far");
    ck_assert_str_eq(json_get_text(job, "triggerId", ""), "watch");
    ck_assert_str_eq(json_get_text(job, "executionId", ""), "execution1");
    ck_assert_str_eq(json_get_text(job, "evaluateRunningDate", ""), NOW);
    ck_assert_int_eq(json_get_integer(json_object_get(job, "flow"), "revision", 0), 4);
    ck_assert_str_eq(json_get_text(trigger, "id", ""), "watch");
    ck_assert_str_eq(json_get_text(trigger, "type", ""), "io.kestra.plugin.core.http.Trigger");
    ck_assert_int_eq(json_get_integer(json_object_get(variables, "vars"), "size", 0), 3);
    ck_assert_int_eq(json_get_integer(json_object_get(variables, "inputs"), "keep", 0), 3);
    ck_assert_ptr_null(json_object_get(variables, "execution"));
}
END_TEST

#define RESULT(more) "{\"evaluateRunningDate\":\"" NOW "\",\"executionId\":\"execution1\"" more "}"
#define LATER        "2026-11-24T10:30:02Z"

START_TEST(test_a_result_that_fires)
{
    _cleanup_(schedule_freep) Schedule *schedule = evaluating(POLL);
    _cleanup_(schedule_freep) Schedule *later = taken_over(schedule, POLL); /* the result finds whoever holds the row */
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(take(later, RESULT(",\"fires\":true,\"outputs\":{\"code\":200}"), LATER, &execution), 0);
    ck_assert_str_eq(execution->id, "execution1");
    ck_assert_str_eq(json_get_text(execution->trigger, "id", ""), "watch");
    ck_assert_int_eq(json_get_integer(json_object_get(execution->trigger, "variables"), "code", 0), 200);
    ck_assert_str_eq(label_get(execution->labels, "team"), "storage");
    ck_assert_str_eq(label_get(execution->labels, "code"), "200");
    ck_assert_int_eq(execution->flow_revision, 4);
    assert_row(later, "executionId", "execution1");
    assert_row(later, "evaluateRunningDate", "");
    assert_row(later, "nextExecutionDate", "2026-11-24T10:30:12Z");
    ck_assert_uint_eq(schedule_next(later), USEC_INFINITY); /* until it has ended */
    ck_assert_int_eq(
        change(later, SCHEDULE_EXECUTION_ENDED, "{\"executionId\":\"execution1\",\"state\":\"SUCCESS\"}", LATER), 0);
    ck_assert_uint_eq(schedule_next(later), at("2026-11-24T10:30:12Z"));
}
END_TEST

/* Empty and failed are the same here: the next one comes after the interval. */
START_TEST(test_a_result_that_does_not_fire)
{
    _cleanup_(schedule_freep) Schedule *schedule = evaluating(POLL);
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(take(schedule, RESULT(",\"fires\":false"), LATER, &execution), SCHEDULE_E_NONE);
    ck_assert_ptr_null(execution);
    ck_assert(!schedule_is_evaluating(schedule));
    assert_row(schedule, "evaluateRunningDate", "");
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-24T10:30:12Z"));
}
END_TEST

/* A worker that was taken for dead, a trigger that was unlocked or disabled meanwhile. */
START_TEST(test_a_late_result_is_refused)
{
    static const char *const kinds[] = {"unlock", "restart", "setDisabled"};
    _cleanup_(execution_freep) Execution *execution = NULL;
    _cleanup_(schedule_freep) Schedule *schedule = evaluating(POLL);
    ck_assert_int_eq(change(schedule, kinds[_i], "{\"disabled\":true}", NOW), 0);
    ck_assert(!schedule_is_evaluating(schedule));
    ck_assert_int_eq(take(schedule, RESULT(",\"fires\":true"), LATER, &execution), SCHEDULE_E_STATE);
    ck_assert_ptr_null(execution);
    ck_assert_int_eq(change(schedule, "setDisabled", "{\"disabled\":false}", LATER), 0);
    ck_assert_uint_le(schedule_next(schedule), at(LATER)); /* asked again at once */
    ck_assert_int_eq(fire(schedule, LATER, &execution), SCHEDULE_E_EVALUATE);
    ck_assert_int_eq(take(schedule, RESULT(",\"fires\":true"), LATER, &execution), SCHEDULE_E_STATE);
    ck_assert(schedule_is_evaluating(schedule)); /* the second evaluation is waited for */
}
END_TEST

START_TEST(test_the_worker_is_shown)
{
    _cleanup_(schedule_freep) Schedule *schedule = evaluating(POLL);
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(change(schedule, SCHEDULE_EVALUATION_RUNS,
                            "{\"evaluateRunningDate\":\"2026-11-24T10:00:00Z\","
                            "\"workerId\":\"old\"}",
                            NOW),
                     SCHEDULE_E_STATE);
    assert_row(schedule, "workerId", "");
    ck_assert_int_eq(change(schedule, SCHEDULE_EVALUATION_RUNS, RESULT(",\"workerId\":\"w1\""), NOW), 0);
    assert_row(schedule, "workerId", "w1");
    ck_assert_int_eq(take(schedule, RESULT(",\"fires\":false"), LATER, &execution), SCHEDULE_E_NONE);
    assert_row(schedule, "workerId", "");
}
END_TEST

#define CONDITION(text)                                                                                                \
    "    conditions:\n      - type: io.kestra.plugin.core.condition.Expression\n        expression: " text "\n"

START_TEST(test_conditions_are_asked_first)
{
    _cleanup_(schedule_freep) Schedule *schedule = make(POLL CONDITION("\"{{ trigger.date is null }}\""), NULL);
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(fire(schedule, NOW, &execution), SCHEDULE_E_NONE);
    ck_assert(!schedule_is_evaluating(schedule));
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-24T10:30:10.123Z"));
    _cleanup_(schedule_freep) Schedule *wanted = evaluating(POLL CONDITION("\"{{ trigger.date is not null }}\""));
    ck_assert(schedule_is_evaluating(wanted));
}
END_TEST

START_TEST(test_a_condition_that_fails)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(schedule_freep) Schedule *schedule = make(POLL CONDITION("'{{ nobody.knows }}'"), NULL);
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(schedule_fire(schedule, firing(NOW), &execution, &diag), 0);
    ck_assert_int_eq(state_current(&execution->state), STATE_FAILED);
    ck_assert_uint_eq(diag.errors, 1);
    assert_row(schedule, "executionId", "");
    ck_assert_uint_eq(schedule_next(schedule), at("2026-11-24T10:30:10.123Z"));
}
END_TEST

static const struct {
    const char *interval, *next;
} intervals[] = {
    {"", "2026-11-24T10:31:02Z"},
    {"    interval: PT5M\n", "2026-11-24T10:35:02Z"},
    {"    interval: PT0S\n", "2026-11-24T10:30:03Z"},
    {"    interval: PT0.1S\n", "2026-11-24T10:30:03Z"},
};

START_TEST(test_interval)
{
    _cleanup_free_ char *trigger =
        xasprintf("    type: io.kestra.plugin.fs.http.Trigger\n    uri: http://127.0.0.1/\n%s", intervals[_i].interval);
    _cleanup_(schedule_freep) Schedule *schedule = evaluating(trigger);
    _cleanup_(execution_freep) Execution *execution = NULL;
    ck_assert_int_eq(take(schedule, RESULT(",\"fires\":false"), LATER, &execution), SCHEDULE_E_NONE);
    ck_assert_uint_eq(schedule_next(schedule), at(intervals[_i].next));
}
END_TEST

START_TEST(test_what_is_off_is_not_asked)
{
    _cleanup_(schedule_freep) Schedule *by_row = make(POLL, "{\"disabled\":true}");
    _cleanup_(schedule_freep) Schedule *by_trigger = make(POLL "    disabled: true\n", NULL);
    _cleanup_(schedule_freep) Schedule *by_flow = make_in("disabled: true\n", POLL, NULL);
    ck_assert_uint_eq(schedule_next(by_row), USEC_INFINITY);
    ck_assert_uint_eq(schedule_next(by_trigger), USEC_INFINITY);
    ck_assert_uint_eq(schedule_next(by_flow), USEC_INFINITY);
    ck_assert(!schedule_is_off(by_row) && schedule_is_off(by_trigger) && schedule_is_off(by_flow));
}
END_TEST

START_TEST(test_no_backfill)
{
    _cleanup_(schedule_freep) Schedule *schedule = make(POLL, NULL);
    ck_assert_int_eq(change(schedule, "update", "{\"backfill\":{\"start\":\"2026-11-20T00:00:00Z\"}}", NOW),
                     SCHEDULE_E_REFUSED);
    ck_assert_int_eq(change(schedule, "backfillPause", "{}", NOW), SCHEDULE_E_REFUSED);
    assert_row(schedule, "backfill", "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("polling");
    TCase *tests = tcase_create("locks");
    tcase_add_test(tests, test_slots_wait_for_the_execution);
    tcase_add_test(tests, test_unlock);
    tcase_add_test(tests, test_what_failed_before_it_began_is_no_lock);
    tcase_add_loop_test(tests, test_stop_after, 0, (int)ELEMENTS(stops));
    tcase_add_test(tests, test_stop_after_keeps_the_switch);
    suite_add_tcase(suite, tests);
    tests = tcase_create("polling");
    tcase_add_test(tests, test_job);
    tcase_add_test(tests, test_a_result_that_fires);
    tcase_add_test(tests, test_a_result_that_does_not_fire);
    tcase_add_loop_test(tests, test_a_late_result_is_refused, 0, 3);
    tcase_add_test(tests, test_the_worker_is_shown);
    tcase_add_test(tests, test_conditions_are_asked_first);
    tcase_add_test(tests, test_a_condition_that_fails);
    tcase_add_loop_test(tests, test_interval, 0, (int)ELEMENTS(intervals));
    tcase_add_test(tests, test_what_is_off_is_not_asked);
    tcase_add_test(tests, test_no_backfill);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
