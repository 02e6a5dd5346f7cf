/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What events do. Operations of people are applied by model/operation.c; then the scopes are opened anew from the task
 * runs, as after a takeover, and what is RESTARTED begins.
 */
#include "executor/live.h"
#include "executor/slots.h"

#include "doc/json.h"

/* --- operations --- */

/* Task runs may go, so nothing may point at them any more. */
Operation act_operation_begin(Step *step, Live *live)
{
    step_save(step, live);
    live_forget_scopes(live);
    return (Operation){.now = step->now, .removed = json_array(), .diag = step->diag};
}

/* Nobody waits any more for what it had begun. */
static void forget_removed(Step *step, const Live *live, const json_t *removed)
{
    const char *id = json_get_text(removed, "id", ""), *child = json_get_text(removed, "child", NULL);
    unit_remove_task_run(step->unit, live->execution->id, id);
    if (!json_get_boolean(removed, "open", false))
        return;
    unit_cancel_job(step->unit, id);
    if (child)
        unit_send_event(step->unit, child, event_kind_to_string(EVENT_KILL_TREE), json_pack("{s:b}", "cascade", 1));
}

int act_operation_end(Step *step, Live *live, Operation *operation, int r)
{
    size_t index;
    json_t *removed;
    json_array_foreach (operation->removed, index, removed)
        forget_removed(step, live, removed);
    json_decref(operation->removed);
    if (r == 0) {
        listen_publish(step, live);
        act_resync(step, live);
    } else {
        live_rebuild(step, live);
    }
    return r == 0 ? 0 : STEP_E_STALE;
}

static void begin_restarted(Step *step, Live *live)
{
    size_t count = live->execution->task_runs.count;
    for (size_t i = 0; i < count; i++) {
        TaskRun *run = live->execution->task_runs.items[i];
        if (state_current(&run->state) == STATE_RESTARTED)
            begin_run_or_wait(step, live, run);
    }
}

void act_resync(Step *step, Live *live)
{
    Execution *execution = live->execution;
    bool waits = live_state(live) == STATE_RESTARTED && limit_ask(step, live);
    if (live_state(live) == STATE_RESTARTED && !waits)
        change_execution(step, live, STATE_RUNNING);
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        TaskRun *run = execution->task_runs.items[i];
        bool dirty = run->dirty;
        run->dirty = false;
        if (dirty)
            change_mark(live, run);
    }
    outputs_tree_free(live->outputs);
    live->outputs = outputs_tree_new(execution);
    live_rebuild(step, live);
    if (!waits && !state_is_terminated(live_state(live))) /* ended, and something was marked PAUSED: it stays ended */
        begin_restarted(step, live);
}

int act_restart(Step *step, Live *live, const json_t *body)
{
    Operation operation = act_operation_begin(step, live);
    return act_operation_end(step, live, &operation, operation_restart(&operation, live->execution));
}

static void clear_pauses(Step *step, Live *live)
{
    for (size_t i = 0; i < live->execution->task_runs.count; i++) {
        TaskRun *run = live->execution->task_runs.items[i];
        if (state_current(&run->state) == STATE_PAUSED) {
            pause_clear_timers(step, live, run);
            return; /* the first is the one that goes on */
        }
    }
}

int act_resume(Step *step, Live *live, const json_t *body)
{
    clear_pauses(step, live);
    Operation operation = act_operation_begin(step, live);
    int r = operation_resume(&operation, live->execution, json_object_get(body, "inputs"));
    return act_operation_end(step, live, &operation, r);
}

int act_mark_as(Step *step, Live *live, const json_t *body)
{
    State state = state_from_string(json_get_text(body, "state", NULL));
    if (state < 0) {
        diag_error(step->diag, "state", 0, 0, "is not a state");
        return STEP_E_INVALID;
    }
    Operation operation = act_operation_begin(step, live);
    int r = operation_mark_as(&operation, live->execution, json_get_text(body, "taskRunId", NULL), state);
    return act_operation_end(step, live, &operation, r);
}

int act_force_run(Step *step, Live *live, const json_t *body)
{
    bool resumes = live_state(live) == STATE_PAUSED;
    if (!resumes) {
        limit_force(step, live);
        act_start(step, live);
        return 0;
    }
    Operation operation = act_operation_begin(step, live);
    return act_operation_end(step, live, &operation, operation_force_run(&operation, live->execution));
}

int act_unqueue(Step *step, Live *live, const json_t *body)
{
    limit_force(step, live);
    act_start(step, live);
    return 0;
}

