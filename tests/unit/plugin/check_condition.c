/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "doc/json.h"
#include "plugin/condition.h"
#include "plugin/flow_trigger.h"

#include <check.h>

/* An execution of team.a/child in WARNING, labels env=prod, outputs {n: 5}, with one run tried twice (FAILED, SUCCESS).
 */
static Execution *make_execution(void)
{
    Execution *execution = execution_new("execution1", "team.a", "child", 1, USEC_PER_SEC);
    state_set(&execution->state, STATE_RUNNING, 2 * USEC_PER_SEC);
    state_set(&execution->state, STATE_WARNING, 3 * USEC_PER_SEC);
    json_decref(execution->labels);
    execution->labels = json_pack("[{s:s,s:s}]", "key", "env", "value", "prod");
    execution->outputs = json_pack("{s:i}", "n", 5);
    TaskRun *run = execution_add_task_run(execution, "run1", "task", NULL, NULL, NULL, USEC_PER_SEC);
    const State states[] = {STATE_FAILED, STATE_SUCCESS};
    for (size_t i = 0; i < ELEMENTS(states); i++) {
        TaskRunAttempt attempt = {};
        state_trail_init(&attempt.state, states[i], USEC_PER_SEC);
        vec_push(&run->attempts, attempt);
    }
    return execution;
}

/* Sunday in Paris, still Saturday in UTC. */
static const char date[] = "2026-11-29T00:30:00+01:00";

static const struct {
    const char *type, *properties;
    int expected; /* 1, 0, or -1: fails */
} rows[] = {
    {"DayWeek", "\"dayOfWeek\":\"SUNDAY\"", 1},
    {"DayWeek", "\"dayOfWeek\":\"SATURDAY\"", 0},
    {"DayWeek", "\"dayOfWeek\":\"THURSDAY\",\"date\":\"1970-01-01T00:00:00Z\"", 1},
    {"DayWeek", "\"dayOfWeek\":\"SUNDAY\",\"date\":\"tomorrow\"", -1},
    {"DayWeek", "\"dayOfWeek\":\"SUNDAY\",\"date\":\"{{ nope }}\"", -1},
    {"PublicHoliday", "\"country\":\"DE\",\"date\":\"2026-04-06T10:00:00Z\"", 1}, /* moves */
    {"PublicHoliday", "\"country\":\"DE\",\"date\":\"2026-04-07T10:00:00Z\"", 0},
    {"PublicHoliday", "\"country\":\"fr\",\"date\":\"2031-07-14T10:00:00Z\"", 1}, /* does not */
    {"PublicHoliday", "\"country\":\"DE\",\"date\":\"2026-06-04T10:00:00Z\"", 0},
    {"PublicHoliday", "\"country\":\"DE\",\"subDivision\":\"by\",\"date\":\"2026-06-04T10:00:00Z\"", 1},
    {"PublicHoliday", "\"country\":\"DE\",\"subDivision\":\"BY\",\"date\":\"2026-10-03T10:00:00Z\"", 1},
    {"PublicHoliday", "\"country\":\"DE\",\"date\":\"1999-12-25T10:00:00Z\"", -1},
    {"PublicHoliday", "\"country\":\"XX\",\"date\":\"2026-12-25T10:00:00Z\"", -1},
    {"PublicHoliday", "\"country\":\"years\",\"date\":\"2026-12-25T10:00:00Z\"", -1},
    {"PublicHoliday", "\"date\":\"2026-12-25T10:00:00Z\"", -1},
    {"Weekend", "", 1},
    {"Weekend", "\"date\":\"2026-11-27T23:59:59Z\"", 0},
    {"DayWeekInMonth", "\"dayOfWeek\":\"SUNDAY\",\"dayInMonth\":\"LAST\"", 1},
    {"DayWeekInMonth", "\"dayOfWeek\":\"SUNDAY\",\"dayInMonth\":\"FOURTH\"", 0},
    {"DayWeekInMonth", "\"dayOfWeek\":\"SUNDAY\",\"dayInMonth\":\"FIRST\",\"date\":\"2026-11-01T00:00:00Z\"", 1},
    {"DayWeekInMonth", "\"dayOfWeek\":\"SUNDAY\",\"dayInMonth\":\"LAST\",\"date\":\"2026-11-22T00:00:00Z\"", 0},
    {"DateTimeBetween", "\"after\":\"2026-11-28T23:29:59Z\"", 1},
    {"DateTimeBetween", "\"after\":\"2026-11-28T23:30:00Z\"", 0},
    {"DateTimeBetween", "\"before\":\"2026-11-28T23:30:01Z\",\"after\":\"2020-01-01T00:00:00Z\"", 1},
    {"TimeBetween", "\"after\":\"00:00:00+01:00\",\"before\":\"01:00:00+01:00\"", 1},
    {"TimeBetween", "\"after\":\"00:30:00+01:00\"", 0},
    {"TimeBetween", "\"before\":\"00:31:00Z\"", 1},
    {"TimeBetween", "\"before\":\"noon\"", -1},
    {"Expression", "\"expression\":\"{{ trigger.date starts with '2026' }}\"", -1},
    {"Expression", "\"expression\":\"{{ 1 > 2 }}\"", 0},
    {"Expression", "\"expression\":\"anything\"", 1},
    {"Not", "\"conditions\":[{\"type\":\"io.kestra.plugin.core.condition.Weekend\"}]", 0},
    {"Or",
     "\"conditions\":[{\"type\":\"io.kestra.plugin.core.condition.Expression\",\"expression\":\"false\"},"
     "{\"type\":\"io.kestra.plugin.core.condition.Weekend\"}]",
     1},
    {"Or", "\"conditions\":[{\"type\":\"gone.Type\"}]", -1},
    {"ExecutionFlow", "\"namespace\":\"team.a\",\"flowId\":\"child\"", 1},
    {"ExecutionFlow", "\"namespace\":\"team.a\",\"flowId\":\"other\"", 0},
    {"ExecutionNamespace", "\"namespace\":\"team.a\"", 1},
    {"ExecutionNamespace", "\"namespace\":\"team\"", 0},
    {"ExecutionNamespace", "\"namespace\":\"team\",\"comparison\":\"PREFIX\"", 1},
    {"ExecutionNamespace", "\"namespace\":\"team\",\"prefix\":true", 1},
    {"ExecutionNamespace", "\"namespace\":\".a\",\"comparison\":\"SUFFIX\"", 1},
    {"ExecutionLabels", "\"labels\":{\"env\":\"prod\"}", 1},
    {"ExecutionLabels", "\"labels\":[{\"key\":\"env\",\"value\":\"dev\"}]", 0},
    {"ExecutionLabels", "\"labels\":{\"none\":\"prod\"}", 0},
    {"ExecutionStatus", "\"in\":[\"WARNING\"]", 1},
    {"ExecutionStatus", "\"notIn\":[\"WARNING\"]", 0},
    {"ExecutionOutputs", "\"expression\":\"{{ trigger.outputs.n == 5 }}\"", 1},
    {"ExecutionOutputs", "\"expression\":\"{{ trigger.outputs.n == 6 }}\"", 0},
    {"HasRetryAttempt", "\"in\":[\"FAILED\"]", 1},
    {"HasRetryAttempt", "\"in\":[\"KILLED\"]", 0},
};

