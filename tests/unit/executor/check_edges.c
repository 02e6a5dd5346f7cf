/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each event does in each state of an execution: tests/data/step/edges.table, a line an event and state, with the
 * state after it; "stale" where it may not be applied. `check_edges -p` prints what is the case.
 */
#include "base/buffer.h"
#include "doc/json.h"
#include "executor/step.h"
#include "plugin/registry.h"

#include <check.h>

static const char source[] = "id: demo\nnamespace: t\ntasks:\n"
                             "  - {id: a, type: io.kestra.plugin.core.log.Log, message: x}\n"
                             "  - {id: b, type: io.kestra.plugin.core.log.Log, message: x}\n";

/* What is said; a task run is always the first, "A". */
static const struct {
    EventKind kind;
    const char *body;
} events[] = {
    {EVENT_CREATED, "{}"},
    {EVENT_TASK_RUN, "{\"taskRunId\": \"A\", \"attempt\": 0, \"state\": \"SUCCESS\"}"},
    {EVENT_KILL, "{}"},
    {EVENT_KILL_TREE, "{}"},
    {EVENT_RESTART, "{}"},
    {EVENT_RESUME, "{}"},
    {EVENT_PAUSE, "{}"},
    {EVENT_CHANGE_STATUS, "{\"state\": \"WARNING\"}"},
    {EVENT_MARK_AS, "{\"taskRunId\": \"A\", \"state\": \"SUCCESS\"}"},
    {EVENT_FORCE_RUN, "{}"},
    {EVENT_UNQUEUE, "{}"},
    {EVENT_SLOT_ANSWER, "{\"answer\": \"granted\"}"},
    {EVENT_LABELS, "{\"labels\": {}}"},
    {EVENT_FOLLOW, "{}"},
    {EVENT_DELETE, "{}"},
};

static uint64_t count_up(void *userdata)
{
    return ++*(uint64_t *)userdata;
}

static Flow *parse_flow(void)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    const FlowParse options = {.registry = &plugin_registry, .revision = 1};
    Flow *flow;
    if (flow_parse(source, strlen(source), &options, &flow, &diag) != 0)
        abort();
    return flow;
}

/* How the first task run stands when the execution is in that state. */
static State state_of_run(State state)
{
    if (state_is_terminated(state))
        return STATE_FAILED;
    return state == STATE_PAUSED || state == STATE_RETRYING ? state : STATE_RUNNING;
}

static Execution *make_execution(const Flow *flow, State state)
{
    Execution *execution = execution_new("E", "t", "demo", 1, 1);
    if (state == STATE_CREATED || state == STATE_QUEUED) {
        state_set(&execution->state, state, 1);
        return execution;
    }
    TaskRun *run = execution_add_task_run(execution, "A", "a", flow_task(flow, "a"), NULL, NULL, 1);
    TaskRunAttempt attempt = {};
    state_trail_init(&attempt.state, STATE_RUNNING, 1);
    vec_push(&run->attempts, attempt);
    state_set(&run->state, state_of_run(state), 1);
    state_set(&execution->state, state, 1);
    return execution;
}

static const char *after(EventKind kind, const char *text, State state)
{
    uint64_t chance = 0;
    _cleanup_(flow_unrefp) Flow *flow = parse_flow();
    _cleanup_(live_freep) Live *live = live_new(make_execution(flow, state), flow, NULL);
    _cleanup_(unit_freep) Unit *unit = unit_new();
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_json_ json_t *body = json_loads(text, 0, NULL);
    Step step = {.now = 2, .random = count_up, .random_userdata = &chance, .unit = unit, .diag = &diag};
    int r = step_apply(&step, live, kind, body);
    const char *result = state_to_string(state_current(&live_execution(live)->state));
    if (r == 0 && live_is_deleted(live))
        result = "gone";
    step_save(&step, live);
    step_done(&step);
    return r == STEP_E_STALE ? "stale" : r != 0 ? "invalid" : result;
}

static char *table(void)
{
    Buffer text = {};
    for (size_t i = 0; i < ELEMENTS(events); i++)
        for (State state = 0; state < _STATE_MAX; state++)
            buffer_printf(&text, "%s %s: %s\n", event_kind_to_string(events[i].kind), state_to_string(state),
                          after(events[i].kind, events[i].body, state));
    return buffer_take(&text);
}

START_TEST(every_event_in_every_state)
{
    FILE *file = fopen(STEP_CASES "/edges.table", "re");
    ck_assert_ptr_nonnull(file);
    char *given = table(), line[256];
    const char *rest = given;
    while (fgets(line, sizeof(line), file)) {
        ck_assert_msg(starts_with(rest, line), "instead of '%.*s' it says '%.*s'", (int)strcspn(line, "\n"), line,
                      (int)strcspn(rest, "\n"), rest);
        rest += strlen(line);
    }
    ck_assert_str_eq(rest, "");
    fclose(file);
    free(given);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1) {
        _cleanup_free_ char *text = table();
        fputs(text, stdout);
        return EXIT_SUCCESS;
    }
    Suite *suite = suite_create("edges");
    TCase *tcase = tcase_create("edges");
    tcase_add_test(tcase, every_event_in_every_state);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
