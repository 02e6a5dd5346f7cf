/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event_kind.h"
#include "model/execution.h"
#include "model/log_entry.h"

#include <check.h>

#define NOW (UINT64_C(1764000000) * USEC_PER_SEC)

START_TEST(every_state_has_a_name_and_at_most_one_nature)
{
    for (State state = 0; state < _STATE_MAX; state++) {
        ck_assert_int_eq(state_from_string(state_to_string(state)), state);
        ck_assert_int_le(state_is_created(state) + state_is_running(state) + state_is_terminated(state), 1);
    }
    ck_assert_int_eq(state_from_string("success"), _STATE_INVALID);
    ck_assert_int_eq(state_from_string(NULL), _STATE_INVALID);
    ck_assert(!state_is_terminated(STATE_PAUSED));
    ck_assert(state_is_terminated(STATE_SKIPPED));
}
END_TEST

START_TEST(a_trail_never_goes_back_and_never_repeats)
{
    StateTrail trail;
    state_trail_init(&trail, STATE_CREATED, NOW);
    state_set(&trail, STATE_RUNNING, NOW - USEC_PER_SEC);
    state_set(&trail, STATE_RUNNING, NOW + 5);
    ck_assert_uint_eq(trail.histories.count, 2);
    ck_assert_uint_eq(trail.histories.items[1].date, NOW);
    ck_assert_uint_eq(state_end_date(&trail), 0);
    state_set(&trail, STATE_SUCCESS, NOW + 2 * USEC_PER_SEC);
    ck_assert_uint_eq(state_end_date(&trail), NOW + 2 * USEC_PER_SEC);
    ck_assert(state_has_been(&trail, STATE_RUNNING));
    ck_assert(!state_has_been(&trail, STATE_PAUSED));
    json_t *body = state_encode(&trail, NOW);
    StateTrail again;
    ck_assert_int_eq(state_decode(body, &again), 0);
    ck_assert_int_eq(state_current(&again), STATE_SUCCESS);
    ck_assert_uint_eq(again.histories.count, 3);
    ck_assert_str_eq(json_string_value(json_object_get(body, "duration")), "PT2S");
    json_decref(body);
    state_trail_done(&again);
    state_trail_done(&trail);
}
END_TEST

START_TEST(a_wrong_state_is_refused)
{
    static const char *const wrong[] = {
        "{}",
        "{\"current\":\"SUCCESS\",\"histories\":[]}",
        "{\"current\":\"SUCCESS\",\"histories\":[{\"state\":\"RUNNING\",\"date\":\"2024-01-01T00:00:00Z\"}]}",
        "{\"current\":\"RUNNING\",\"histories\":[{\"state\":\"RUNNING\",\"date\":\"yesterday\"}]}",
        "{\"current\":\"GONE\",\"histories\":[{\"state\":\"GONE\",\"date\":\"2024-01-01T00:00:00Z\"}]}",
    };
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        json_t *value = json_loads(wrong[i], 0, NULL);
        StateTrail trail;
        ck_assert_int_gt(state_decode(value, &trail), 0);
        json_decref(value);
    }
}
END_TEST

static Execution *sample(void)
{
    Execution *execution = execution_new("7WqbEu72yCkytNxbxaJ94M", "sample.team", "demo", 2, NOW);
    execution->inputs = json_pack("{s:s}", "name", "Bob");
    TaskRun *each = execution_add_task_run(execution, "run1", "each", NULL, NULL, NULL, NOW);
    TaskRun *child = execution_add_task_run(execution, "run2", "ret", NULL, each, "a", NOW);
    child->iteration = 3;
    child->outputs = json_pack("{s:s}", "value", "a");
    TaskRunAttempt attempt = {};
    state_trail_init(&attempt.state, STATE_CREATED, NOW);
    vec_push(&child->attempts, attempt);
    return execution;
}

