/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations change histories and remove task runs; they start nothing. Whoever owns the execution looks at the result
 * and goes on from it exactly as it would after a takeover, so that an operation needs no second description of what
 * runs next.
 */
#include "model/operation.h"

#include "doc/json.h"

static int refuse(const Operation *operation, int outcome, const char *format, ...) _printf_(3, 4);
static int refuse(const Operation *operation, int outcome, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    diag_error(operation->diag, NULL, 0, 0, "%s", line);
    return outcome;
}

bool task_run_is_flowable(const TaskRun *run)
{
    return run->task && run->task->type && run->task->type->where == RUN_FLOWABLE;
}

static void set_run(const Operation *operation, TaskRun *run, State state)
{
    state_set(&run->state, state, operation->now);
    run->dirty = true;
}

static void set_execution(const Operation *operation, Execution *execution, State state)
{
    state_set(&execution->state, state, operation->now);
    execution->dirty = true;
}

static void note_removed(json_t *removed, const TaskRun *run)
{
    json_t *entry = json_pack("{s:s,s:b}", "id", run->id, "open", !state_is_terminated(state_current(&run->state)));
    json_set_text(entry, "child", json_get_text(run->internal, "child", NULL));
    json_array_append_new(removed, entry);
}

/* Removes the marked runs, children before parents. `marks` is by index of the list. */
static void remove_marked(const Operation *operation, Execution *execution, const bool *marks)
{
    for (size_t i = execution->task_runs.count; i > 0; i--) {
        TaskRun *run = execution->task_runs.items[i - 1];
        if (!marks[i - 1])
            continue;
        if (operation->removed)
            note_removed(operation->removed, run);
        execution_remove_task_run(execution, run);
    }
}

/* Handlers of the whole flow are done again. */
static void remove_handlers(const Operation *operation, Execution *execution)
{
    size_t count = execution->task_runs.count;
    _cleanup_free_ bool *marks = xnew_n(bool, count + 1);
    for (size_t i = 0; i < count; i++) {
        const TaskRun *run = execution->task_runs.items[i];
        marks[i] = run->task && run->task->in_errors;
    }
    remove_marked(operation, execution, marks);
}

static bool list_has(const TaskList *list, const Task *task)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == task)
            return true;
    return false;
}

/* Which of the lists around it, in the order in which they run, the run's task is of; 0: the tasks themselves. */
static unsigned phase_of(const Execution *execution, const TaskRun *run)
{
    const Task *outer = run->parent ? run->parent->task : NULL;
    const Flow *flow = execution->flow;
    if (!run->task || !flow || (run->parent && !outer))
        return 0;
    const TaskList *lists[] = {outer ? &outer->errors : &flow->errors, outer ? &outer->finally : &flow->finally,
                               outer ? NULL : &flow->after_execution};
    for (unsigned i = 0; i < ELEMENTS(lists); i++)
        if (lists[i] && list_has(lists[i], run->task))
            return i + 1;
    return 0;
}

static bool is_ancestor_or_self(const TaskRun *ancestor, const TaskRun *run)
{
    for (; run; run = run->parent)
        if (run == ancestor)
            return true;
    return false;
}

/* The two ancestors (or selves) that stand side by side. False: one of the runs stands below the other. */
static bool climb_to_siblings(const TaskRun **a, const TaskRun **b)
{
    if (is_ancestor_or_self(*a, *b) || is_ancestor_or_self(*b, *a))
        return false;
    while ((*b)->parent && !is_ancestor_or_self((*b)->parent, *a))
        *b = (*b)->parent;
    while ((*a)->parent != (*b)->parent)
        *a = (*a)->parent;
    return true;
}

/* Whether `run` began because of how `changed`, or a flowable around it, had ended. */
static bool handles_end_of(const Execution *execution, const TaskRun *changed, const TaskRun *run)
{
    return climb_to_siblings(&changed, &run) && phase_of(execution, run) > phase_of(execution, changed);
}

/* What such handlers did is done again, if it comes to that. */
static void remove_later_handlers(const Operation *operation, Execution *execution, const TaskRun *changed)
{
    size_t count = execution->task_runs.count;
    _cleanup_free_ bool *marks = xnew_n(bool, count + 1);
    for (size_t i = 0; i < count; i++)
        marks[i] = handles_end_of(execution, changed, execution->task_runs.items[i]);
    remove_marked(operation, execution, marks);
}

static void restart_run(const Operation *operation, TaskRun *run)
{
    set_run(operation, run, task_run_is_flowable(run) ? STATE_RUNNING : STATE_RESTARTED);
    for (TaskRun *parent = run->parent; parent; parent = parent->parent)
        set_run(operation, parent, STATE_RUNNING);
}

/* FAILED and PAUSED leaves first: a flowable that failed because of a child is one of the ancestors. */
static unsigned restart_runs(const Operation *operation, Execution *execution)
{
    unsigned restarted = 0;
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        TaskRun *run = execution->task_runs.items[i];
        State state = state_current(&run->state);
        if (state != STATE_FAILED && state != STATE_PAUSED)
            continue;
        restart_run(operation, run);
        restarted++;
    }
    return restarted;
}