int act_pause(Step *step, Live *live, const json_t *body)
{
    change_execution(step, live, STATE_PAUSED);
    return 0;
}

int act_change_status(Step *step, Live *live, const json_t *body)
{
    Operation operation = {.now = step->now, .diag = step->diag};
    State state = state_from_string(json_get_text(body, "state", NULL));
    if (operation_change_status(&operation, live->execution, state) != 0)
        return STEP_E_INVALID;
    listen_publish(step, live);
    return 0;
}

int act_labels(Step *step, Live *live, const json_t *body)
{
    json_t *labels;
    if (labels_decode(json_object_get(body, "labels"), &labels) != 0) {
        diag_error(step->diag, "labels", 0, 0, "are neither a list nor a map of texts");
        return STEP_E_INVALID;
    }
    operation_set_labels(live->execution, labels);
    json_decref(labels);
    return 0;
}

/* --- life --- */

/* The kill is on its way; without a look, what begins in the same batch would stay ahead of it for ever. */
static bool was_started_by_killed(const Step *step, const Execution *execution)
{
    const char *starter = json_get_text(json_object_get(execution->trigger, "variables"), "executionId", NULL);
    return step->is_killed && starter && json_object_get(execution->internal, "depth") &&
           step->is_killed(step->flows_userdata, starter);
}

int act_begin(Step *step, Live *live, const json_t *body)
{
    const Execution *execution = live->execution;
    if (live_state(live) == STATE_RESTARTED) {
        act_resync(step, live);
        return 0;
    }
    if (execution->schedule_date > step->now) {
        change_set_timer(step, live, "schedule", NULL, execution->schedule_date);
        return 0;
    }
    if (was_started_by_killed(step, execution)) {
        change_execution(step, live, STATE_KILLING);
        end_execution(step, live, STATE_KILLED);
        return 0;
    }
    live->behind = (unsigned)json_get_integer(execution->internal, "line", 0);
    sla_begin(step, live);
    sla_check(step, live);
    if (!state_is_terminated(live_state(live)) && !limit_ask(step, live))
        act_start(step, live);
    return 0;
}

void act_start(Step *step, Live *live)
{
    change_execution(step, live, STATE_RUNNING);
    change_log(step, live, NULL, LOG_LEVEL_DEBUG, "Flow started");
    if (live->execution->task_runs.count) /* restarted, and then it had to wait for its slot */
        act_resync(step, live);
}

int act_follow(Step *step, Live *live, const json_t *body)
{
    unit_tell_followers(step->unit, live->execution->id);
    return 0;
}

/* Only workers have internal storage: the files go by a job of its own, which waits until there is a worker, and ends
 * without an execution to report to. */
static void delete_files(Step *step, const Execution *execution)
{
    json_t *body =
        json_pack("{s:{s:s,s:s,s:i},s:s,s:s,s:s,s:{}}", "flow", "namespace", execution->namespace, "id",
                  execution->flow_id, "revision", execution->flow_revision, "executionId", execution->id, "taskId",
                  "delete-files", "chore", "io.kestra.plugin.core.storage.PurgeCurrentExecutionFiles", "variables");
    _cleanup_free_ char *key = xasprintf("delete-files:%s", execution->id);
    unit_dispatch_job(step->unit, "", execution->id, key, 0, body);
}

static void delete_rows(Step *step, const Execution *execution, const json_t *body)
{
    if (json_get_boolean(body, "storage", false))
        delete_files(step, execution);
    unit_delete_execution(step->unit, execution->id, json_get_boolean(body, "logs", true),
                          json_get_boolean(body, "metrics", true));
    unit_tell_followers(step->unit, execution->id);
}

void step_delete_unread(Step *step, const Execution *execution, const json_t *body)
{
    _cleanup_free_ char *key = slots_key(execution->namespace, execution->flow_id);
    unit_send_event(step->unit, key, event_kind_to_string(EVENT_SLOT_RELEASE),
                    json_pack("{s:s}", "executionId", execution->id));
    delete_rows(step, execution, body);
}

int act_delete(Step *step, Live *live, const json_t *body)
{
    limit_release(step, live);
    if (!state_is_terminated(live_state(live))) {
        end_tell_trigger(step, live);
        subflow_tell_parent(step, live, STATE_KILLED);
    }
    delete_rows(step, live->execution, body);
    live_forget_scopes(live);
    live->deleted = true;
    return 0;
}

/* --- kill --- */

/* A run that no worker and no child execution holds, and that has no children open, ends here; the others are reported.
 */
