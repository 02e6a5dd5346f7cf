/* SPDX-License-Identifier: Apache-2.0 */
/* Flow triggers: executions that come of other executions' changes of state. */
#include "sim/play.h"

#include <check.h>

#define HOUR (UINT64_C(3600) * USEC_PER_SEC)

static const char source[] = "id: source\nnamespace: t\ntasks:\n"
                             "  - {id: a, type: io.kestra.plugin.core.log.Log, message: x}\n";
static const char every_end[] = "id: every\nnamespace: t\ntasks:\n"
                                "  - {id: b, type: io.kestra.plugin.core.log.Log, message: x}\n"
                                "triggers:\n  - id: listen\n    type: io.kestra.plugin.core.trigger.Flow\n"
                                "    inputs: {from: '{{ trigger.executionId }}'}\n"
                                "    conditions:\n"
                                "      - type: io.kestra.plugin.core.condition.ExecutionFlow\n"
                                "        namespace: t\n        flowId: source\n";
static const char both[] =
    "id: both\nnamespace: t\ntasks:\n"
    "  - {id: b, type: io.kestra.plugin.core.log.Log, message: x}\n"
    "triggers:\n  - id: listen\n    type: io.kestra.plugin.core.trigger.Flow\n"
    "    preconditions:\n      id: both\n      timeWindow: {type: SLIDING_WINDOW, window: PT1H}\n"
    "      flows:\n        - {namespace: t, flowId: source, states: [FAILED]}\n"
    "      where:\n        - id: good\n          filters:\n"
    "            - {field: STATE, type: REGEX, value: 'SUCC.*'}\n"
    "            - {field: EXPRESSION, type: EQUAL_TO, value: \"{{ 'x' }}\"}\n";
static const char itself[] = "id: itself\nnamespace: t\ntasks:\n"
                             "  - {id: b, type: io.kestra.plugin.core.log.Log, message: x}\n"
                             "triggers:\n  - {id: listen, type: io.kestra.plugin.core.trigger.Flow}\n";

static size_t executions(Play *play)
{
    return queue_store_counts(play_store(play)).executions;
}

static void start(Play *play, State state)
{
    play_rule(play, "a", -1, state, NULL);
    play_start(play, NULL);
    play_run(play);
}

START_TEST(one_execution_starts_another)
{
    _cleanup_(play_freep) Play *play = play_new(1);
    play_add_flow(play, source);
    play_add_flow(play, every_end);
    start(play, STATE_SUCCESS);
    ck_assert_uint_eq(executions(play), 2);
    start(play, STATE_FAILED);
    ck_assert_uint_eq(executions(play), 4);
    ck_assert_uint_eq(queue_store_counts(play_store(play)).timers, 0);
}
END_TEST

START_TEST(a_flow_does_not_start_itself)
{
    _cleanup_(play_freep) Play *play = play_new(1);
    play_add_flow(play, itself);
    start(play, STATE_SUCCESS);
    ck_assert_uint_eq(executions(play), 1);
}
END_TEST

/* The filter on EXPRESSION compares the rendered text with the text as written: never equal here, so that nothing
 * fires. */
START_TEST(all_filters_must_hold)
{
    _cleanup_(play_freep) Play *play = play_new(1);
    play_add_flow(play, source);
    play_add_flow(play, both);
    start(play, STATE_FAILED);
    start(play, STATE_SUCCESS);
    ck_assert_uint_eq(executions(play), 2);
}
END_TEST

static char *without_expression(void)
{
    char *flow = xstrdup(both);
    *strstr(flow, "            - {field: EXPRESSION") = '\0';
    return flow;
}

static Play *play_with_window(void)
{
    _cleanup_free_ char *listener = without_expression();
    Play *play = play_new(1);
    play_add_flow(play, source);
    play_add_flow(play, listener);
    start(play, STATE_FAILED);
    ck_assert_uint_eq(executions(play), 1);
    ck_assert_uint_eq(queue_store_counts(play_store(play)).timers, 1);
    return play;
}

START_TEST(a_window_outlives_its_owner_and_begins_anew)
{
    _cleanup_(play_freep) Play *play = play_with_window();
    play_takeover(play);
    start(play, STATE_SUCCESS);
    ck_assert_uint_eq(executions(play), 3);
    ck_assert_uint_eq(queue_store_counts(play_store(play)).timers, 0);
    start(play, STATE_SUCCESS);
    ck_assert_uint_eq(executions(play), 4);
}
END_TEST

START_TEST(a_window_ends)
{
    _cleanup_(play_freep) Play *play = play_with_window();
    play_advance(play, 2 * HOUR);
    ck_assert_uint_eq(queue_store_counts(play_store(play)).timers, 0);
    start(play, STATE_SUCCESS);
    ck_assert_uint_eq(executions(play), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listen");
    TCase *tcase = tcase_create("flow triggers");
    tcase_add_test(tcase, one_execution_starts_another);
    tcase_add_test(tcase, a_flow_does_not_start_itself);
    tcase_add_test(tcase, all_filters_must_hold);
    tcase_add_test(tcase, a_window_outlives_its_owner_and_begins_anew);
    tcase_add_test(tcase, a_window_ends);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