static bool can_restart(const Execution *execution)
{
    State state = state_current(&execution->state);
    return state_is_terminated(state) || state == STATE_PAUSED;
}

static int refuse_running(const Operation *operation, const Execution *execution)
{
    return refuse(operation, OPERATION_E_STATE, "Execution must be terminated to be restarted, current state is '%s' !",
                  state_to_string(state_current(&execution->state)));
}

int operation_restart(const Operation *operation, Execution *execution)
{
    if (!can_restart(execution))
        return refuse_running(operation, execution);
    bool any = false;
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        State state = state_current(&execution->task_runs.items[i]->state);
        any = any || state == STATE_FAILED || state == STATE_PAUSED;
    }
    if (!any)
        return refuse(operation, OPERATION_E_INVALID, "No task found to restart execution from!");
    remove_handlers(operation, execution);
    (void)restart_runs(operation, execution);
    execution->attempt_number++;
    set_execution(operation, execution, STATE_RESTARTED);
    return 0;
}

/* --- new executions out of old ones --- */

static void make_id(const Operation *operation, char ret_id[static ID_BYTES])
{
    if (operation->new_id)
        operation->new_id(operation->userdata, ret_id);
    else
        id_new(ret_id);
}

static void set_json(json_t **member, json_t *value)
{
    json_decref(*member);
    *member = value ? json_incref(value) : NULL;
}

static Execution *successor(const Operation *operation, const Execution *from, Flow *flow, int revision)
{
    char id[ID_BYTES];
    make_id(operation, id);
    Execution *next =
        execution_new(id, from->namespace, from->flow_id, revision ? revision : from->flow_revision, operation->now);
    set_json(&next->inputs, from->inputs);
    set_json(&next->labels, from->labels);
    set_json(&next->variables, from->variables);
    set_json(&next->trigger, from->trigger);
    next->schedule_date = from->schedule_date;
    next->parent_id = xstrdup(from->id);
    free(next->original_id);
    next->original_id = xstrdup(from->original_id);
    next->attempt_number = from->attempt_number + 1;
    next->original_created_date = from->original_created_date;
    if (flow)
        execution_bind_flow(next, flow);
    return next;
}

/* Copies the task runs under new ids; *ret_map is old id → new id. */
static void copy_task_runs(const Operation *operation, const Execution *from, Execution *to, json_t *map)
{
    for (size_t i = 0; i < from->task_runs.count; i++) {
        const TaskRun *old = from->task_runs.items[i];
        char id[ID_BYTES];
        make_id(operation, id);
        TaskRun *parent = old->parent ? execution_task_run(to, json_get_text(map, old->parent->id, NULL)) : NULL;
        const Task *task = to->flow ? flow_task(to->flow, old->task_id) : NULL;
        TaskRun *run = execution_add_task_run(to, id, old->task_id, task, parent, old->value, operation->now);
        run->iteration = old->iteration;
        run->dynamic = old->dynamic;
        state_trail_done(&run->state);
        state_trail_copy(&run->state, &old->state);
        for (size_t a = 0; a < old->attempts.count; a++) {
            TaskRunAttempt attempt = {.log_file = xstrdup_null(old->attempts.items[a].log_file)};
            state_trail_copy(&attempt.state, &old->attempts.items[a].state);
            vec_push(&run->attempts, attempt);
        }
        set_json(&run->outputs, old->outputs);
        set_json(&run->internal, old->internal);
        json_object_set_new(map, old->id, json_string(id));
    }
    state_trail_done(&to->state);
    state_trail_copy(&to->state, &from->state);
}

int operation_restart_as(const Operation *operation, const Execution *from, Flow *flow, int revision, Execution **ret)
{
    if (!can_restart(from))
        return refuse_running(operation, from);
    Execution *next = successor(operation, from, flow, revision);
    _cleanup_json_ json_t *map = json_object();
    copy_task_runs(operation, from, next, map);
    Operation quiet = *operation;
    quiet.removed = NULL; /* they were never stored */
    int r = operation_restart(&quiet, next);
    next->attempt_number = from->attempt_number + 1;
    if (r != 0) {
        execution_free(next);
        return r;
    }
    *ret = next;
    return 0;
}

/* Whether `run` came after `first` and has to be done again: its children, and what began when it (or the branch in
 * which it stands) had ended. Its ancestors stay, and what ran beside it in a Parallel or Dag. */
static bool comes_after(const TaskRun *first, const TaskRun *run)
{
    if (is_ancestor_or_self(run, first))
        return false;
    const TaskRun *branch = first, *later = run;
    if (!climb_to_siblings(&branch, &later))
        return true;
    return later->position > branch->position && state_start_date(&later->state) >= state_end_date(&branch->state);
}