static void kill_run(Step *step, Live *live, TaskRun *run, bool cascade)
{
    State state = state_current(&run->state);
    if (state_is_terminated(state) && !json_object_get(run->internal, "retryWaits"))
        return;
    if (run->flowable && run->flowable->children)
        return;
    bool has_child = json_object_get(run->internal, "child") != NULL;
    if (state_is_running(state) && (has_child || items_are_open(run)) && cascade)
        return;
    if (state_is_running(state) && run->attempts.count && !begin_waits(run) && !has_child && !items_has(run)) {
        unit_kill_job(step->unit, run->id);
        return;
    }
    unit_cancel_job(step->unit, run->id);
    end_waiting(step, live, run);
    end_run(step, live, run, STATE_KILLED, 0);
}

int act_kill(Step *step, Live *live, const json_t *body)
{
    bool began = live->root && live->execution->task_runs.count;
    bool cascade = json_get_boolean(body, "cascade", true);
    if (cascade)
        subflow_kill_children(step, live);
    if (pause_kill(step, live))
        return 0;
    change_execution(step, live, STATE_KILLING);
    if (!began) {
        end_execution(step, live, STATE_KILLED);
        return 0;
    }
    live->retry_line.count = 0;
    size_t count = live->execution->task_runs.count;
    for (size_t i = count; i > 0; i--)
        kill_run(step, live, live->execution->task_runs.items[i - 1], cascade);
    for (size_t i = 0; i < count; i++) {
        const TaskRun *run = live->execution->task_runs.items[i];
        if (run->flowable && run->flowable->children)
            live_line_up(live, run->flowable->children);
    }
    live_line_up(live, live->root);
    return 0;
}

/* It has ended before what started it was killed; what it has started goes with the tree. */
int act_kill_ended(Step *step, Live *live, const json_t *body)
{
    subflow_kill_children(step, live);
    return 0;
}

/* Nothing runs here any more; what waits is the retry. */
int act_kill_retried(Step *step, Live *live, const json_t *body)
{
    const char *successor = json_get_text(live->execution->internal, "successor", NULL);
    if (successor) {
        unit_send_event(step->unit, successor, event_kind_to_string(EVENT_KILL), json_incref((json_t *)body));
        return 0;
    }
    change_clear_timer(step, live, "replay", NULL);
    change_execution(step, live, STATE_KILLED);
    subflow_tell_parent(step, live, STATE_KILLED);
    return 0;
}

/* --- timers --- */

static void schedule_due(Step *step, Live *live, TaskRun *run)
{
    if (live_state(live) == STATE_CREATED && !limit_ask(step, live))
        act_start(step, live);
}

/* What is in line goes on after every event. */
static void advance_due(Step *step, Live *live, TaskRun *run)
{
    live->postponed = false;
}

static void replay_due(Step *step, Live *live, TaskRun *run)
{
    if (live_state(live) == STATE_RETRIED)
        retry_flow_due(step, live);
}

/* Complete: names that change_set_timer() is given. `of_run`: the name goes on with ":<task run>". */
static const struct {
    const char *name;
    bool of_run;
    void (*due)(Step *step, Live *live, TaskRun *run);
} timer_names[] = {
    {"retry", true, retry_due},       {"resume", true, pause_resume_due}, {"expire", true, pause_expire_due},
    {"round", true, pause_round_due}, {"items", true, items_continue},    {"schedule", false, schedule_due},
    {"advance", false, advance_due},  {"replay", false, replay_due},
};

int act_timer(Step *step, Live *live, const json_t *body)
{
    const char *name = json_get_text(body, "name", "");
    unit_clear_timer(step->unit, live->execution->id, name);
    if (starts_with(name, "sla:")) {
        if (!state_is_terminated(live_state(live)))
            sla_due(step, live, name + strlen("sla:"));
        return 0;
    }
    const char *colon = strchr(name, ':');
    size_t length = colon ? (size_t)(colon - name) : strlen(name);
    TaskRun *run = colon ? execution_task_run(live->execution, colon + 1) : NULL;
    for (size_t i = 0; i < ELEMENTS(timer_names); i++) {
        if (strlen(timer_names[i].name) != length || strncmp(timer_names[i].name, name, length) != 0)
            continue;
        if (!timer_names[i].of_run || run)
            timer_names[i].due(step, live, run);
        return 0;
    }
    diag_error(step->diag, NULL, 0, 0, "there is no timer %s", name);
    return STEP_E_STALE;
}
