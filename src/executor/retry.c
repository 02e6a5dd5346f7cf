/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retries. The policy is the task's own, else that of the nearest flowable around it, else the flow's. One retry at a
 * time holds an execution in state RETRYING; another task that fails meanwhile waits in line until the first has begun
 * again, as in Kestra, so that every retry is a pair RETRYING, RUNNING in the history.
 */
#include "executor/live.h"

#include "doc/json.h"

const Retry *retry_policy(const Live *live, const TaskRun *run)
{
    for (const Task *task = run->task; task; task = task->parent)
        if (task->retry)
            return task->retry;
    return live->execution->flow->retry;
}

/* Uniform in [minimum, maximum). */
static usec_t random_between(Step *step, usec_t minimum, usec_t maximum)
{
    return maximum > minimum ? minimum + step->random(step->random_userdata) % (maximum - minimum) : minimum;
}

/* attempts: made so far, at least 1. */
static usec_t delay_of(Step *step, const Retry *retry, unsigned attempts)
{
    if (retry->type == RETRY_RANDOM)
        return random_between(step, retry->interval_usec, retry->interval_max_usec);
    if (retry->type == RETRY_CONSTANT)
        return retry->interval_usec;
    uint64_t factor = retry->delay_factor > 0 ? (uint64_t)retry->delay_factor : 2;
    double delay = (double)retry->interval_usec * (double)factor * (double)(attempts - 1);
    if (retry->interval_max_usec && delay > (double)retry->interval_max_usec)
        return retry->interval_max_usec;
    return (usec_t)delay;
}

/* 0: no further attempt. */
static usec_t next_date(Step *step, const Retry *retry, unsigned attempts, usec_t begun, usec_t ended)
{
    if (retry->attempts_max && attempts >= retry->attempts_max)
        return 0;
    usec_t next = ended + delay_of(step, retry, MAX(attempts, 1u));
    return retry->duration_max_usec && next > begun + retry->duration_max_usec ? 0 : next;
}

/* The run has made at least one attempt: the one that failed. */
static usec_t retry_date(Step *step, const Live *live, const TaskRun *run, const Retry *retry)
{
    const Execution *execution = live->execution;
    usec_t ended = state_end_date(&run->attempts.items[run->attempts.count - 1].state);
    if (retry->behavior == RETRY_CREATE_NEW_EXECUTION)
        return next_date(step, retry, (unsigned)MAX(execution->attempt_number, 1), execution->original_created_date,
                         ended);
    usec_t begun = state_start_date(&run->attempts.items[0].state);
    return next_date(step, retry, (unsigned)(run->attempts.count - result_attempts_lost(run)), begun, ended);
}

/* A failing task at the top shows in the history before its retry: clients know that from Kestra. */
static bool shows_failure(const Live *live, const TaskRun *run)
{
    return !run->parent && run->task && (run->task->retry || !live->execution->flow->errors.count);
}

static void retry_task(Step *step, Live *live, TaskRun *run, usec_t date)
{
    if (shows_failure(live, run))
        change_execution(step, live, STATE_FAILED);
    change_run(step, live, run, STATE_RETRYING, 0);
    change_execution(step, live, STATE_RETRYING);
    change_set_timer(step, live, "retry", run, date);
}

/* The execution ends here, and another begins at the date. */
static void retry_execution(Step *step, Live *live, TaskRun *run, usec_t date)
{
    change_execution(step, live, STATE_FAILED);
    for (TaskRun *ancestor = run; ancestor; ancestor = ancestor->parent)
        change_run(step, live, ancestor, STATE_RETRIED, 0);
    end_as_retried(step, live);
    change_set_timer(step, live, "replay", NULL, date);
}

bool retry_take(Step *step, Live *live, TaskRun *run)
{
    const Retry *retry = retry_policy(live, run);
    State state = live_state(live);
    if (!retry || state == STATE_KILLING || state_is_terminated(state) ||
        (run->task && run->task->in_errors && !run->task->retry))
        return false;
    usec_t date = retry_date(step, live, run, retry);
    if (!date)
        return false;
    change_run(step, live, run, STATE_FAILED, 0);
    if (retry->behavior == RETRY_CREATE_NEW_EXECUTION) {
        retry_execution(step, live, run, date);
    } else if (state == STATE_RETRYING) {
        change_internal(live, run, "retryWaits", json_integer((json_int_t)date));
        vec_push(&live->retry_line, run);
    } else {
        retry_task(step, live, run, date);
    }
    return true;
}

static void begin_waiting(Step *step, Live *live)
{
    if (!live->retry_line.count)
        return;
    TaskRun *run = live->retry_line.items[0];
    live->retry_line.count--;
    memmove(live->retry_line.items, live->retry_line.items + 1, live->retry_line.count * sizeof(TaskRun *));
    usec_t date = (usec_t)json_get_integer(run->internal, "retryWaits", 0);
    change_internal(live, run, "retryWaits", NULL);
    retry_task(step, live, run, date);
}

void retry_due(Step *step, Live *live, TaskRun *run)
{
    if (state_current(&run->state) != STATE_RETRYING)
        return;
    if (live_state(live) == STATE_RETRYING)
        change_execution(step, live, STATE_RUNNING);
    change_run(step, live, run, STATE_CREATED, 0);
    begin_run(step, live, run);
    begin_waiting(step, live);
}

static void new_id(void *userdata, char ret_id[static ID_BYTES])
{
    change_new_id(userdata, ret_id);
}

/* Who waits for this execution waits for the next one from here on; kills and the merge of a ForEachItem find it. */
static void pass_on_parent(Execution *execution, Execution *next)
{
    json_t *parent = json_object_get(execution->internal, "parent");
    json_t *depth = json_object_get(execution->internal, "depth");
    if (parent || depth)
        next->internal = json_pack("{s:O*,s:O*}", "parent", parent, "depth", depth);
    if (!execution->internal)
        execution->internal = json_object();
    json_set_text(execution->internal, "successor", next->id);
    execution->dirty = true;
}

void retry_flow_due(Step *step, Live *live)
{
    Operation operation = {.now = step->now, .new_id = new_id, .userdata = step, .diag = step->diag};
    Execution *next;
    if (operation_replay(&operation, live->execution, live->execution->flow, NULL, 0, &next) != 0)
        return;
    pass_on_parent(live->execution, next);
    unit_create_execution(step->unit, next, step->now);
    execution_free(next);
}