int operation_replay(const Operation *operation, const Execution *from, Flow *flow, const char *task_run_id,
                     int revision, Execution **ret)
{
    if (task_run_id && !can_restart(from)) /* from the beginning it may run beside the other */
        return refuse_running(operation, from);
    if (task_run_id && !execution_task_run(from, task_run_id))
        return refuse(operation, OPERATION_E_INVALID, "No task found to restart execution from!");
    Execution *next = successor(operation, from, flow, revision);
    *ret = next;
    if (!task_run_id)
        return 0;
    _cleanup_json_ json_t *map = json_object();
    copy_task_runs(operation, from, next, map);
    TaskRun *first = execution_task_run(next, json_get_text(map, task_run_id, NULL));
    size_t count = next->task_runs.count;
    _cleanup_free_ bool *marks = xnew_n(bool, count + 1);
    for (size_t i = 0; i < count; i++) /* a copy's positions are its indexes */
        marks[i] = comes_after(first, next->task_runs.items[i]);
    Operation quiet = *operation;
    quiet.removed = NULL;
    remove_marked(&quiet, next, marks);
    set_run(operation, first, task_run_is_flowable(first) ? STATE_RUNNING : STATE_RESTARTED);
    for (TaskRun *parent = first->parent; parent; parent = parent->parent)
        set_run(operation, parent, STATE_RUNNING);
    set_execution(operation, next, STATE_RESTARTED);
    return 0;
}

/* --- state changes --- */

static bool any_paused(const Execution *execution)
{
    for (size_t i = 0; i < execution->task_runs.count; i++)
        if (state_current(&execution->task_runs.items[i]->state) == STATE_PAUSED)
            return true;
    return false;
}

int operation_mark_as(const Operation *operation, Execution *execution, const char *task_run_id, State state)
{
    TaskRun *run = execution_task_run(execution, task_run_id);
    if (!run)
        return refuse(operation, OPERATION_E_NONE, "No task run found for id '%s'", task_run_id ? task_run_id : "");
    bool was_paused = state_current(&run->state) == STATE_PAUSED;
    remove_later_handlers(operation, execution, run);
    set_run(operation, run, state);
    if (run->attempts.count)
        state_set(&run->attempts.items[run->attempts.count - 1].state, state, operation->now);
    if (was_paused && state == STATE_RUNNING && run->task && !run->task->tasks.count)
        set_run(operation, run, STATE_SUCCESS);
    for (TaskRun *parent = run->parent; parent; parent = parent->parent)
        set_run(operation, parent, STATE_RUNNING);
    if (!any_paused(execution))
        set_execution(operation, execution, STATE_RESTARTED);
    return 0;
}

int operation_pause(const Operation *operation, Execution *execution)
{
    if (!state_is_running(state_current(&execution->state)))
        return refuse(operation, OPERATION_E_INVALID, "Execution '%s' is not running, can't pause it", execution->id);
    set_execution(operation, execution, STATE_PAUSED);
    return 0;
}

/* Without those that were left empty: a template that reads one of them fails. */
static json_t *given_values(const json_t *inputs)
{
    json_t *values = json_object();
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)inputs, name, value)
        if (!json_is_null(value))
            json_object_set(values, name, value);
    return values;
}

int operation_resume(const Operation *operation, Execution *execution, const json_t *inputs)
{
    if (state_current(&execution->state) != STATE_PAUSED)
        return refuse(operation, OPERATION_E_STATE, "Execution '%s' is not paused, can't resume it", execution->id);
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        TaskRun *run = execution->task_runs.items[i];
        if (state_current(&run->state) != STATE_PAUSED)
            continue;
        if (inputs && json_array_size(json_object_get(run->task ? run->task->properties : NULL, "onResume"))) {
            json_t *outputs = run->outputs ? json_copy(run->outputs) : json_object();
            json_object_set_new(outputs, "onResume", given_values(inputs));
            json_decref(run->outputs);
            run->outputs = outputs;
        }
        return operation_mark_as(operation, execution, run->id, STATE_RUNNING);
    }
    set_execution(operation, execution, STATE_RUNNING);
    return 0;
}

int operation_change_status(const Operation *operation, Execution *execution, State state)
{
    if (!state_is_terminated(state))
        return refuse(operation, OPERATION_E_INVALID, "The new status must be a terminated one");
    if (!state_is_terminated(state_current(&execution->state)))
        return refuse(operation, OPERATION_E_INVALID, "Execution '%s' is not terminated", execution->id);
    set_execution(operation, execution, state);
    return 0;
}

int operation_force_run(const Operation *operation, Execution *execution)
{
    State state = state_current(&execution->state);
    if (state_is_terminated(state))
        return refuse(operation, OPERATION_E_INVALID, "Execution '%s' is in a terminated state", execution->id);
    if (state == STATE_PAUSED)
        return operation_resume(operation, execution, NULL);
    if (state_is_created(state) || state == STATE_QUEUED)
        set_execution(operation, execution, STATE_RUNNING);
    return 0;
}

int operation_unqueue(const Operation *operation, Execution *execution)
{
    if (state_current(&execution->state) != STATE_QUEUED)
        return refuse(operation, OPERATION_E_INVALID, "Execution '%s' is not queued", execution->id);
    set_execution(operation, execution, STATE_RUNNING);
    return 0;
}

void operation_set_labels(Execution *execution, const json_t *labels)
{
    json_t *merged = labels_merge(execution->labels, labels);
    json_decref(execution->labels);
    execution->labels = merged;
    execution->dirty = true;
}
