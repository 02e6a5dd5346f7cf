/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting inside a flow: Pause holds its run and the execution until somebody or a timer resumes it; a flowable that
 * repeats (WaitFor) holds them between two rounds.
 */
#include "executor/live.h"

#include "doc/json.h"

static bool any_paused(const Live *live)
{
    for (size_t i = 0; i < live->execution->task_runs.count; i++)
        if (state_current(&live->execution->task_runs.items[i]->state) == STATE_PAUSED)
            return true;
    return false;
}

/* --- Pause --- */

void pause_begin(Step *step, Live *live, TaskRun *run, const FlowablePlan *plan)
{
    change_run(step, live, run, STATE_PAUSED, 0);
    change_execution(step, live, STATE_PAUSED);
    if (plan->resume_after_usec)
        change_set_timer(step, live, "resume", run, step->now + plan->resume_after_usec);
    else if (plan->end_after_usec)
        change_set_timer(step, live, "expire", run, step->now + plan->end_after_usec);
    bool ends = !plan->resume_after_usec && plan->end_after_usec;
    change_internal(live, run, "timer", plan->resume_after_usec || ends ? json_true() : NULL);
    change_internal(live, run, "endsAs", ends ? json_string(state_to_string(plan->end_state)) : NULL);
}

void pause_clear_timers(Step *step, Live *live, TaskRun *run)
{
    if (!json_object_get(run->internal, "timer"))
        return;
    change_clear_timer(step, live, "resume", run);
    change_clear_timer(step, live, "expire", run);
    change_clear_timer(step, live, "round", run);
    change_internal(live, run, "timer", NULL);
}

static void mark_paused(Step *step, Live *live, TaskRun *run, State state)
{
    if (state_current(&run->state) != STATE_PAUSED)
        return;
    pause_clear_timers(step, live, run);
    char id[ID_BYTES];
    snprintf(id, sizeof(id), "%s", run->id);
    Operation operation = act_operation_begin(step, live);
    int r = operation_mark_as(&operation, live->execution, id, state);
    (void)act_operation_end(step, live, &operation, r); /* the run was found a moment ago */
}

void pause_resume_due(Step *step, Live *live, TaskRun *run)
{
    mark_paused(step, live, run, STATE_RUNNING);
}

void pause_expire_due(Step *step, Live *live, TaskRun *run)
{
    State state = state_from_string(json_get_text(run->internal, "endsAs", "FAILED"));
    if (state_current(&run->state) == STATE_PAUSED && state == STATE_CANCELLED) {
        pause_clear_timers(step, live, run);
        change_run(step, live, run, STATE_CANCELLED, 0);
        end_at_once(step, live, STATE_CANCELLED);
        return;
    }
    mark_paused(step, live, run, scope_allowed_state(run->task, state));
}

/* --- killing --- */

/* Whether nothing but pauses keeps the execution from its end. */
static bool only_pauses(const Live *live)
{
    for (size_t i = 0; i < live->execution->task_runs.count; i++) {
        const TaskRun *run = live->execution->task_runs.items[i];
        State state = state_current(&run->state);
        bool is_open = run->flowable && run->flowable->children;
        if (json_object_get(run->internal, "retryWaits") ||
            (!state_is_terminated(state) && state != STATE_PAUSED && !is_open))
            return false;
    }
    return any_paused(live);
}

/* What would have come next is listed too, and killed with the rest: its first task, and the task after it. */
static void add_what_follows(Step *step, Live *live, TaskRun *run)
{
    const TaskList *tasks = &run->task->tasks;
    size_t first = 0;
    while (first < tasks->count && tasks->items[first]->disabled)
        first++;
    if (first < tasks->count)
        change_add_run(step, live, tasks->items[first], run, NULL);
    Scope *scope = live_scope_of(live, run);
    ScopeItem item;
    if (!scope || scope->order != ORDER_SEQUENTIAL)
        return;
    scope_ended(scope, run->flowable->phase, run->flowable->item, STATE_SUCCESS);
    if (scope_next(scope, &item))
        change_add_run(step, live, item.task, scope->run, item.value);
}