START_TEST(test_rows)
{
    _cleanup_(execution_freep) Execution *execution = make_execution();
    _cleanup_json_ json_t *variables = json_pack("{s:{s:s}}", "trigger", "date", date);
    const ExprContext render = {.variables = variables};
    const ConditionContext context = {.render = &render, .execution = execution};
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        _cleanup_free_ char *text = xasprintf("{\"type\":\"io.kestra.plugin.core.condition.%s\"%s%s}", rows[i].type,
                                              *rows[i].properties ? "," : "", rows[i].properties);
        _cleanup_json_ json_t *condition = NULL;
        ck_assert_msg(json_parse(text, strlen(text), 0, &condition, NULL) == 0, "%s", text);
        _cleanup_diag_ Diag diag = DIAG_INIT;
        bool holds = false;
        int r = condition_holds(condition, &context, &holds, &diag);
        ck_assert_msg((r != 0 ? -1 : holds) == rows[i].expected, "%s: %d %s", text, r != 0 ? -1 : holds,
                      diag_first(&diag));
        ck_assert(r == 0 || diag.errors > 0);
    }
}
END_TEST

START_TEST(test_without_execution)
{
    const ExprContext render = {};
    const ConditionContext context = {.render = &render};
    static const char *const types[] = {"ExecutionFlow",         "ExecutionNamespace", "ExecutionStatus",
                                        "ExecutionOutputs",      "HasRetryAttempt",    "FlowCondition",
                                        "FlowNamespaceCondition"};
    for (size_t i = 0; i < ELEMENTS(types); i++) {
        _cleanup_json_ json_t *condition =
            json_pack("{s:o}", "type", json_sprintf("io.kestra.plugin.core.condition.%s", types[i]));
        bool holds = true;
        ck_assert_int_eq(condition_holds(condition, &context, &holds, NULL), 0);
        ck_assert_msg(!holds, "%s", types[i]);
    }
}
END_TEST

