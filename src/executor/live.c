/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An execution in its owner's memory. The rows say everything: live_rebuild() makes the same scopes out of the task
 * runs that stepping through all events would have made, which is what a takeover and an operation (restart, resume, …)
 * need.
 */
#include "executor/live.h"

#include "doc/json.h"

Live *live_new(Execution *execution, Flow *flow, const char *flow_problem)
{
    Live *live = xnew(Live);
    live->execution = execution;
    if (flow)
        execution_bind_flow(execution, flow);
    else
        live->flow_problem = xstrdup(flow_problem ? flow_problem : "its flow could not be loaded");
    live->outputs = outputs_tree_new(execution);
    live->reads = map_new();
    return live;
}

void live_forget_scopes(Live *live)
{
    for (size_t i = 0; i < live->execution->task_runs.count; i++) {
        TaskRun *run = live->execution->task_runs.items[i];
        if (run->flowable)
            scope_free(run->flowable->children);
        free(run->flowable);
        run->flowable = NULL;
    }
    live->root = scope_free(live->root);
    live->line.count = live->line_first = 0;
    live->retry_line.count = live->unbegun.count = 0;
    live->in_line = 0;
    live->built = false;
}

static void free_json(void *value)
{
    json_decref(value);
}

Live *live_free(Live *live)
{
    if (!live)
        return NULL;
    live_forget_scopes(live);
    vec_free(&live->line);
    vec_free(&live->retry_line);
    vec_free(&live->unbegun);
    vec_free(&live->changed);
    map_destroy(live->reads, free_json);
    outputs_tree_free(live->outputs);
    execution_free(live->execution);
    free(live->flow_problem);
    free(live->outputs_problem);
    free(live);
    return NULL;
}

const Execution *live_execution(const Live *live)
{
    return live->execution;
}

bool live_is_over(const Live *live)
{
    return live->deleted || state_is_terminated(live_state(live));
}

bool live_is_deleted(const Live *live)
{
    return live->deleted;
}

/* --- the line --- */

void live_line_up(Live *live, Scope *scope)
{
    if (scope->pending)
        return;
    scope->pending = true;
    vec_push(&live->line, scope);
}

Scope *live_next_in_line(Live *live)
{
    Scope *scope = live->line.items[live->line_first++];
    if (live->line_first == live->line.count)
        live->line.count = live->line_first = 0;
    scope->pending = false;
    return scope;
}

Scope *live_scope_of(const Live *live, const TaskRun *run)
{
    if (!run->flowable || !run->flowable->counted)
        return NULL;
    return run->parent ? run->parent->flowable->children : live->root;
}

/* --- rebuilding --- */

/* A plan that can not be made any more counts as one without tasks: the flowable fails when it is advanced. */
static Scope *reopen(Step *step, Live *live, TaskRun *run)
{
    FlowablePlan plan = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Diag *outer = step->diag;
    step->diag = &diag;
    if (begin_plan(step, live, run, &plan) != 0) {
        change_log(step, live, run, LOG_LEVEL_ERROR, "Unable to resolve state from the Flowable task: %s",
                   diag_first(&diag));
        plan = (FlowablePlan){};
    }
    step->diag = outer;
    return scope_new(live->execution->flow, run, run->task, &plan);
}

static bool has_open_children(const TaskRun *run)
{
    return task_run_is_flowable(run) && state_is_running(state_current(&run->state));
}

/* A job or another execution that nothing has been heard of yet. */
static bool stands_in_line(const TaskRun *run)
{
    State state = state_current(&run->state);
    if (json_object_get(run->internal, "child"))
        return state == STATE_RUNNING;
    return run->task && run->task->type && run->task->type->where != RUN_FLOWABLE &&
           run->task->type->where != RUN_EXECUTOR && state == STATE_CREATED &&
           !begin_waits(run); /* RESTARTED ones are begun after this */
}

static void rebuild_run(Step *step, Live *live, TaskRun *run)
{
    run->flowable = xnew(struct Flowable);
    Scope *scope = run->parent ? run->parent->flowable->children : live->root;
    bool waits = json_object_get(run->internal, "retryWaits") != NULL;
    if (scope)
        run->flowable->counted = scope_adopt(scope, run, waits ? STATE_RETRYING : state_current(&run->state),
                                             &run->flowable->phase, &run->flowable->item);
    if (waits)
        vec_push(&live->retry_line, run);
    if (begin_waits(run))
        vec_push(&live->unbegun, run);
    if (stands_in_line(run))
        change_line_up(live, run);
    if (has_open_children(run))
        run->flowable->children = reopen(step, live, run);
}

void live_rebuild(Step *step, Live *live)
{
    Execution *execution = live->execution;
    live_forget_scopes(live);
    live->built = true;
    live->postponed = true; /* perhaps: whether its timer is there is not in what was read */
    if (!execution->flow || state_is_terminated(live_state(live)))
        return;
    FlowablePlan plan = {.tasks = &execution->flow->tasks, .order = ORDER_SEQUENTIAL};
    live->root = scope_new(execution->flow, NULL, NULL, &plan);
    /* the list may grow behind us only by what advancing adds, which is not done here */
    for (size_t i = 0; i < execution->task_runs.count; i++)
        rebuild_run(step, live, execution->task_runs.items[i]);
    scope_adopted(live->root);
    live_line_up(live, live->root);
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        Scope *children = execution->task_runs.items[i]->flowable->children;
        if (!children)
            continue;
        scope_adopted(children);
        live_line_up(live, children);
    }
}

void live_remove_run(Step *step, Live *live, TaskRun *run)
{
    for (size_t i = 0; i < live->changed.count; i++)
        if (live->changed.items[i] == run)
            live->changed.items[i] = NULL;
    for (size_t i = 0; i < live->unbegun.count; i++)
        if (live->unbegun.items[i] == run)
            memmove(&live->unbegun.items[i], &live->unbegun.items[i + 1],
                    (--live->unbegun.count - i) * sizeof(TaskRun *));
    outputs_tree_remove(live->outputs, run);
    if (run->flowable) {
        live->in_line -= run->flowable->in_line;
        scope_free(run->flowable->children);
    }
    free(run->flowable);
    run->flowable = NULL;
    unit_remove_task_run(step->unit, live->execution->id, run->id);
    execution_remove_task_run(live->execution, run);
}