bool pause_kill(Step *step, Live *live)
{
    if (live_state(live) != STATE_PAUSED || !only_pauses(live))
        return false;
    change_execution(step, live, STATE_RESTARTED);
    change_execution(step, live, STATE_RUNNING);
    size_t count = live->execution->task_runs.count;
    for (size_t i = 0; i < count; i++) {
        TaskRun *run = live->execution->task_runs.items[i];
        if (state_current(&run->state) != STATE_PAUSED)
            continue;
        pause_clear_timers(step, live, run);
        change_run(step, live, run, STATE_KILLING, 0);
        if (run->task && !run->task->type->repeat)
            add_what_follows(step, live, run);
    }
    end_at_once(step, live, STATE_KILLED);
    return true;
}

/* --- repeating --- */

static int ask_again(Step *step, Live *live, TaskRun *run, FlowableRepeat *ret)
{
    _cleanup_render_ Render render = render_begin(step, live, run, run->task);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    FlowableContext context = {
        .task = run->task, .task_run = run, .render = &render.context, .diag = &diag, .now = step->now};
    int r = run->task->type->repeat(&context, ret);
    if (r != 0)
        change_log(step, live, run, LOG_LEVEL_ERROR, "Unable to resolve state from the Flowable task: %s",
                   diag_first(&diag));
    return r;
}

bool pause_before_next_round(Step *step, Live *live, TaskRun *run, State *state)
{
    if (!run->task->type->repeat || (*state != STATE_SUCCESS && *state != STATE_WARNING))
        return false;
    FlowableRepeat repeat = {};
    int r = ask_again(step, live, run, &repeat);
    if (repeat.outputs)
        change_outputs(live, run, repeat.outputs);
    if (repeat.warning)
        change_log(step, live, run, LOG_LEVEL_WARN, "%s", repeat.warning);
    if (r != 0 || repeat.failed)
        *state = scope_allowed_state(run->task, STATE_FAILED);
    if (r != 0 || !repeat.again)
        return false;
    change_run(step, live, run, STATE_PAUSED, 0);
    change_execution(step, live, STATE_PAUSED);
    change_set_timer(step, live, "round", run, step->now + repeat.after_usec);
    change_internal(live, run, "timer", json_true());
    return true;
}

static bool is_below(const TaskRun *run, const TaskRun *ancestor)
{
    for (run = run->parent; run; run = run->parent)
        if (run == ancestor)
            return true;
    return false;
}

/* The run begins its life again: only its first entry stays in the history. */
static void begin_round(Step *step, Live *live, TaskRun *run)
{
    usec_t created = state_start_date(&run->state);
    state_trail_done(&run->state);
    state_trail_init(&run->state, STATE_CREATED, created);
    run->iteration = MAX(run->iteration, 1) + 1;
    change_run(step, live, run, STATE_RUNNING, 0);
    FlowablePlan plan = {.tasks = &run->task->tasks, .order = ORDER_SEQUENTIAL};
    run->flowable->children = scope_new(live->execution->flow, run, run->task, &plan);
    live_line_up(live, run->flowable->children);
}

void pause_round_due(Step *step, Live *live, TaskRun *run)
{
    if (state_current(&run->state) != STATE_PAUSED)
        return;
    for (size_t i = live->execution->task_runs.count; i > 0; i--) {
        TaskRun *child = live->execution->task_runs.items[i - 1];
        if (is_below(child, run))
            live_remove_run(step, live, child);
    }
    change_internal(live, run, "timer", NULL);
    begin_round(step, live, run);
    if (live_state(live) == STATE_PAUSED && !any_paused(live))
        change_execution(step, live, STATE_RUNNING);
}
