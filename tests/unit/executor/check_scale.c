/* SPDX-License-Identifier: Apache-2.0 */
/* Cost must not grow faster than work: a loop over ten times the values takes about ten times the time of the steps. */
#include "doc/json.h"
#include "sim/play.h"

#include <check.h>
#include <time.h>

static const char flow[] = "id: demo\nnamespace: t\n"
                           "inputs:\n  - {id: v, type: JSON}\n"
                           "tasks:\n"
                           "  - id: each\n"
                           "    type: io.kestra.plugin.core.flow.ForEach\n"
                           "    concurrencyLimit: %s\n"
                           "    values: \"{{ inputs.v }}\"\n"
                           "    tasks:\n"
                           "      - {id: one, type: io.kestra.plugin.core.debug.Return, format: \"{{ taskrun.value }}\"}\n"
                           "      - {id: two, type: io.kestra.plugin.core.debug.Return, format: x}\n";

static const char chain_head[] = "id: demo\nnamespace: t\ntasks:\n";

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

static const char *const limits[] = {"1", "0", "7"};

START_TEST(loops_are_linear)
{
    double small = run_loop(limits[_i], 500), large = run_loop(limits[_i], 5000);
    printf("ForEach concurrencyLimit %s: 500 values %.3f s, 5,000 values %.3f s, ratio %.1f\n", limits[_i], small, large,
           large / small);
    ck_assert_msg(large < 25 * small, "ratio %.1f", large / small);
}
END_TEST

START_TEST(long_chains_run)
{
    enum { LENGTH = 1000 };
    Buffer yaml = {};
    buffer_append(&yaml, chain_head);
    for (unsigned i = 0; i < LENGTH; i++)
        buffer_printf(&yaml, "  - {id: t%u, type: io.kestra.plugin.core.log.Log, message: x}\n", i);
    Play *play = play_new(1);
    play_add_flow(play, buffer_text(&yaml));
    const char *id = play_start(play, NULL);
    play_run(play);
    ck_assert_str_eq(json_string_value(json_at(queue_store_execution(play_store(play), id), "state.current")), "SUCCESS");
    ck_assert_uint_eq(queue_store_counts(play_store(play)).task_runs, LENGTH);
    play_free(play);
    buffer_done(&yaml);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scale");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, loops_are_linear, 0, ELEMENTS(limits));
    tcase_add_test(tcase, long_chains_run);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
