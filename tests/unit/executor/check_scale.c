/* SPDX-License-Identifier: Apache-2.0 */
/* Cost must not grow faster than work: a loop over ten times the values takes about ten times the time of the steps. */
#include "doc/json.h"
#include "sim/play.h"

#include <check.h>
#include <time.h>

static const char flow[] =
    "id: demo\nnamespace: t\n"
    "inputs:\n  - {id: v, type: JSON}\n"
    "tasks:\n"
    "  - id: each\n"
    "    type: io.kestra.plugin.core.flow.ForEach\n"
    "    concurrencyLimit: %s\n"
    "    values: \"{{ inputs.v }}\"\n"
    "    tasks:\n"
    "      - {id: one, type: io.kestra.plugin.core.debug.Return, format: \"{{ taskrun.value }}\"}\n"
    "      - {id: two, type: io.kestra.plugin.core.debug.Return, format: x}\n";

static const char head[] = "id: demo\nnamespace: t\ntasks:\n";

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* CPU time of the executor's steps in microseconds, and of everything. */
static double run_loop(const char *limit, unsigned count)
{
    char yaml[sizeof(flow) + 16];
    snprintf(yaml, sizeof(yaml), flow, limit);
    json_t *values = json_array();
    for (unsigned i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "v%u", i);
        json_array_append_new(values, json_string(text));
    }
    Play *play = play_new(1);
    play_add_flow(play, yaml);
    double begun = seconds();
    const char *id = play_start(play, json_pack("{s:o}", "v", values));
    play_run(play);
    double taken = seconds() - begun;
    const json_t *body = queue_store_execution(play_store(play), id);
    ck_assert_str_eq(json_string_value(json_at(body, "state.current")), "SUCCESS");
    ck_assert_uint_eq(queue_store_counts(play_store(play)).task_runs, 2 * count + 1);
    play_free(play);
    return taken;
}

static const struct {
    const char *limit;
    unsigned values;
} loops[] = {{"1", 500}, {"0", 1000}, {"7", 500}};

static double ratio_of_ten(const char *limit, unsigned values)
{
    double small = run_loop(limit, values), large = run_loop(limit, 10 * values);
    printf("ForEach concurrencyLimit %s: %u values %.3f s, ten times as many %.3f s, ratio %.1f\n", limit, values,
           small, large, large / small);
    return large / small;
}

/* What is quadratic gives a hundred; a machine that does something else meanwhile gives anything, but not three times.
 */
START_TEST(loops_are_linear)
{
    double ratio = ratio_of_ten(loops[_i].limit, loops[_i].values);
    for (unsigned i = 0; i < 2 && ratio > 20; i++)
        ratio = MIN(ratio, ratio_of_ten(loops[_i].limit, loops[_i].values));
    ck_assert_msg(ratio < 20, "ratio %.1f", ratio);
}
END_TEST

/* Runs the flow to its end; takes the text. */
static void run_flow(Buffer *yaml, size_t task_runs)
{
    Play *play = play_new(1);
    play_add_flow(play, buffer_text(yaml));
    const char *id = play_start(play, NULL);
    double begun = seconds();
    play_run(play);
    printf("%zu task runs %.3f s\n", task_runs, seconds() - begun);
    ck_assert_str_eq(json_string_value(json_at(queue_store_execution(play_store(play), id), "state.current")),
                     "SUCCESS");
    ck_assert_uint_eq(queue_store_counts(play_store(play)).task_runs, task_runs);
    play_free(play);
    buffer_done(yaml);
}

START_TEST(long_chains_run)
{
    enum { LENGTH = 1000 };
    Buffer yaml = {};
    buffer_append(&yaml, head);
    for (unsigned i = 0; i < LENGTH; i++)
        buffer_printf(&yaml, "  - {id: t%u, type: io.kestra.plugin.core.log.Log, message: x}\n", i);
    run_flow(&yaml, LENGTH);
}
END_TEST

/* Each task waits for the one before it, for its half and for the first. */
START_TEST(large_graphs_run)
{
    enum { LENGTH = 500 };
    Buffer yaml = {};
    buffer_append(&yaml, head);
    buffer_append(&yaml, "  - id: dag\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:\n");
    for (unsigned i = 0; i < LENGTH; i++) {
        buffer_printf(&yaml, "      - task: {id: t%u, type: io.kestra.plugin.core.log.Log, message: x}\n", i);
        if (i > 2)
            buffer_printf(&yaml, "        dependsOn: [t%u, t%u, t0]\n", i - 1, i / 2);
    }
    run_flow(&yaml, LENGTH + 1);
}
END_TEST

/* Flowables of every kind in each other; a loop of one value, so that each level is one task run. */
START_TEST(deep_nesting_runs)
{
    enum { DEPTH = 20 };
    static const char *const kinds[] = {"Sequential", "Parallel", "ForEach, values: [x]", "AllowFailure"};
    Buffer yaml = {};
    buffer_append(&yaml, head);
    buffer_append(&yaml, "  - ");
    for (unsigned i = 0; i < DEPTH; i++)
        buffer_printf(&yaml, "{id: n%u, type: io.kestra.plugin.core.flow.%s, tasks: [", i, kinds[i % ELEMENTS(kinds)]);
    buffer_append(&yaml, "{id: last, type: io.kestra.plugin.core.log.Log, message: x}");
    for (unsigned i = 0; i < DEPTH; i++)
        buffer_append(&yaml, "]}");
    buffer_append_char(&yaml, '\n');
    run_flow(&yaml, DEPTH + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scale");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, loops_are_linear, 0, ELEMENTS(loops));
    tcase_add_test(tcase, long_chains_run);
    tcase_add_test(tcase, large_graphs_run);
    tcase_add_test(tcase, deep_nesting_runs);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
