/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task run begins: `runIf` decides whether, the type's place (`where`) decides how. A job goes to a worker; a
 * flowable gets a scope, which is put in line, so that its children begin after everything that begins now (the order
 * of Kestra's task runs), and so that nothing here is recursive, however deep the flow is.
 */
#include "executor/live.h"

#include "doc/json.h"

/* --- jobs --- */

static json_t *flow_reference(const Execution *execution)
{
    return json_pack("{s:s,s:s,s:i}", "namespace", execution->namespace, "id", execution->flow_id, "revision",
                     execution->flow_revision);
}

static const char *worker_group(const Task *task)
{
    return json_get_text(json_object_get(task->properties, "workerGroup"), "key", "");
}

static void fail_run(Step *step, Live *live, TaskRun *run)
{
    end_run(step, live, run, scope_allowed_state(run->task, STATE_FAILED), 0);
}

/* is_skipped: runIf is false, and the worker has only the end of a shared directory to see to. */
static void dispatch(Step *step, Live *live, TaskRun *run, bool is_skipped)
{
    const Execution *execution = live->execution;
    int attempt = (int)run->attempts.count;
    json_t *body = json_object();
    json_object_set_new_nocheck(body, "flow", flow_reference(execution));
    json_set_text(body, "executionId", execution->id);
    json_set_text(body, "taskId", run->task_id);
    json_set_text(body, "taskRunId", run->id);
    json_object_set_new_nocheck(body, "attempt", json_integer(attempt));
    json_set_text(body, "value", run->value);
    json_t *notes = run->parent ? json_object_get(run->parent->internal, "notes") : NULL;
    if (notes)
        json_object_set_nocheck(body, "notes", notes);
    if (is_skipped)
        json_object_set_new_nocheck(body, "skipped", json_true());
    json_object_set_new_nocheck(body, "variables", render_job_variables(step, live, run));
    if (!change_fits(step, live, run, body, "what the task is given")) {
        json_decref(body);
        fail_run(step, live, run);
        return;
    }
    unit_dispatch_job(step->unit, worker_group(run->task), execution->id, run->id, attempt, body);
    if (json_object_get(run->internal, "lostWithJob"))
        change_internal(live, run, "lostWithJob", NULL);
    unit_job_stands_behind(step->unit, change_ahead(live));
    change_line_up(live, run);
}

static void begin_job(Step *step, Live *live, TaskRun *run)
{
    dispatch(step, live, run, false);
}

/* Whoever runs last in a WorkingDirectory collects its files, also when it is left out. */
static bool ends_a_directory(const TaskRun *run)
{
    const Task *parent = run->task->parent;
    const TaskList *tasks = parent && parent->type && parent->type->shares_directory ? &parent->tasks : NULL;
    for (size_t i = tasks ? tasks->count : 0; i > 0; i--)
        if (!tasks->items[i - 1]->disabled)
            return tasks->items[i - 1] == run->task;
    return false;
}

static void skip(Step *step, Live *live, TaskRun *run)
{
    if (ends_a_directory(run))
        dispatch(step, live, run, true);
    else
        end_run(step, live, run, STATE_SKIPPED, 0);
}

/* --- flowables --- */

int begin_plan(Step *step, Live *live, TaskRun *run, FlowablePlan *ret)
{
    _cleanup_render_ Render render = render_begin(step, live, run, run->task);
    FlowableContext context = {
        .task = run->task,
        .task_run = run,
        .render = &render.context,
        .diag = step->diag,
        .now = step->now,
    };
    return run->task->type->open(&context, ret);
}

/* Kestra resolves state and outputs separately and says so twice. */
static void say_unresolved(Step *step, Live *live, TaskRun *run, const char *reason)
{
    change_log(step, live, run, LOG_LEVEL_ERROR, "Unable to resolve state from the Flowable task: %s", reason);
    if (run->task->type->outputs)
        change_log(step, live, run, LOG_LEVEL_ERROR, "Unable to resolve outputs from the Flowable task: %s", reason);
}

static void open_scope(Step *step, Live *live, TaskRun *run, FlowablePlan *plan)
{
    if (!plan->tasks)
        change_log(step, live, run, LOG_LEVEL_WARN, "No task found on flow '%s.%s', task '%s', execution '%s'",
                   live->execution->namespace, live->execution->flow_id, run->task_id, live->execution->id);
    if (plan->values)
        change_internal(live, run, "values", json_incref(plan->values));
    run->flowable->children = scope_new(live->execution->flow, run, run->task, plan);
    live_line_up(live, run->flowable->children);
}

static void begin_flowable(Step *step, Live *live, TaskRun *run)
{
    change_run(step, live, run, STATE_RUNNING, 0);
    FlowablePlan plan = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Diag *outer = step->diag;
    step->diag = &diag;
    int r = begin_plan(step, live, run, &plan);
    step->diag = outer;
    if (r != 0) {
        say_unresolved(step, live, run, diag_first(&diag));
        end_run(step, live, run, scope_allowed_state(run->task, STATE_FAILED), 0);
        return;
    }
    change_outputs(live, run, plan.outputs ? TAKE_PTR(plan.outputs) : json_object());
    if (plan.pauses)
        pause_begin(step, live, run, &plan);
    else
        open_scope(step, live, run, &plan);
}

/* --- all --- */

/* How a task of each kind begins. Kinds that are no tasks never get here. */
static void (*const beginnings[])(Step *step, Live *live, TaskRun *run) = {
    [RUN_INLINE] = begin_job,  [RUN_CHILD] = begin_job,         [RUN_WAIT] = begin_job,
    [RUN_PROCESS] = begin_job, [RUN_FLOWABLE] = begin_flowable, [RUN_EXECUTOR] = subflow_carry_out,
};

typedef enum RunIf { RUN_IF_TRUE, RUN_IF_FALSE, RUN_IF_BROKEN } RunIf;

static RunIf evaluate_run_if(Step *step, Live *live, TaskRun *run)
{
    const ExprTree *condition = run->task->templates ? expr_tree_get(run->task->templates, "runIf") : NULL;
    if (!condition)
        return RUN_IF_TRUE;
    _cleanup_render_ Render render = render_begin(step, live, run, run->task);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_free_ char *text = NULL;
    if (expr_tree_render_text(condition, &render.context, &text, &diag) != 0) {
        change_log(step, live, run, LOG_LEVEL_ERROR, "Unable to evaluate the runIf condition for task %s",
                   run->task_id);
        change_log(step, live, run, LOG_LEVEL_DEBUG, "runIf of task %s: %s", run->task_id, diag_first(&diag));
        return RUN_IF_BROKEN;
    }
    return expr_is_truthy(text) ? RUN_IF_TRUE : RUN_IF_FALSE;
}

void begin_run(Step *step, Live *live, TaskRun *run)
{
    const Type *type = run->task ? run->task->type : NULL;
    live->advanced = true;
    if (!type || (size_t)type->where >= ELEMENTS(beginnings) || !beginnings[type->where]) {
        change_log(step, live, run, LOG_LEVEL_ERROR, "Task '%s' can not run: its type '%s' is unknown here",
                   run->task_id, run->task ? run->task->type_name : "");
        fail_run(step, live, run);
        return;
    }
    RunIf decision = evaluate_run_if(step, live, run);
    if (decision == RUN_IF_BROKEN)
        fail_run(step, live, run);
    else if (decision == RUN_IF_FALSE)
        skip(step, live, run);
    else
        beginnings[type->where](step, live, run);
}

static const char waits[] = "begins"; /* in TaskRun.internal: it has not begun */

void begin_run_or_wait(Step *step, Live *live, TaskRun *run)
{
    if (!step_is_full(step, live)) {
        begin_run(step, live, run);
        return;
    }
    change_internal(live, run, waits, json_true());
    vec_push(&live->unbegun, run);
}

bool begin_waits(const TaskRun *run)
{
    return json_object_get(run->internal, waits) != NULL;
}

void begin_waiting_runs(Step *step, Live *live)
{
    size_t first = 0;
    for (; first < live->unbegun.count && !step_is_full(step, live); first++) {
        TaskRun *run = live->unbegun.items[first];
        State state = state_current(&run->state);
        change_internal(live, run, waits, NULL);
        live->begun++;
        if ((state == STATE_CREATED || state == STATE_RESTARTED) && !state_is_terminated(live_state(live)))
            begin_run(step, live, run);
    }
    live->unbegun.count -= first;
    if (first > 0 && live->unbegun.count > 0)
        memmove(live->unbegun.items, live->unbegun.items + first, live->unbegun.count * sizeof(TaskRun *));
}

void begin_item(Step *step, Live *live, Scope *scope, const ScopeItem *item)
{
    TaskRun *run = change_add_run(step, live, item->task, scope->run, item->value);
    live->begun++;
    *run->flowable = (struct Flowable){.item = item->index, .phase = scope->phase, .counted = true};
    if (scope->task && scope->task->type->repeat)
        run->iteration = MAX(scope->run->iteration, 1);
}