START_TEST(test_list)
{
    const ExprContext render = {};
    const ConditionContext context = {.render = &render};
    bool holds = false;
    ck_assert_int_eq(conditions_hold(NULL, &context, &holds, NULL), 0);
    ck_assert(holds);
    _cleanup_json_ json_t *list = json_pack("[{s:s,s:b},{s:s,s:s}]", "type", "gone.Type", "disabled", 1, "type",
                                            "io.kestra.plugin.core.condition.VariableCondition", "expression", "false");
    ck_assert_int_eq(conditions_hold(list, &context, &holds, NULL), 0);
    ck_assert(!holds);
}
END_TEST

#define C(name, rest) "{\"type\":\"io.kestra.plugin.core.condition." name "\"" rest "}"
#define OF_CHILD      C("ExecutionFlow", ",\"namespace\":\"team.a\",\"flowId\":\"child\"")
#define OF_OTHER      C("ExecutionFlow", ",\"namespace\":\"team.a\",\"flowId\":\"other\"")
#define STATUS        C("ExecutionStatus", ",\"in\":[\"SUCCESS\"]")

/* Whether executions of team.a/child can make the trigger fire. */
static const struct {
    const char *trigger;
    bool expected;
} followed[] = {
    {"{}", true},
    {"{\"conditions\":[" STATUS "]}", true},
    {"{\"conditions\":[" OF_CHILD "," STATUS "]}", true},
    {"{\"conditions\":[" OF_OTHER "," STATUS "]}", false},
    {"{\"conditions\":[" C("ExecutionNamespace", ",\"namespace\":\"team\",\"comparison\":\"PREFIX\"") "]}", true},
    {"{\"conditions\":[" C("ExecutionNamespace", ",\"namespace\":\"team\"") "]}", false},
    {"{\"conditions\":[" C("Not", ",\"conditions\":[" OF_CHILD "]") "]}", false},
    {"{\"conditions\":[" C("Not", ",\"conditions\":[" OF_OTHER "]") "]}", true},
    {"{\"conditions\":[" C("Not", ",\"conditions\":[" STATUS "]") "]}", true},
    {"{\"conditions\":[" C("Or", ",\"conditions\":[" OF_OTHER "," OF_CHILD "]") "]}", true},
    {"{\"conditions\":[" C("Or", ",\"conditions\":[" OF_OTHER "]") "]}", false},
    {"{\"conditions\":[" C("MultipleCondition", ",\"conditions\":{\"a\":" OF_OTHER ",\"b\":" OF_CHILD "}") "]}", true},
    {"{\"conditions\":[" C("MultipleCondition", ",\"conditions\":{\"a\":" OF_OTHER ",\"b\":" STATUS "}") "]}", false},
    {"{\"conditions\":[" C("MultipleCondition", ",\"conditions\":{\"b\":" STATUS "}") "]}", true},
    {"{\"conditions\":[{\"type\":\"gone.Type\"}]}", true},
    {"{\"preconditions\":{\"flows\":[{\"namespace\":\"team.a\"}]}}", true},
    {"{\"preconditions\":{\"flows\":[{\"namespace\":\"team.a\",\"flowId\":\"child\"},{\"namespace\":\"team.b\"}]}}",
     true},
    {"{\"preconditions\":{\"flows\":[{\"namespace\":\"team.a\",\"flowId\":\"other\"}]}}", false},
    {"{\"preconditions\":{\"where\":[{\"filters\":[{\"field\":\"FLOW_ID\",\"type\":\"STARTS_WITH\",\"value\":\"ch\"},"
     "{\"field\":\"STATE\",\"type\":\"EQUAL_TO\",\"value\":\"FAILED\"}]}]}}",
     true},
    {"{\"preconditions\":{\"where\":[{\"filters\":[{\"field\":\"NAMESPACE\",\"type\":\"EQUAL_TO\",\"value\":\"team.b\"}"
     "]}]}}",
     false},
};

START_TEST(test_who_can_make_a_trigger_fire)
{
    _cleanup_json_ json_t *trigger = json_loads(followed[_i].trigger, 0, NULL);
    ck_assert_msg(trigger, "%s", followed[_i].trigger);
    ck_assert_msg(flow_trigger_may_follow(trigger, "team.a", "child") == followed[_i].expected, "%s",
                  followed[_i].trigger);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("condition");
    TCase *tests = tcase_create("condition");
    tcase_add_test(tests, test_rows);
    tcase_add_test(tests, test_without_execution);
    tcase_add_test(tests, test_list);
    tcase_add_loop_test(tests, test_who_can_make_a_trigger_fire, 0, (int)ELEMENTS(followed));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