START_TEST(what_is_encoded_is_decoded)
{
    Execution *execution = sample();
    json_t *body = execution_encode(execution, NOW);
    ck_assert_ptr_null(json_object_get(body, "outputs"));
    ck_assert_ptr_null(json_object_get(body, "parentId"));
    Execution *again;
    ck_assert_int_eq(execution_decode(body, &again, NULL), 0);
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        json_t *row = task_run_encode(execution, execution->task_runs.items[i], NOW);
        TaskRun *run;
        ck_assert_int_eq(task_run_decode(again, row, NULL, &run, NULL), 0);
        json_t *row_again = task_run_encode(again, run, NOW);
        ck_assert(json_equal(row, row_again));
        ck_assert_int_gt(task_run_decode(again, row, NULL, &run, NULL), 0);
        json_decref(row);
        json_decref(row_again);
    }
    json_t *body_again = execution_encode(again, NOW);
    ck_assert(json_equal(body, body_again));
    ck_assert_str_eq(execution_task_run(again, "run2")->parent->id, "run1");
    json_decref(body);
    json_decref(body_again);
    execution_free(again);
    execution_free(execution);
}
END_TEST

START_TEST(a_position_is_never_given_twice)
{
    Execution *execution = sample();
    execution_remove_task_run(execution, execution_task_run(execution, "run1"));
    ck_assert_ptr_null(execution_task_run(execution, "run1"));
    TaskRun *run = execution_add_task_run(execution, "run3", "x", NULL, NULL, NULL, NOW);
    ck_assert_uint_eq(run->position, 2);
    ck_assert_uint_eq(execution->task_runs.count, 2);
    execution_free(execution);
}
END_TEST

START_TEST(labels_come_from_maps_and_lists)
{
    json_t *labels, *more;
    json_t *map = json_pack("{s:s,s:i,s:b}", "a", "x", "b", 2, "c", 1);
    json_t *list = json_pack("[{s:s,s:s}]", "key", "a", "value", "y");
    json_t *wrong = json_pack("{s:[]}", "a");
    ck_assert_int_eq(labels_decode(map, &labels), 0);
    ck_assert_int_eq(labels_decode(list, &more), 0);
    ck_assert_str_eq(label_get(labels, "b"), "2");
    ck_assert_str_eq(label_get(labels, "c"), "true");
    json_t *merged = labels_merge(labels, more);
    ck_assert_uint_eq(json_array_size(merged), 3);
    ck_assert_str_eq(label_get(merged, "a"), "y");
    ck_assert_ptr_null(label_get(merged, "z"));
    json_decref(labels);
    ck_assert_int_gt(labels_decode(wrong, &labels), 0);
    json_decref(map);
    json_decref(list);
    json_decref(wrong);
    json_decref(more);
    json_decref(merged);
}
END_TEST

START_TEST(names_go_both_ways)
{
    for (int kind = 0; kind < _EVENT_KIND_MAX; kind++)
        ck_assert_int_eq(event_kind_from_string(event_kind_to_string((EventKind)kind)), kind);
    ck_assert_int_eq(event_kind_from_string("nothing"), _EVENT_KIND_INVALID);
    for (int level = LOG_LEVEL_TRACE; level <= LOG_LEVEL_ERROR; level++)
        ck_assert_int_eq(log_level_from_string(log_level_to_string(level)), level);
    ck_assert_int_eq(log_level_from_string("LOUD"), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("execution");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, every_state_has_a_name_and_at_most_one_nature);
    tcase_add_test(tcase, a_trail_never_goes_back_and_never_repeats);
    tcase_add_test(tcase, a_wrong_state_is_refused);
    tcase_add_test(tcase, what_is_encoded_is_decoded);
    tcase_add_test(tcase, a_position_is_never_given_twice);
    tcase_add_test(tcase, labels_come_from_maps_and_lists);
    tcase_add_test(tcase, names_go_both_ways);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
